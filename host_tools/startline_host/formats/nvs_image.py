"""NVS partition images, made by Espressif's own generator after checks that it leaves out."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Literal

import msgspec

from startline_host.errors import BadInput
from startline_host.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Iterable

PAGE = 4096
#: Of keys and namespaces, in bytes; the generator would cut longer ones silently.
MAX_KEY = 15

#: A string has to fit one page with its entry and its closing zero.
_MAX_STRING = 3900

Kind = Literal["string", "blob", "u8", "u16", "u32"]
_ENCODINGS = {"blob": "binary"}
_INT_LIMITS = {"u8": 0xFF, "u16": 0xFFFF, "u32": 0xFFFF_FFFF}


class NvsEntry(msgspec.Struct, frozen=True):
    """One value under a namespace and key; a Secret goes for text that must not be shown."""

    namespace: str
    key: str
    kind: Kind
    value: str | bytes | int | Secret

    def plain(self) -> str | bytes | int:
        """Return the value to be written, a secret one revealed."""
        return self.value.reveal() if isinstance(self.value, Secret) else self.value


def check_key(key: str, what: str = "key") -> None:
    """Raise BadInput unless NVS can hold the key (or namespace) as it stands."""
    if not key or not key.isascii() or not key.isprintable():
        raise BadInput(f"The {what} {key!r} is not made of printable ASCII characters.")
    if len(key) > MAX_KEY:
        raise BadInput(
            f"The {what} {key!r} has {len(key)} characters, and NVS takes at most {MAX_KEY}."
        )


def make_nvs_image(entries: Iterable[NvsEntry], size: int) -> bytes:
    """Return an NVS partition of `size` bytes with the entries, grouped by namespace.

    The same entries give the same bytes. Raises BadInput for keys that NVS cannot hold, keys that
    stand twice, numbers out of range, or more than the partition takes.
    """
    # It takes longer to load than all of our own: only what makes an image waits for it.
    from esp_idf_nvs_partition_gen import nvs_partition_gen as generator

    if size % PAGE or size < 3 * PAGE:
        raise BadInput(f"An NVS partition cannot have {size} bytes: at least three pages of 4096.")
    out = io.BytesIO()
    try:
        # One page stays in reserve: the generator adds it to the size that it is given.
        nvs = generator.nvs_open(out, size - PAGE, generator.Page.VERSION2)
        for namespace, group in _by_namespace(entries).items():
            generator.write_entry(nvs, namespace, "namespace", "", "")
            for entry in group:
                generator.write_entry(nvs, entry.key, "data", _encoding(entry), entry.plain())
        generator.nvs_close(nvs)
    except (generator.InsufficientSizeError, generator.PageFullError):
        raise BadInput(
            f"The values do not fit an NVS partition of {size} bytes.",
            "Certificates take most of it: one CA is enough as a rule.",
        ) from None
    image = out.getvalue()
    if len(image) != size:
        raise BadInput(f"The values do not fit an NVS partition of {size} bytes.")
    return image


def _encoding(entry: NvsEntry) -> str:
    return _ENCODINGS.get(entry.kind, entry.kind)


def _by_namespace(entries: Iterable[NvsEntry]) -> dict[str, list[NvsEntry]]:
    groups: dict[str, list[NvsEntry]] = {}
    seen: set[tuple[str, str]] = set()
    for entry in entries:
        check_key(entry.namespace, "namespace")
        check_key(entry.key)
        _check_value(entry)
        if (entry.namespace, entry.key) in seen:
            raise BadInput(
                f"The key {entry.key!r} is there twice in namespace {entry.namespace!r}."
            )
        seen.add((entry.namespace, entry.key))
        groups.setdefault(entry.namespace, []).append(entry)
    return groups


def _check_value(entry: NvsEntry) -> None:
    where, value = f"{entry.namespace}.{entry.key}", entry.plain()
    limit = _INT_LIMITS.get(entry.kind)
    if limit is not None:
        if not isinstance(value, int) or not 0 <= value <= limit:
            raise BadInput(f"{where} is not a number from 0 to {limit}.")
    elif isinstance(value, str) and entry.kind == "string":
        if len(value.encode()) > _MAX_STRING:
            raise BadInput(f"{where} is longer than the {_MAX_STRING} bytes that NVS takes.")
    elif not isinstance(value, bytes) or entry.kind != "blob":
        raise BadInput(f"{where} is not a {entry.kind}.")
