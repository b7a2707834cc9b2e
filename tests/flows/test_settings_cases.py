"""Settings as people and editors write them: taken as they are meant, or refused by name and line."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from startline_host.errors import BadInput
from startline_host.flows.settings_file import SettingsFile, load_cloud_target, load_settings
from startline_host.formats.cloud_url import parse_url, same_cloud
from startline_host.formats.unit_list import make_unit
from startline_host.formats.wifi import check_password, check_ssid, ssid_warnings
from startline_host.secrets import Secret, secret_from_file

CASES = Path(__file__).parent / "cases" / "settings"
KEY = "ror-ae4fc6c19681a20fad30"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder with the cases and the CA that they name."""
    shutil.copytree(CASES, tmp_path, dirs_exist_ok=True)
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return tmp_path


def load(path: Path) -> SettingsFile:
    """Load a settings file; any warning is an error."""
    return load_settings(path, environ={"STARTLINE_CLAIM_KEY": KEY}, warn=pytest.fail)


def refusal(path: Path) -> BadInput:
    """Return what a settings file is refused with."""
    with pytest.raises(BadInput) as caught:
        load(path)
    assert KEY not in caught.value.message + caught.value.hint
    return caught.value


@pytest.mark.parametrize("name", ["bom", "url-capitals", "url-empty-port"])
def test_what_is_only_written_otherwise_is_taken(folder: Path, name: str) -> None:
    """A mark at the beginning, capitals and an empty port give what was meant, in one form."""
    base_url = load(folder / f"{name}.toml").settings.claim.base_url
    port = "" if name == "url-empty-port" else ":8443"
    assert base_url == f"https://localhost{port}/v0"
    assert load_cloud_target(folder / f"{name}.toml")[0] == base_url


def test_an_ipv6_address_is_refused_with_the_reason(folder: Path) -> None:
    """The device's HTTP client cannot take one, so no device is told one; the line is named."""
    error = refusal(folder / "url-ipv6.toml")
    assert "line 3: claim.base_url names the IPv6 address [::1]" in error.message
    assert "host name" in error.hint
    with pytest.raises(BadInput, match=r"line 3: claim\.base_url names the IPv6"):
        load_cloud_target(folder / "url-ipv6.toml")


