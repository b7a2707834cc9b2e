"""What the author of a cloud's two files may get wrong is said in a sentence that names the file."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import startline.clouds

from startline_host import clouds
from startline_host.cli import main
from startline_host.clouds import cloud_registry
from startline_host.clouds.cloud_registry import cloud_names, find_cloud, sound_clouds
from startline_host.demo import main as demo
from startline_host.errors import BadInput
from startline_host.flows.settings_sections import SettingsText
from tests.proofs.powercuts.__main__ import main as powercuts

_TOY = Path(__file__).parent / "toy"
_HOST = (_TOY / "host.py").read_text(encoding="utf-8")
_DEVICE = (_TOY / "device.py").read_text(encoding="utf-8")
#: Runs `startline` with one more folder for clouds on either side.
_COMMAND = """
import sys
import startline.clouds, startline_host.clouds
startline_host.clouds.__path__.insert(0, sys.argv[1])
startline.clouds.__path__.insert(0, sys.argv[2])
from startline_host.cli import main
main(sys.argv[3:])
"""


class Files:
    """A folder for clouds' files on the host, and one for those on the device."""

    def __init__(self, folder: Path) -> None:
        self.host = folder / "host"
        self.device = folder / "device"
        self.host.mkdir()
        self.device.mkdir()

    def write(self, *, host: str | None = _HOST, device: str | None = _DEVICE) -> None:
        """Write Toy's files; None leaves one out."""
        for folder, text in ((self.host, host), (self.device, device)):
            if text is not None:
                (folder / "toy.py").write_text(text, encoding="utf-8")


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Files]:
    """Have clouds found in folders of this test, too."""
    made = Files(tmp_path)
    # Python takes the bytecode of a file with the same size and second for that file's.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setattr(clouds, "__path__", [str(made.host), *clouds.__path__])
    monkeypatch.setattr(
        startline.clouds, "__path__", [str(made.device), *startline.clouds.__path__]
    )
    yield made
    cloud_registry._load.cache_clear()
    for module in ("startline_host.clouds.toy", "startline.clouds.toy"):
        sys.modules.pop(module, None)


def refusal() -> str:
    """Ask for Toy, and return in what words that is refused."""
    with pytest.raises(BadInput) as caught:
        find_cloud("toy")
    return f"{caught.value.message} {caught.value.hint}"


def test_two_good_files_are_a_cloud(files: Files) -> None:
    """Nothing else is wanted."""
    files.write()
    assert find_cloud("toy").title == "Toy"


def test_a_file_that_is_missing_is_named(files: Files) -> None:
    """A cloud with one file only is told where the other one goes."""
    files.write(device=None)
    assert f"{files.device / 'toy.py'} is missing" in refusal()
    (files.host / "toy.py").unlink()
    cloud_registry._load.cache_clear()
    files.write(host=None)
    assert f"{files.host / 'toy.py'} is missing" in refusal()


