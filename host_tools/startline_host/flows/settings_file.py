"""The settings file: TOML with [claim], [net], [tls], [run], [set], [race]; [unit] has defaults.

A secret field `x` is given as `x_env` (an environment variable) or `x_file` (a file of one line).
Written into the file itself it is taken only if nobody but its owner can read the file.
"""

from __future__ import annotations

import logging
import os
import re
import shlex
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_type_hints

import msgspec

from startline_host.clouds.cloud_registry import DEFAULT_CLOUD, find_cloud
from startline_host.errors import BadInput
from startline_host.file_access import folder_of
from startline_host.flows.settings_sections import SettingsText, secrets_of
from startline_host.formats.ca_certificates import load_certificates
from startline_host.formats.cloud_url import parse_url
from startline_host.formats.factory_partition import (
    SAME_KEY,
    ClaimSettings,
    DeviceSettings,
    NetSettings,
    OptionSettings,
    RacingSettings,
    RunSettings,
    TlsSettings,
)
from startline_host.formats.units import check_made_at, check_text, seconds
from startline_host.formats.wifi import ssid_warnings
from startline_host.schema_words import KINDS
from startline_host.secrets import (
    Secret,
    Warn,
    is_private,
    secret_from_environment,
    secret_from_file,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_LOG = logging.getLogger(__name__)
_S = TypeVar("_S", bound=msgspec.Struct)
#: What a shell can export.
_VARIABLE = re.compile(r"[A-Za-z_]\w*", re.ASCII)


class SettingsFile(msgspec.Struct, frozen=True):
    """What a settings file says: the settings, and what it says of every unit ([unit])."""

    settings: DeviceSettings
    unit_defaults: dict[str, Any]


def load_settings(
    path: Path, *, environ: Mapping[str, str] = os.environ, warn: Warn = _LOG.warning
) -> SettingsFile:
    """Read and check a settings file; file names in it are relative to its own folder.

    Raises BadInput naming every unknown field, what is missing, or what is wrong with a value.
    """
    file = SettingsText(path)
    if "claim" not in file.raw:
        raise BadInput(f"{path} has no section [claim].", "It needs cloud and base_url at least.")
    try:
        sections = {
            name: _with_secrets(name, dict(section), path, environ, warn)
            for name, section in file.raw.items()
        }
        settings = DeviceSettings(
            claim=_claim(sections["claim"], path, warn),
            net=_convert(sections["net"], NetSettings, "net") if "net" in sections else None,
            tls=TlsSettings(ca=_certificates(sections.get("tls", {}), path, warn)),
            run=_convert(sections.get("run", {}), RunSettings, "run"),
            set=_convert(sections.get("set", {}), OptionSettings, "set"),
            race=_convert(sections["race"], RacingSettings, "race")
            if "race" in sections
            else None,
        )
        unit_defaults = _unit_defaults(sections.get("unit", {}))
    except BadInput as error:
        raise file.at(error) from None
    for words in ssid_warnings(settings.net.ssid) if settings.net is not None else ():
        warn(f"{path}: {words}")
    if settings.race is not None and settings.run.key is None:
        warn(
            f"{path} has a section [race] and no run.key: the reader stores passings, and sends "
            "none of them without a key for the calls it makes once bound."
        )
    return SettingsFile(settings, unit_defaults)


def load_cloud_target(
    path: Path, *, warn: Warn = _LOG.warning
) -> tuple[str, tuple[bytes, ...], str]:
    """Return base URL, CA (DER) and kind of a settings file's cloud; no secret is looked for.

    Raises BadInput as `load_settings` does.
    """
    file = SettingsText(path)
    claim = file.raw.get("claim", {})
    url = claim.get("base_url")
    if not isinstance(url, str) or not url:
        raise BadInput(f"{path} does not say claim.base_url.")
    try:
        base_url = str(parse_url(url))
        ca = _certificates(file.raw.get("tls", {}), path, warn)
    except BadInput as error:
        raise file.at(error) from None
    return base_url, ca, str(claim.get("cloud", DEFAULT_CLOUD))


def _claim(section: dict[str, Any], path: Path, warn: Warn) -> ClaimSettings:
    """Return the section as its cloud has it; say which fields belong to another cloud's."""
    common = set(ClaimSettings.__struct_fields__)
    cloud = _convert(
        {k: v for k, v in section.items() if k in common}, ClaimSettings, "claim"
    ).cloud
    kind = find_cloud(cloud).claim
    for field in sorted(section.keys() - set(kind.__struct_fields__)):
        del section[field]
        warn(f"{path}: claim.{field} is no setting of the cloud {cloud!r}, and is not used.")
    return _convert(section, kind, "claim")


def _with_secrets(
    name: str, section: dict[str, Any], path: Path, environ: Mapping[str, str], warn: Warn
) -> dict[str, Any]:
    for field, what in secrets_of(name).items():
        given = [field + end for end in ("", "_env", "_file") if field + end in section]
        if len(given) > 1:
            raise BadInput(f"give only one of {', '.join(given)} in [{name}].")
        values = {key: section.pop(key) for key in given}
        for key, value in values.items():
            if not isinstance(value, str):
                raise BadInput(f"{name}.{key} must be text.")
            if key == field:
                section[field] = _inline(name, field, value, path)
            elif key.endswith("_env"):
                if not _VARIABLE.fullmatch(value):
                    # Not shown: it may be the secret itself.
                    raise BadInput(
                        f"{name}.{key} is not the name of an environment variable.",
                        f"Name the variable that holds the {what}, not the {what} itself.",
                    )
                section[field] = secret_from_environment(value, what, environ=environ)
            else:
                file = _named_file(value, path, f"{name}.{key}")
                section[field] = secret_from_file(file, what, warn=warn)
    return section


def _named_file(value: str, settings: Path, field: str) -> Path:
    """Return a file that a field names; raises BadInput for what names none, whatever is there."""
    file = folder_of(settings) / value
    if not value or "\0" in value or file.is_dir():
        raise BadInput(f"{field} is {value!r}; it must be the name of a file.")
    return file


def _inline(name: str, field: str, value: str, path: Path) -> Secret:
    if (name, field, value) != ("run", "key", SAME_KEY) and not is_private(path):
        raise BadInput(
            f"the file holds {name}.{field} itself, and others can read it.",
            f"Use {field}_env or {field}_file instead, or make the file yours: "
            f"chmod 600 {shlex.quote(str(path))}",
        )
    return Secret(value)


def _convert(section: dict[str, Any], to: type[_S], name: str) -> _S:
    try:
        return msgspec.convert(section, to)
    except msgspec.ValidationError as error:
        raise BadInput(_in_words(str(error), name, to)) from None


def _in_words(text: str, name: str, to: type[msgspec.Struct]) -> str:
    """Say in the words of a settings file what msgspec says of a section's value."""
    at = re.fullmatch(r"(.*) - at `\$\.(\w+)(?:\[(\d+)\])?`", text)
    if at is None:
        words = text.replace("Object missing", "there is no")
        return f"in [{name}], {words[:1].lower()}{words[1:]}."
    field = f"{name}.{at[2]}"
    if at[3]:
        field += f", entry {int(at[3]) + 1} of the list,"
    if types := re.fullmatch(r"Expected `([^`]*)`, got `(\w+)`", at[1]):
        wanted = " or ".join(KINDS.get(one, one) for one in types[1].split(" | ") if one != "null")
        return f"{field} is {KINDS.get(types[2], types[2])}; it must be {wanted}."
    value = re.search(r"'.*'", at[1])
    choices = get_args(get_type_hints(to).get(at[2], None))
    if value and choices:
        return f"{field} is {value[0]}; it must be {' or '.join(map(repr, choices))}."
    return f"{field}: {at[1][:1].lower()}{at[1][1:]}."


def _certificates(section: dict[str, Any], path: Path, warn: Warn) -> tuple[bytes, ...]:
    names = section.get("ca", [])
    names = [names] if isinstance(names, str) else names
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise BadInput("tls.ca must be a file name or a list of them.")
    loaded: list[bytes] = []
    for name in names:
        file = _named_file(name, path, "tls.ca")
        try:
            loaded += load_certificates(file, warn=warn)
        except BadInput as error:
            raise BadInput(f"tls.ca: {error.message}", error.hint) from None
    return tuple(loaded)


def _unit_defaults(section: dict[str, Any]) -> dict[str, Any]:
    made_at = section.get("made_at")
    if made_at is not None:
        section["made_at"] = seconds(made_at, "unit.made_at")
        check_made_at(section["made_at"], "unit.made_at")
    for field, value in section.items():
        if field != "made_at":
            if not isinstance(value, str):
                raise BadInput(f"unit.{field} must be text.")
            check_text(value, f"unit.{field}")
    return section
