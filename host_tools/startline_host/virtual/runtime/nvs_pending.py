"""What `set_*` wrote and `commit()` did not: the library only promises that commit is durable.

A real chip mostly writes at once, so a forgotten commit goes unnoticed there. Here such a value
is seen by every reader of this life, and is gone with the next reset. Until then it is written to
a trial of the store, so that it is refused exactly when the library would refuse it.
"""

from .nvs import NvsStore
from .nvs_errors import NOT_FOUND, NvsError
from .nvs_page import BLOB_INDEX

_ERASED = None


class PendingNvs:
    """An open store, and the changes that wait for their owner's commit."""

    def __init__(self, store: NvsStore) -> None:
        self._store = store
        self._trial: NvsStore | None = None
        self._waiting: list = []  # [owner, namespace, key, kind, value], oldest first

    def open(self) -> None:
        """Read the partition (again); what waits stays."""
        self._store.open()
        self._try_again()

    def namespace(self, name: bytes) -> int:
        """Return the index of a namespace; a new one is in flash at once, as on the chip."""
        index = self._store.namespace(name)
        if self._trial:
            self._trial.namespace(name)
        return index

    def get(self, namespace: int, key: bytes, kind: int) -> bytes:
        """Return the value's bytes. Raises NvsError(NOT_FOUND)."""
        store = self._trial or self._store
        value = (
            store.get_blob(namespace, key)
            if kind == BLOB_INDEX
            else store.get(namespace, key, kind)
        )
        if value is None:
            raise NvsError(NOT_FOUND)
        return value

    def set(self, owner: object, namespace: int, key: bytes, kind: int, value: bytes) -> None:
        """Remember a value until the owner commits. Raises NvsError as the library does."""
        self._change([owner, namespace, key, kind, bytes(value)])

    def erase(self, owner: object, namespace: int, key: bytes) -> None:
        """Remember that a key is to be erased. Raises NvsError(NOT_FOUND)."""
        self._change([owner, namespace, key, None, _ERASED])

    def commit(self, owner: object) -> None:
        """Write the owner's changes, in the order in which they were made."""
        for change in [w for w in self._waiting if w[0] is owner]:
            self._apply(self._store, change)
            self._waiting.remove(change)
        self._try_again()

    def _change(self, change: list) -> None:
        self._trial = self._trial or self._store.trial()
        self._apply(self._trial, change)
        self._waiting.append(change)

    def _try_again(self) -> None:
        """Make the trial anew, of what still waits."""
        self._trial = None
        if self._waiting:
            self._trial = self._store.trial()
            for change in self._waiting:
                self._apply(self._trial, change)

    def _apply(self, store: NvsStore, change: list) -> None:
        _, namespace, key, kind, value = change
        if value is _ERASED:
            try:
                store.erase(namespace, key)
            except NvsError as error:
                # Another owner set it, and has not committed.
                if error.code != NOT_FOUND or store is self._trial:
                    raise
        elif kind == BLOB_INDEX:
            store.put_blob(namespace, key, value)
        else:
            store.put(namespace, key, kind, value)