def test_a_limit_that_never_lets_a_boot_try_is_refused(folder: Path) -> None:
    """boot_limit has the range that works."""
    error = refusal(folder / "boot-limit-5.toml")
    assert (
        "line 13: set.boot_limit is 5; it must be a number of seconds from 6 to 3600"
        in error.message
    )


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le-mark"])
def test_files_are_read_as_editors_save_them(folder: Path, encoding: str) -> None:
    """Settings, keys and passwords may begin with a mark, as Notepad and PowerShell write it."""
    mark = "\ufeff" if encoding == "utf-16-le-mark" else ""
    encoding = encoding.removesuffix("-mark")
    text = (folder / "bom.toml").read_text(encoding="utf-8-sig")
    text = text.replace('key_env = "STARTLINE_CLAIM_KEY"', 'key_file = "key.txt"')
    (folder / "bom.toml").write_bytes((mark + text).encode(encoding))
    for line_end in ("", "\n", "\r\n"):
        (folder / "key.txt").write_bytes((mark + KEY + line_end).encode(encoding))
        (folder / "key.txt").chmod(0o600)
        assert load(folder / "bom.toml").settings.claim.key == Secret(KEY)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('ssid = "paddock"', 'sid = "paddock"', "net.sid (meant ssid?) in line 7"),
        ("[net]", "[nett]", "nett (meant [net]?) in line 6"),
        ('cloud = "rufus"', 'cloud = "rufus"\nssid = "x"', "claim.ssid (meant ssid in [net]?) in line 3"),
        ('ssid = "paddock"', "ssid = 5", "line 7: net.ssid is a whole number"),
        ('ssid = "paddock"', 'ssid = "paddock', "not valid TOML, in the field ssid"),
        ('ssid = "paddock"', 'ssid = "a"\nssid = "b"', "not valid TOML"),
        ('ssid = "paddock"', 'ssid = "a"\n[net]\nssid = "b"', "Cannot declare [net] twice"),
        ('ssid = "paddock"', f'ssid = "{"x" * 33}"', "line 7: net.ssid has 33 bytes"),
        ('ca = "ca.pem"', 'ca = "no.pem"', "no.pem cannot be read"),
        ('base_url = "https://localhost:8443/v0"', "base_url = 7", "line 3: claim.base_url is a whole number"),
        ("[tls]", "[unit]\nmade_at = 2999-01-01\n[tls]", "line 10: unit.made_at"),
        ('ca = "ca.pem"', 'ca = ""', "line 10: tls.ca is ''; it must be the name of a file"),
        ('ca = "ca.pem"', 'ca = "."', "line 10: tls.ca is '.'; it must be the name of a file"),
        ('ca = "ca.pem"', 'ca = "no.pem"', "line 10: tls.ca: The CA certificate"),
        ('key_env = "STARTLINE_CLAIM_KEY"', 'key_file = "a\\u0000b"', "line 4: claim.key_file is 'a"),
        ('key_env = "STARTLINE_CLAIM_KEY"', 'key_env = ""', "line 4: claim.key_env is not the name"),
        ('ssid = "paddock"', "ntp = [1]", "line 7: net.ntp, entry 1 of the list, is a whole number"),
        ("[tls]", '[""]\n[tls]', "a section without a name"),
        ('ssid = "paddock"', '"ss\\nid" = "x"', "net.ss\\nid (meant ssid?)"),
        ("[tls]", "x = " + "[" * 9000 + "]" * 9000 + "\n[tls]", "nested too deep"),
        ("[tls]", '[unit]\nserial = "A"\n[tls]', "unit.serial (of one unit alone: --serial"),
        ("[tls]", '[unit]\nmodel = ""\nalias = "a\\u202eb"\n[tls]', "line 11: The unit.alias"),
        ('key_env = "STARTLINE_CLAIM_KEY"', "key_env = 1", "line 4: claim.key_env must be text"),
    ],
)  # fmt: skip
def test_key_and_line_are_named(folder: Path, old: str, new: str, words: str) -> None:
    """Whatever is wrong with a field, its name and its line are in the sentence."""
    text = (folder / "bom.toml").read_text(encoding="utf-8-sig")
    assert old in text
    (folder / "bom.toml").write_text(text.replace(old, new), encoding="utf-8")
    assert words in refusal(folder / "bom.toml").message


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("https://API.Example.COM/v0/", "https://api.example.com/v0"),
        ("HTTPS://localhost", "https://localhost"),
        ("https://example.com.:8443/v0", "https://example.com:8443/v0"),
        ("https://example.com:/v0", "https://example.com/v0"),
        ("https://example.com:443/V0", "https://example.com:443/V0"),
        ("https://zürich.example/v0", "https://xn--zrich-kva.example/v0"),
        ("https://ZÜRICH.example", "https://xn--zrich-kva.example"),
        ("https://127.0.0.1:08443//", "https://127.0.0.1:8443"),
        ("http://my_host:1/a/b%20c", "http://my_host:1/a/b%20c"),
    ],
)
def test_a_url_has_one_form(given: str, taken: str) -> None:
    """Capitals, last dots, empty ports, other letters and last slashes are the same place."""
    assert str(parse_url(given)) == taken
    assert str(parse_url(taken)) == taken
    assert same_cloud(given, taken)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("", "not an https address"),
        ("localhost:8443/v0", "not an https address"),
        ("//localhost/v0", "not an https address"),
        ("ftp://localhost", "not an https address"),
        ("https:///v0", "not an https address"),
        ("https://[::1]:8443/v0", "IPv6 address"),
        ("https://[fe80::1%25eth0]/", "IPv6 address|not an https"),
        ("https://u:hunter2@localhost/v0", "a user name"),
        ("https://@localhost/v0", "a user name"),
        ("https://localhost/v0?x=hunter2", "a query"),
        ("https://localhost/v0?", "a query"),
        ("https://localhost/v0#hunter2", "a fragment"),
        ("https://localhost:0/v0", "port '0'"),
        ("https://localhost:70000/v0", "port '70000'"),
        ("https://localhost:-1/v0", "port '-1'"),
        ("https://localhost:٤٤٣/v0", "port '٤٤٣'"),
        ("https://localhost:8443:1/v0", "port '8443:1'"),
        ("https://999.1.1.1/v0", "not an IPv4 address"),
        ("https://1.2.3/v0", "not an IPv4 address"),
        ("https://a..b/v0", "not a host name"),
        ("https://-a.example/v0", "not a host name"),
        (f"https://{'a' * 64}.example/v0", "not a host name"),
        ("https://xn--.example.ü/v0", "not a host name|not an https"),
        ("https://loc alhost/v0", "a space"),
        ("https://localhost/v0\n", "a space"),
        ("https://local\u200bhost/v0", "a space"),
        ("https://localhost\\v0", "backslash"),
        ("https://localhost/ü", "not ASCII"),
        ("https://localhost/../v0", "read differently"),
        ("https://localhost//v0", "read differently"),
        ("https://localhost/100%", "read differently"),
        ("https://localhost/" + "x" * 200, "a device keeps 200"),
    ],
)
def test_a_url_that_no_device_could_go_by_is_refused(given: str, reason: str) -> None:
    """What one end would read otherwise than the other is refused, with the reason and no secret."""
    with pytest.raises(BadInput, match=reason) as caught:
        parse_url(given)
    assert "hunter2" not in caught.value.message + caught.value.hint


def as_micropython_reads(url: str) -> tuple[str, str, int, str]:
    """Take a URL apart as micropython-lib's `requests` does."""
    proto, _, host, path = [*url.split("/", 3), ""][:4]
    port = 443 if proto == "https:" else 80
    if ":" in host:
        host, digits = host.split(":", 1)
        port = int(digits)
    return proto, host, port, path


