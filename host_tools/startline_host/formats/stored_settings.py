"""What a device was told, read back from NVS for a person's eyes: keys and passwords masked."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from startline_host.formats.nvs_lookup import NvsLookup
from startline_host.secrets import MASK, Secret

if TYPE_CHECKING:
    from startline_host.formats.flash_dump import DumpPart

#: Namespaces that the host fills, in `fctry` or in a stock `nvs`.
NAMESPACES = ("factory", "claim", "run", "net", "tls", "set", "race")
_SECRETS = frozenset({"key", "auth", "password"})
#: Without any of these a device does not know who it is, or where it belongs.
_IDENTITY = (
    ("factory", "serial"),
    ("factory", "model"),
    ("claim", "cloud"),
    ("claim", "base_url"),
)
#: What is taken off a device that is bound.
_BINDING = ("claim.key", "claim.auth")


class StoredSettings(msgspec.Struct, frozen=True):
    """Values as they may be shown, by namespace and key; `damaged` names what cannot be read."""

    values: dict[str, dict[str, str | int]]
    damaged: list[str]

    def get(self, namespace: str, key: str) -> str:
        """Return a value as text, "" where there is none."""
        return str(self.values.get(namespace, {}).get(key, ""))

    @property
    def missing(self) -> list[str]:
        """What it was not told, or what cannot be read, of its identity, as "namespace.key"."""
        return [f"{space}.{key}" for space, key in _IDENTITY if not self.get(space, key)]

    @property
    def unreadable(self) -> list[str]:
        """What it was told and cannot be read any more, as `damaged` has it, or is gone.

        Not what binds it: that is damaged on purpose, where taking it off was interrupted.
        """
        ours = (*NAMESPACES, "page", "?")
        found = [
            name
            for name in self.damaged
            if name.partition(".")[0] in ours and name not in _BINDING
        ]
        # Nothing is told over https without a CA: it went with an erased sector.
        if self.get("claim", "base_url").startswith("https:") and not self.get("tls", "ca0"):
            found += [name for name in ("tls.ca0",) if name not in found]
        return found


def read_stored_settings(part: DumpPart) -> StoredSettings:
    """Read all that stands under the host's namespaces in an NVS partition."""
    reader = NvsLookup(part.read, part.size)
    values: dict[str, dict[str, str | int]] = {}
    for namespace, key, place in reader:
        if namespace in NAMESPACES:
            value = reader.value(place)
            if value is not None:
                values.setdefault(namespace, {})[key] = _shown(namespace, key, value)
    return StoredSettings(values, list(reader.damaged))


def _shown(namespace: str, key: str, value: str | bytes | int) -> str | int:
    if namespace == "tls" and isinstance(value, bytes):
        return f"{len(value)} bytes, SHA-256 {hashlib.sha256(value).hexdigest()[:16]}"
    if isinstance(value, bytes):
        # On a stock table every text is a blob.
        value = value.decode("utf-8", "replace")
    if isinstance(value, int) or key not in _SECRETS:
        return value
    if not value.strip("\x00") or (namespace, value) == ("run", "same"):
        return value.strip("\x00")
    if key != "password":
        return f"{MASK} (fingerprint {Secret(value).fingerprint()})"
    return MASK


def has_claim_key(told: StoredSettings) -> bool:
    """Tell whether the claim key, or the Authorization value, is still on the device."""
    return bool(told.get("claim", "key") or told.get("claim", "auth"))