@pytest.mark.parametrize(
    ("good", "bad", "said"),
    [
        ('TOKEN = b"reader"', 'TOKEN = "reader"', 'a TOKEN of the wrong form. It has to be bytes, such as b"id"'),
        ('TOKEN = b"reader"', "", "has no TOKEN"),
        ('NEEDED = ("claim.key", "claim.room")', "", 'has no NEEDED: a tuple of names, such as ("claim.key",)'),
        ('("claim.key", "claim.room")', '("claim.key")', "a NEEDED of the wrong form"),
        ('("claim.key", "claim.room")', '("key",)', "a NEEDED of the wrong form"),
        ('(b"error",)', '("error",)', "a WORDS of the wrong form"),
        ("ANSWERS =", "ANSWER =", "has no ANSWERS"),
        ("def canonical", "def canon", "has no canonical"),
        ("?page=%d", "", "a LIST of the wrong form"),
        ('[b"meta", b"count"],', "", "a LIST of the wrong form"),
        ('[b"meta", b"count"]', '[b"list", b"meta", b"count"]', "a LIST of the wrong form"),
        ('[b"meta", b"count"]', 'b"meta.count"', "a LIST of the wrong form"),
        ('[b"meta", b"count"]', '["meta", "count"]', "a LIST of the wrong form"),
        ('TOKEN = b"reader"', 'TOKEN = b""', "a TOKEN of the wrong form"),
        ("429:", '"429":', "ANSWERS of the wrong form. It has to be numbers with"),
        ('4: "refused"', '4: "refuse"', "ANSWERS of the wrong form"),
        ("?page=%d", "?page=%d&n=%d", "a LIST of the wrong form"),
        ("?page=%d", "?page=%d&share=9%", "a LIST of the wrong form"),
        ("?page=%d", "?page=%d&limit=all", "a LIST of the wrong form"),
        ('"/readers?page=%d"', '"readers?page=%d"', "a LIST of the wrong form. It has to be a path with one %d, a / in front"),
        ('b"serial", b"since"', 'b"", b"since"', "a LIST of the wrong form"),
        ('b"serial", b"since"', 'b"reader", b"since"', "a LIST of the wrong form"),
        ('4: "refused"', '4: ["refused"]', "an ANSWERS of the wrong form"),
        ("    if not isinstance(token, str):", "    token = token.lowr()\n    if not isinstance(token, str):", "toy.py has a canonical that ends with AttributeError"),
        ("LIST =", "LISTS =", "toy.py reads a list of devices"),
        ('"claim.room"', '"claim.rooms"', "has claim.rooms in NEEDED, and no settings file can say it. Add the field to ToyClaim"),
        ("import json", "import jason", "No module named 'jason' (line 3)"),
        ("import json", "import", "SyntaxError"),
    ],
)  # fmt: skip
def test_a_device_file_with_a_mistake_is_named(
    files: Files, good: str, bad: str, said: str
) -> None:
    """The sentence has the file, what is wrong in it, and what it has to be."""
    assert good in _DEVICE
    files.write(device=_DEVICE.replace(good, bad))
    found = refusal()
    assert str(files.device / "toy.py") in found
    assert said in found


@pytest.mark.parametrize(
    ("good", "bad", "said"),
    [
        ("CLOUD =", "CLOUDS =", "has no CLOUD that is a CloudKind"),
        ("from __future__", "from", "SyntaxError"),
        ('            serial="serial",\n', "", "Missing required argument 'serial' (line "),
        ('token="reader"', 'tokens="reader"', "tokens"),
        ("claim=ToyClaim", "claim=dict", "has a CLOUD whose claim is no class of ClaimSettings"),
        ('DeviceList("toy"', 'DeviceList("template"', "has a DeviceList of another name; it has to be 'toy'"),
        ("check=_LIST.check", 'check="list"', "has a CLOUD whose check is no function"),
        ("{key_env}", "{key}", "has settings for its bench with braces that are not {key_env}."),
        ('prefix="/toy"', 'prefix="toy"', "has prefix='toy' in its PlainCloud; it begins with a /."),
        ('path="/readers"', 'path=""', "has path='' in its PlainCloud; it begins with a /."),
        ('"toy-%06d"', '"toy-"', "has token_form='toy-' in its PlainCloud, and no number goes into it."),
        ('"toy-%06d"', '"box-%06d"', "takes 'box-000001' for no token."),
        ('mark="note"', 'mark="notes"', "has mark='notes' in its PlainCloud, and "),
        ('token="reader"', 'token="token"', "has token='token' in its PlainCloud, and "),
        ('listed=("data", "readers")', 'listed=("readers",)', "device/toy.py reads ('data', 'readers')."),
    ],
)  # fmt: skip
def test_a_host_file_with_a_mistake_is_named(files: Files, good: str, bad: str, said: str) -> None:
    """The sentence has the file, the error, and its line."""
    assert good in _HOST
    files.write(host=_HOST.replace(good, bad))
    found = refusal()
    assert str(files.host / "toy.py") in found
    assert said in found


