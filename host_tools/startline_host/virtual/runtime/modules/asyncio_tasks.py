"""`_asyncio`: tasks and their queue, kept in the chip's ticks; the VM's own count the host's."""

from .time import ticks_diff as _ticks_diff
from .time import ticks_ms as _ticks_ms


class TaskQueue:
    """Tasks by the time at which they are due; equal times keep their order."""

    def __init__(self) -> None:
        self._tasks: list = []

    def peek(self):
        """Return the task that is due first, or None."""
        return self._tasks[0] if self._tasks else None

    def push(self, task, due=None) -> None:
        """Put a task in its place, for now if no time is given."""
        task.data = None
        task.ph_key = _ticks_ms() if due is None else due
        place = len(self._tasks)
        while place and _ticks_diff(self._tasks[place - 1].ph_key, task.ph_key) > 0:
            place -= 1
        self._tasks.insert(place, task)

    def pop(self):
        """Take out the task that is due first."""
        return self._tasks.pop(0)

    def remove(self, task) -> None:
        """Take out a task wherever it is."""
        self._tasks.remove(task)


class Task:
    """A coroutine that the event loop runs; `loop` is the namespace of `asyncio.core`.

    `state` is True while it runs, a queue while others wait for it, False or None once it is
    done; `data` is its result then, before that what it waits for.
    """

    def __init__(self, coro, loop=None) -> None:
        self.coro = coro
        self.data = None
        self.state = True
        self.ph_key = 0
        self._loop = loop

    def __iter__(self):
        if not self.state:
            self.state = False
        elif self.state is True:
            self.state = TaskQueue()
        elif not isinstance(self.state, TaskQueue):
            raise RuntimeError("can't wait")
        return self

    def __next__(self) -> None:
        if not self.state:
            raise self.data or StopIteration  # none: the loop's handler has had it
        waiting = self._loop["cur_task"]
        self.state.push(waiting)
        waiting.data = self

    def done(self) -> bool:
        """Tell whether it has ended."""
        return not self.state

    def cancel(self) -> bool:
        """Let it end with CancelledError at once; False if it has ended."""
        if not self.state:
            return False
        if self is self._loop["cur_task"]:
            raise RuntimeError("can't cancel self")
        task = self
        while isinstance(task.data, Task):  # it is the innermost that really waits
            task = task.data
        ready = self._loop["_task_queue"]
        if hasattr(task.data, "remove"):
            task.data.remove(task)
            ready.push(task)
        elif _ticks_diff(task.ph_key, _ticks_ms()) > 0:
            ready.remove(task)
            ready.push(task)
        task.data = self._loop["CancelledError"]
        return True