@given(
    st.from_regex(r"(?i)https?://[a-zü0-9.:\[\]@_-]{1,30}(/[a-z0-9./%]{0,20})?", fullmatch=True)
)
def test_both_ends_read_what_is_taken_alike(text: str) -> None:
    """Whatever the host takes, the device's client finds the same scheme, host, port and path in."""
    try:
        url = parse_url(text)
    except BadInput:
        return
    scheme, host, port, path = as_micropython_reads(str(url))
    assert (scheme, host, port) == (f"{url.scheme}:", *url.address)
    assert path == url.path.removeprefix("/")
    assert str(url).isascii()


@pytest.mark.parametrize(
    "text", ["12345678", "x" * 63, "a b c d e", "0123456789abcdefABCDEF" + "0" * 42]
)
def test_passwords_that_a_wifi_can_have(text: str) -> None:
    """8 to 63 printable ASCII characters, or 64 hex digits."""
    check_password(Secret(text))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1234567", "has 7 characters"),
        ("", "has 0 characters"),
        ("x" * 64, "has 64 characters"),
        ("0" * 65, "has 65 characters"),
        ("pässword", r"holds U\+00E4"),
        ("12345678\n", r"holds U\+000A"),
        ("１２３４５６７８", r"holds U\+FF11"),
        ("\ufeff12345678", r"holds U\+FEFF"),
    ],
)
def test_other_passwords_are_refused_and_not_shown(text: str, reason: str) -> None:
    """Nothing else is ever taken, as if the Wi-Fi were open or by the bytes."""
    with pytest.raises(BadInput, match=reason) as caught:
        check_password(Secret(text))
    assert not text or text not in caught.value.message


def test_an_ssid_may_end_in_a_space_and_says_so(folder: Path) -> None:
    """Spaces at the ends are a part of the name: taken, with a warning; controls are none."""
    text = (folder / "bom.toml").read_text(encoding="utf-8-sig")
    (folder / "bom.toml").write_text(text.replace('"paddock"', '" start line "'), encoding="utf-8")
    said: list[str] = []
    told = load_settings(
        folder / "bom.toml", environ={"STARTLINE_CLAIM_KEY": KEY}, warn=said.append
    )
    assert told.settings.net is not None
    assert told.settings.net.ssid == " start line "
    assert ["begins with a space" in said[0], "ends with a space" in said[1]] == [True, True]
    assert list(ssid_warnings("paddock 5G")) == []
    for bad in ("", "a\tb", "a\u200bb", "ü" * 17):
        with pytest.raises(BadInput, match="ssid"):
            check_ssid(bad)


def test_a_making_still_to_come_is_refused() -> None:
    """No reader could bind before the day of its making, so none is told a day to come."""
    soon = time.time() + 7200
    for made_at in (str(int(soon)), "2060-01-01"):
        with pytest.raises(BadInput, match="in the future"):
            make_unit({"serial": "A", "model": "M", "made_at": made_at})
    assert make_unit({"serial": "A", "model": "M", "made_at": str(int(time.time()))}).made_at


def test_a_secrets_file_that_is_no_text_says_so(tmp_path: Path) -> None:
    """Bytes of a Windows code page are no password."""
    path = tmp_path / "wifi.txt"
    path.write_bytes(b"p\xe4ssword")
    path.chmod(0o600)
    with pytest.raises(BadInput, match="does not hold the Wi-Fi password as text"):
        secret_from_file(path, "Wi-Fi password")


def test_a_key_in_the_place_of_a_variables_name_is_not_shown(folder: Path) -> None:
    """Who puts the key itself there is told so, and finds it in no log."""
    text = (folder / "bom.toml").read_text(encoding="utf-8-sig")
    for secret in (KEY, "aB3dE5fG7hJ9kL2m"):
        (folder / "key.toml").write_text(text.replace("STARTLINE_CLAIM_KEY", secret))
        error = refusal(folder / "key.toml")
        assert secret not in error.message + error.hint


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.encode("utf-16-le"), "looks like UTF-16 without a byte order mark"),
        (lambda text: text.encode() + bytes(512), "ends in 512 zero bytes"),
        (lambda text: ("\ufeff" + text).encode("utf-16-le")[:-1], "is not UTF-16"),
    ],
)
def test_a_file_that_something_happened_to_is_named_as_what_it_is(
    folder: Path, change: Callable[[str], bytes], words: str
) -> None:
    """Without its mark, padded or cut: what is wrong is not said to be its TOML."""
    text = (folder / "bom.toml").read_text(encoding="utf-8-sig")
    (folder / "bom.toml").write_bytes(change(text))
    assert words in refusal(folder / "bom.toml").message
    (folder / "bom.toml").write_bytes(text.replace("\n", "\r").encode())
    assert load(folder / "bom.toml").settings.claim.cloud == "rufus"
