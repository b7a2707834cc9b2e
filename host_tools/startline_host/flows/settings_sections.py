"""The sections and fields of a settings file, and where a field stands in its text."""

from __future__ import annotations

import difflib
import re
import tomllib
from pathlib import Path

from startline_host.clouds.cloud_registry import cloud_names, find_cloud, sound_clouds
from startline_host.errors import BadInput
from startline_host.file_access import MOST_TEXT, read_file
from startline_host.formats.factory_partition import CLAIM_SECRETS, OptionSettings, RacingSettings
from startline_host.text_file import decode_text, marked_as, nul_trace, parse_toml, toml_fault
from startline_host.util import printable

#: What [unit] may say for all units at once.
UNIT_FIELDS = ("model", "type", "alias", "hw_rev", "made_at")

#: Each section's plain fields, and its secret ones with the words for a person. What [claim] may
#: say besides is its cloud's: see `plain_of`.
_SECTIONS: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "claim": (("cloud", "base_url"), CLAIM_SECRETS),
    "net": (("link", "ssid", "ntp"), {"password": "Wi-Fi password"}),
    "tls": (("ca",), {}),
    "run": ((), {"key": "application's key"}),
    "set": (OptionSettings.__struct_fields__, {}),
    "race": (RacingSettings.__struct_fields__, {}),
    "unit": (UNIT_FIELDS, {}),
}

_HEAD = re.compile(r"\s*\[\s*([\w-]+)\s*\]")
_FIELD = re.compile(r"""\s*(?:([\w-]+)\s*\.\s*)?["']?([\w-]+)["']?\s*=""")
_NAMED = re.compile(r"\b(" + "|".join(_SECTIONS) + r")\.(\w+)")
_AT = re.compile(r"\(at line (\d+), column \d+\)")


def plain_of(section: str) -> tuple[str, ...]:
    """Return the plain fields of a section; of [claim] those of all clouds."""
    plain, secret = _SECTIONS[section]
    if section != "claim":
        return plain
    own = [cloud.claim.__struct_fields__ for cloud in sound_clouds().values()]
    return tuple(
        dict.fromkeys([*plain, *(f for fields in own for f in fields if f not in secret)])
    )


def secrets_of(section: str) -> dict[str, str]:
    """Return the secret fields of a section, with what each is for a person."""
    return _SECTIONS[section][1]


class SettingsText:
    """A settings file: `raw` is its TOML, every name in it a known one.

    Raises BadInput for a file that cannot be read, for what is no TOML, by its line and the field
    in it, and for unknown names, each with its line and the name that was meant.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lines: list[str] = []
        text = _read(path)
        self._lines = text.splitlines()
        try:
            self.raw = parse_toml(text)
        except tomllib.TOMLDecodeError as error:
            raise self._no_toml(toml_fault(error)) from None
        self._check_names()

    def at(self, error: BadInput) -> BadInput:
        """Return the error with the file's name, and the line of the first field that it names."""
        named = _NAMED.search(error.message)
        line = self._line(named[1], named[2]) if named else 0
        where = f"{self.path}, line {line}" if line else str(self.path)
        return BadInput(f"{where}: {error.message}", error.hint)

    def _no_toml(self, message: str) -> BadInput:
        # The message has line and column, and never the line itself, which may be a key.
        found = _AT.search(message)
        line = self._lines[int(found[1]) - 1 : int(found[1])] if found else []
        field = _FIELD.match(line[0]) if line else None
        about = f", in the field {field[2]}" if field else ""
        return BadInput(
            f"The settings file {self.path} is not valid TOML{about}: {message}.",
            "Texts stand in quotes, and a backslash in them is written twice.",
        )

    def _line(self, section: str, field: str = "") -> int:
        """Return the line of a field, or of its section; 0 where it does not stand by itself."""
        inside = ""
        for number, line in enumerate(self._lines, 1):
            if head := _HEAD.match(line):
                inside = head[1]
                if inside == section and not field:
                    return number
            elif found := _FIELD.match(line):
                whole = (found[1] or inside, found[2])
                if whole[0] == section and whole[1] in {field, f"{field}_env", f"{field}_file"}:
                    return number
        return 0

    def _check_cloud(self) -> None:
        """Raise BadInput if the cloud's own file is wrong: its fields would be called unknown."""
        claim = self.raw.get("claim")
        name = claim.get("cloud") if isinstance(claim, dict) else None
        if name in cloud_names():
            find_cloud(name)

    def _check_names(self) -> None:
        self._check_cloud()
        unknown = []
        places: dict[str, str] = {}
        for name, section in self.raw.items():
            if name not in _SECTIONS:
                unknown.append(self._unknown(name, "", f"[{_like(name, _SECTIONS)}]"))
            elif not isinstance(section, dict):
                raise BadInput(f"{self.path}: {name} must be a section, [{name}].")
            else:
                known = _fields(name)
                strange = [field for field in section if field not in known]
                if strange:
                    places[name] = f"[{name}] has {', '.join(sorted(known))}."
                unknown += [
                    self._unknown(name, field, _like(field, known) or _elsewhere(field))
                    for field in strange
                ]
        if unknown:
            raise BadInput(
                f"{self.path} has unknown fields: {', '.join(sorted(unknown))}.",
                " ".join(places.values())
                or f"Its sections are {', '.join(f'[{name}]' for name in _SECTIONS)}.",
            )

    def _unknown(self, section: str, field: str, meant: str) -> str:
        line = self._line(section, field)
        remark = f" (meant {meant}?)" if meant.strip("[]") else ""
        where = f" in line {line}" if line else ""
        if (section, field) == ("unit", "serial"):
            remark = " (of one unit alone: --serial, or a list of units)"
        name = ".".join(filter(None, [section, field]))
        return (printable(name) or "a section without a name") + remark + where


def _read(path: Path) -> str:
    try:
        data = read_file(path, MOST_TEXT)
        text = decode_text(data)
    except OSError as error:
        raise BadInput(
            f"The settings file {path} cannot be read: {error.strerror}.",
            "Name one with --settings; docs/how-to/settings-file.md has an example.",
        ) from None
    except UnicodeDecodeError as error:
        encoding = (marked_as(data) or "UTF-8").upper()
        line = data.count(b"\n", 0, error.start) + 1
        raise BadInput(
            f"The settings file {path} is not {encoding} (line {line}).", "Save it as UTF-8."
        ) from None
    if words := nul_trace(text):
        raise BadInput(f"The settings file {path} {words[0]}.", "Save it again, as UTF-8.")
    # TOML knows no line ends of old Macs, and neither do people who see them.
    return text if "\n" in text else text.replace("\r", "\n")


def _fields(section: str) -> set[str]:
    secret = (field + end for field in secrets_of(section) for end in ("", "_env", "_file"))
    return {*plain_of(section), *secret}


def _like(name: str, known: object) -> str:
    close = difflib.get_close_matches(name, sorted(known), n=1)  # type: ignore[call-overload]
    return str(close[0]) if close else ""


def _elsewhere(field: str) -> str:
    """Return the section that has such a field, as `[net]`; "" for none."""
    return next((f"{field} in [{name}]" for name in _SECTIONS if field in _fields(name)), "")
