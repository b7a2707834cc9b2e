"""The probe script, which prints the same on the virtual chip and on a board."""

from __future__ import annotations

from pathlib import Path

from tests.virtual.vm_harness import Vm

HERE = Path(__file__).parent


def test_the_probe_says_what_a_chip_says(tmp_path: Path) -> None:
    """Fact by fact, of every module that the port gives to programs."""
    with Vm(tmp_path) as vm:
        vm.start()
        said = vm.run((HERE / "probe.py").read_text())
    assert said == (HERE / "probe.exp").read_text()


def test_asyncio_works_in_the_chips_ticks(tmp_path: Path) -> None:
    """Sleeping, waiting for tasks, events, locks and timeouts, cancelling, gathering."""
    with Vm(tmp_path) as vm:
        vm.start()
        said = vm.run(
            """
import asyncio
async def sleeper():
    try:
        await asyncio.sleep(100)
    except asyncio.CancelledError:
        print("cancelled")
        raise
async def value(n, ms):
    await asyncio.sleep_ms(ms)
    print("value", n)
    return n
async def setter(event):
    event.set()
async def main():
    print(await asyncio.gather(value(1, 20), value(2, 0)))
    event = asyncio.Event()
    asyncio.create_task(setter(event))
    await event.wait()
    task = asyncio.create_task(sleeper())
    await asyncio.sleep(0)
    print(task.done(), task.cancel())
    try:
        await task
    except asyncio.CancelledError:
        print("it was", task.done())
    try:
        await asyncio.wait_for(sleeper(), 0.02)
    except asyncio.TimeoutError:
        print("timeout")
    async with asyncio.Lock():
        print("locked")
asyncio.run(main())
"""
        )
    assert said.splitlines() == [
        "value 2",
        "value 1",
        "[1, 2]",
        "False True",
        "cancelled",
        "it was True",
        "cancelled",
        "timeout",
        "locked",
    ]


def test_asyncio_is_interrupted_while_it_waits(tmp_path: Path) -> None:
    """Ctrl-C reaches a loop in which nothing is due."""
    with Vm(tmp_path) as vm:
        vm.start()
        vm.send(
            "import asyncio\nasync def wait():\n    print('waits')\n    await asyncio.sleep(1000)\n"
            "asyncio.run(wait())"
        )
        vm.until(b"waits")
        vm.feed(b"\x03")
        assert b"KeyboardInterrupt" in vm.until(b"\x04>")


def test_a_timers_exception_is_printed_and_the_program_goes_on(tmp_path: Path) -> None:
    """What a callback raises is shown, as the port shows it, and hurts nobody else."""
    with Vm(tmp_path) as vm:
        vm.start()
        said = vm.run(
            """
import machine, time
machine.Timer(0).init(period=10, mode=machine.Timer.ONE_SHOT, callback=lambda t: 1/0)
time.sleep_ms(50)
print("goes on")
"""
        )
    assert said.splitlines()[-2:] == ["ZeroDivisionError: divide by zero", "goes on"]
