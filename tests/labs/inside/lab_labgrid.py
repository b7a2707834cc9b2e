"""What the book's page does not show, on the reader that it has bound."""

import pytest
from labgrid.binding import BindingState

from startline_host.errors import BadInput, NoSuchPort, TimedOut, WouldTouchBound


@pytest.fixture
def reader(target):
    """Return the driver with the verbs."""
    return target.get_driver("ReaderDriver")


def test_a_bound_reader_is_left_alone(reader):
    """Another identity is refused; it never was unbound since it was restarted."""
    with pytest.raises(WouldTouchBound):
        reader.up("RR-2")
    with pytest.raises(TimedOut, match="did not become unbound"):
        reader.wait("unbound", timeout=2)


def test_console(target, reader):
    """The stock serial driver lets go of the port for a call, and is active again after it."""
    console = target.get_driver("SerialDriver")
    assert reader.identity()["state"] == "bound"
    assert console.state is BindingState.active
    target.deactivate(console)


def test_power(target, reader):
    """By labgrid's power protocol: without power nothing answers, with power it is bound."""
    power = target.get_driver("PowerProtocol")
    power.off()
    assert not power.get()
    with pytest.raises(NoSuchPort):
        reader.identity()
    for odd in (-1, True, "20"):
        with pytest.raises(BadInput, match=f"cut_after is {odd!r}"):
            power.on(cut_after=odd)
    assert not power.get()
    power.on()
    assert power.get()
    assert reader.wait()["state"] == "bound"


def test_world(target):
    """The world changes at once; what is no world changes nothing."""
    chip = target.get_driver("VirtualReaderDriver")
    changed = {"access_points": {}}
    chip.set_world(changed)
    with pytest.raises(BadInput, match="no key 'sunshine'"):
        chip.set_world({"sunshine": True})
    assert chip.get_world() == changed
