"""What the book's page does not show: a reader that is bound already, and a spare one that is blank."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner
from jumpstarter.client.core import DriverError, DriverInvalidArgument
from jumpstarter_testing import JumpstarterTest

FOLDER = Path(os.environ["LAB_FOLDER"])


class TestSpare(JumpstarterTest):
    """The tests go on where the one before them has ended."""

    selector = "reader=virtual"

    def test_stock_flasher(self, client, tmp_path):
        """It is Jumpstarter's own flasher: chip, write at an address, dump."""
        assert client.spare.get_chip_info()["mac"] == "24:6f:28:00:00:07"
        data = bytes(range(256)) * 16
        (tmp_path / "in.bin").write_bytes(data)
        client.spare.flash(tmp_path / "in.bin", target="0x3f0000")
        client.spare.dump(tmp_path / "out.bin", target="0x3f0000:0x1000")
        assert (tmp_path / "out.bin").read_bytes() == data
        with pytest.raises(DriverInvalidArgument, match="'app' is no address"):
            client.spare.flash(tmp_path / "in.bin", target="app")

    def test_power_goes_while_it_is_loaded(self, client):
        """Its power goes in the middle of a flash operation of `up`, which ends and says so."""
        client.spare.power.off()
        client.spare.power_on(cut_after=20)
        with pytest.raises(DriverError):
            client.spare.up("LAB-2", "X1", settings=FOLDER / "settings.toml")
        assert not client.spare.has_power()
        client.spare.power.on()

    def test_up(self, client):
        """A settings file on this side, with the certificate and keys that it names, binds it."""
        told = client.spare.up("LAB-2", "X1", settings=FOLDER / "settings.toml")
        assert (told["state"], told["serial"]) == ("bound", "LAB-2")
        assert type(told["bytes_sent"]) is int
        known = client.spare.identity()
        assert (known["deviceid"], known["mac"]) == (told["deviceid"], "24:6f:28:00:00:07")


class TestReader(JumpstarterTest):
    """The reader that the page has bound."""

    selector = "reader=virtual"

    def test_flash_is_up(self, client):
        """The flasher's `flash` of a firmware takes the exporter's settings, and keeps a binding."""
        with pytest.raises(DriverError, match="is bound"):
            client.reader.flash(FOLDER / "firmware.bin")
        (FOLDER / "broken.bin").write_bytes(b"no firmware")
        with pytest.raises(DriverInvalidArgument, match="firmware"):
            client.reader.flash(FOLDER / "broken.bin")

    def test_wait(self, client):
        """It is bound after a restart, and never anything else: that ends with what it reported."""
        assert client.reader.wait()["serial"] == "RR-1"
        with pytest.raises(DriverError, match="did not become unbound"):
            client.reader.wait("unbound", timeout=2)
        with pytest.raises(DriverInvalidArgument, match="The states are"):
            client.reader.wait("nonsense")

    def test_a_bound_reader_is_left_alone(self, client, tmp_path):
        """Neither erasing nor writing at an address nor another identity takes its deviceid away."""
        (tmp_path / "in.bin").write_bytes(b"x" * 4096)
        for attempt in (
            client.reader.erase,
            lambda: client.reader.flash(tmp_path / "in.bin", target="0x9000"),
            lambda: client.reader.up("RR-3"),
        ):
            with pytest.raises(DriverError, match="bound"):
                attempt()
        assert client.reader.identity()["serial"] == "RR-1"

    def test_power(self, client):
        """Without power nothing answers, and the stock power client tells so."""
        client.reader.power.off()
        assert [one.voltage for one in client.reader.power.read()] == [0.0]
        with pytest.raises(DriverError, match="has no power"):
            client.reader.identity()
        client.reader.power.on()
        assert client.reader.has_power()

    def test_world(self, client):
        """The world changes at once; what is no world changes nothing."""
        changed = {**client.reader.world(), "dns_stall_ms": 5, "ntp": {"pool.ntp.org": 0.5}}
        client.reader.set_world(changed)
        assert client.reader.world() == changed
        with pytest.raises(DriverInvalidArgument, match="no key 'sunshine'"):
            client.reader.set_world({"sunshine": True})
        assert client.reader.world() == changed

    def test_console(self, client):
        """Its serial line is Jumpstarter's own, to expect on."""
        with client.reader.serial.pexpect() as console:
            console.send(b"\r\x03")
            console.expect_exact(b">>> ", timeout=60)
            console.send(b"print(6 * 7)\r")
            console.expect_exact(b"\r\n42\r\n", timeout=60)

    def test_commands(self, client):
        """`j reader ...` has the flasher's commands, those of power and serial line, and ours."""
        commands = client.cli().commands["reader"]
        assert {"flash", "dump", "erase", "power", "serial"} < commands.commands.keys()
        for words, expected in (
            (["identity"], "RR-1"),
            (["wait", "--for", "bound"], "RR-1"),
            (["world"], "access_points"),
            (["power", "read"], "voltage=5.0 V"),
        ):
            done = CliRunner().invoke(commands, words)
            assert (done.exit_code, expected in done.output) == (0, True), done.output
