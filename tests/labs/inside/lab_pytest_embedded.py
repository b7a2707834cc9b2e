"""pytest-embedded with the service `micropython`: a dut that expects, writes, and has a prompt."""

import pytest

from startline_host.device.raw_repl import DeviceRaised
from startline_host.errors import DeviceSilent
from startline_pytest_embedded.dut_prompt import DutPrompt

with_prompt = pytest.mark.parametrize("embedded_services", ["serial,micropython"], indirect=True)


@with_prompt
def test_repl(dut):
    """Code, values, and what the code raises come back; variables stay until a soft reset."""
    assert dut.repl.exec("import machine\nfor n in range(3): print(n)") == "0\n1\n2\n"
    assert dut.repl.eval("machine.unique_id()") == bytes.fromhex("246f28000001")
    dut.repl.exec("kept = {'lap': 4}")
    assert dut.repl.eval("kept") == {"lap": 4}
    with pytest.raises(FileNotFoundError):
        dut.repl.exec("open('nothing')")
    with pytest.raises(DeviceRaised, match="ZeroDivisionError") as raised:
        dut.repl.exec("1 / 0")
    with pytest.raises(ValueError, match=r"object\(\) is none that can be carried over"):
        dut.repl.eval("object()")
    assert "Traceback" in raised.value.traceback
    dut.repl.soft_reset()
    with pytest.raises(DeviceRaised, match="NameError"):
        dut.repl.eval("kept")


@with_prompt
def test_expect_goes_on(dut):
    """Before and after the prompt, and after what failed there, the dut expects as ever."""
    dut.repl.exec("")
    dut.write("print('by', 'hand')\r")
    dut.expect_exact("by hand", timeout=60)
    with pytest.raises(DeviceSilent):
        dut.repl.exec("while True: pass", timeout=0.5)
    dut.repl.restart()
    dut.expect_exact("rst:0xc", timeout=60)
    dut.expect(r"MicroPython v\d+", timeout=60)
    assert dut.repl.eval("6 * 7") == 42


@pytest.mark.parametrize("embedded_services", ["serial"], indirect=True)
def test_without_it(dut):
    """A dut without the service is pytest-embedded's own."""
    assert not hasattr(dut, "repl")


@with_prompt
def test_a_dut_of_the_factory(dut):
    """A prompt is made of any dut with a serial port."""
    assert DutPrompt(dut.serial).eval("6 * 7") == 42
