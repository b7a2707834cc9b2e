"""pytest-embedded with its serial service: `dut` expects and writes."""

import pytest


@pytest.mark.parametrize("embedded_services", ["serial"], indirect=True)
def test_dut(dut):
    """What the chip says is expected as text, and what is written reaches its prompt."""
    dut.write("\x03\x03\x04")
    dut.expect_exact("soft reboot", timeout=30)
    dut.expect(r"MicroPython v\d+\.\d+", timeout=30)
    dut.expect_exact(">>> ", timeout=30)
    dut.write("import machine; print('id', machine.unique_id().hex())\r")
    found = dut.expect(r"id ([0-9a-f]{12})", timeout=30)
    assert len(found.group(1)) == 12
