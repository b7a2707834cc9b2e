"""What `set_*` wrote and `commit()` did not: the library only promises that commit is durable.

A real chip mostly writes at once, so a forgotten commit goes unnoticed there. Here such a value
is seen by every reader of this life, and is gone with the next reset.
"""

from .nvs import NvsStore
from .nvs_errors import NOT_ENOUGH_SPACE, NOT_FOUND, VALUE_TOO_LONG, NvsError
from .nvs_page import BLOB_INDEX, ENTRY, I32

_ERASED = None


class PendingNvs:
    """An open store, and over it the changes that wait for their owner's commit."""

    def __init__(self, store: NvsStore) -> None:
        self._store = store
        self._waiting: list = []  # [owner, namespace, key, kind, value], oldest first

    def open(self) -> None:
        """Read the partition (again); what waits stays."""
        self._store.open()

    def namespace(self, name: bytes) -> int:
        """Return the index of a namespace; a new one is in flash at once, as on the chip."""
        return self._store.namespace(name)

    def get(self, namespace: int, key: bytes, kind: int) -> bytes:
        """Return the value's bytes. Raises NvsError(NOT_FOUND)."""
        waiting = self._find(namespace, key, kind)
        if waiting:
            value = waiting[4]
        elif kind == BLOB_INDEX:
            value = self._store.get_blob(namespace, key)
        else:
            value = self._store.get(namespace, key, kind)
        if value is None:
            raise NvsError(NOT_FOUND)
        return value

    def set(self, owner: object, namespace: int, key: bytes, kind: int, value: bytes) -> None:
        """Remember a value until the owner commits. Raises NvsError when it can never fit."""
        if kind == BLOB_INDEX and len(value) > self._store.blob_limit:
            raise NvsError(VALUE_TOO_LONG)
        self._forget(namespace, key, kind)
        needed = sum(_entries(w) for w in self._waiting)
        change = [owner, namespace, key, kind, bytes(value)]
        if needed + _entries(change) > self._store.room:
            raise NvsError(NOT_ENOUGH_SPACE)
        self._waiting.append(change)

    def erase(self, owner: object, namespace: int, key: bytes) -> None:
        """Remember that a key is to be erased. Raises NvsError(NOT_FOUND)."""
        for kind in (I32, BLOB_INDEX):
            try:
                self.get(namespace, key, kind)
            except NvsError:
                continue
            self._forget(namespace, key, kind)
            self._waiting.append([owner, namespace, key, kind, _ERASED])
            return
        self._store.erase(namespace, key)  # a type that only the library's other users write

    def commit(self, owner: object) -> None:
        """Write the owner's changes, in the order in which they were made."""
        for change in [w for w in self._waiting if w[0] is owner]:
            self._apply(change)
            self._waiting.remove(change)

    def _apply(self, change: list) -> None:
        _, namespace, key, kind, value = change
        if value is _ERASED:
            try:
                self._store.erase(namespace, key)
            except NvsError as error:
                if error.code != NOT_FOUND:  # it had never been committed
                    raise
        elif kind == BLOB_INDEX:
            self._store.put_blob(namespace, key, value)
        else:
            self._store.put(namespace, key, kind, value)

    def _find(self, namespace: int, key: bytes, kind: int):
        for waiting in self._waiting:
            if waiting[1:4] == [namespace, key, kind]:
                return waiting
        return None

    def _forget(self, namespace: int, key: bytes, kind: int) -> None:
        waiting = self._find(namespace, key, kind)
        if waiting:
            self._waiting.remove(waiting)


def _entries(change: list) -> int:
    """How many entries a change takes, with the chunk's head and the index of a blob."""
    if change[4] is _ERASED:
        return 0
    if change[3] != BLOB_INDEX:
        return 1
    return 2 + (len(change[4]) + ENTRY - 1) // ENTRY