@pytest.mark.parametrize("name", ["toy2", "my_toy", "straße"])
def test_a_name_of_other_characters_is_refused_by_name(
    files: Files, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Such a file is never half a cloud, and who asks for it is told why."""
    for folder, text in ((files.host, _HOST), (files.device, _DEVICE)):
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    assert name not in cloud_names()
    with pytest.raises(BadInput) as caught:
        find_cloud(name)
    assert f"one word of ASCII letters, which {name!r} is not" in caught.value.hint
    with pytest.raises(SystemExit) as left:
        main(["cloud", "--cloud", name])
    assert left.value.code == click.UsageError.exit_code
    assert name in capsys.readouterr().err


def test_a_command_ends_with_its_documented_code(files: Files) -> None:
    """A cloud's file that is none is bad input, not a fault of ours."""
    files.write(host=_HOST.replace("CLOUD =", "CLOUDS ="))
    ended = subprocess.run(
        [sys.executable, "-c", _COMMAND, str(files.host), str(files.device), "cloud",
         "--cloud", "toy", "--port", "0", "--http-port", "0"],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert ended.returncode == BadInput.exit_code
    assert f"{files.host / 'toy.py'} has no CLOUD" in ended.stderr


def test_the_proof_of_power_cuts_says_what_it_lacks(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    """A cloud with a mock of its own needs a model there, and any cloud its file on the device."""
    host = _HOST.replace("bench=plain_bench(", "bench=without_description(").replace(
        "_LIST =",
        "def without_description(*plain, **told):\n"
        "    import msgspec\n"
        "    return msgspec.structs.replace(plain_bench(*plain, **told), plain=None)\n\n\n_LIST =",
    )
    files.write(host=host)
    assert powercuts(["--cloud", "toy", "--sample", "--jobs", "1"]) == BadInput.exit_code
    assert "cannot play the cloud 'toy'" in capsys.readouterr().out
    cloud_registry._load.cache_clear()
    (files.device / "toy.py").unlink()
    assert powercuts(["--cloud", "toy", "--sample", "--jobs", "1"]) == BadInput.exit_code
    assert "has no file for the device" in capsys.readouterr().out.replace("\n", " ")


def test_a_cloud_without_a_mock_or_a_demo_is_told_where_it_goes(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both are parts of its file on the host, and only what needs them asks for them."""
    files.write(host=_HOST.replace("bench=plain_bench(", "bench=None and plain_bench("))
    with pytest.raises(BadInput, match="There is no mock of Toy") as caught:
        assert find_cloud("toy").played
    assert "Its file on the host has no `bench`" in caught.value.hint
    cloud_registry._load.cache_clear()
    sys.modules.pop("startline_host.clouds.toy", None)
    files.write(host=_HOST.replace("demo=CloudDemo(", "demo=None and CloudDemo("))
    assert demo(["--cloud", "toy"]) == BadInput.exit_code
    said = " ".join(capsys.readouterr().out.split())
    assert "The cloud 'toy' has no demo. Add a `demo` to its file on the host" in said


def test_the_demo_says_what_is_wrong(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    """`make bench CLOUD=toy` ends with a sentence, too."""
    files.write(device=_DEVICE.replace("TOKEN = b", "TOKEN = "))
    assert demo(["--cloud", "toy"]) == BadInput.exit_code
    assert "TOKEN of the wrong form" in capsys.readouterr().out.replace("\n", " ")


def test_a_cloud_with_a_mistake_stops_nobody_who_uses_another(
    files: Files, tmp_path: Path
) -> None:
    """A settings file is held against the clouds that are whole; its own cloud's mistake is said."""
    files.write(host=_HOST.replace("CLOUD =", "CLOUDS ="))
    settings = tmp_path / "settings.toml"
    settings.write_text('[claim]\ncloud = "rufus"\nkey = "k"\n', encoding="utf-8")
    assert SettingsText(settings).raw["claim"]["cloud"] == "rufus"
    assert list(sound_clouds()) == ["rufus", "vms"]
    settings.write_text('[claim]\ncloud = "toy"\nroom = "3"\n', encoding="utf-8")
    with pytest.raises(BadInput) as caught:
        SettingsText(settings)
    assert f"{files.host / 'toy.py'} has no CLOUD" in caught.value.message
