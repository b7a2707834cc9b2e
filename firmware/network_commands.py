"""What an operator tries at a venue: the way to the cloud, without a request.

A host sends this over the REPL, as it does operator_commands; it is never stored. Neither record
nor settings are written, and no byte of a request goes out.
"""

from startline.binding import Binding
from startline.device import Device
from startline.hal import Hal
from startline.identity import Identity
from startline.net import StepFailed
from startline.net.http_guard import GuardedTransport
from startline.net.reasons import error_reason

if False:  # for mypy; a device has none of these
    from agent_types import AnyChip, Chip

# Milliseconds for all of it, and for a network that is left to be gone.
_LIMIT = 60000
_LEAVE = 2000


def try_network(changes: dict[str, str], hal: "AnyChip | None" = None) -> None:
    """Join, get an address and the time, and connect to the cloud as a boot would; say how far it got.

    `changes` are settings by name, such as "net.ssid", that stand in for the device's own in this
    try only. Prints the events of a boot; one that is `failed` says where it ended.
    """
    device = Device(hal or Hal())
    device.identity = identity = Identity(device.hal)
    try:
        binding = Binding(device)
        identity.values.update(changes)
        binding.start, binding.limit = binding.chip.ms(), _LIMIT
        if identity.text("net.link") != "usb":
            _leave(binding.chip)
        binding.online()
        address = ""
        if binding.link.kind == "wifi":
            address = binding.link.wlan.ifconfig()[0]
        device.emit("link", {"kind": binding.link.kind, "phase": "up", "address": address})
        _connect(binding)
    except StepFailed as failed:
        device.emit("failed", {"step": failed.args[0], "reason": failed.args[1]})


def _leave(chip: "Chip") -> None:
    """Leave the network that the device is in, or still looks for, as a radio takes one join at a time.

    A device in its network counts as joined, whatever name is tried. One that looks for a network
    that is not here goes on with that in the driver, and `connect` is refused meanwhile.
    """
    wlan = chip.wlan()
    wlan.active(True)
    wlan.disconnect()
    waited = 0
    while wlan.isconnected() and waited < _LEAVE:
        chip.sleep(50)
        waited += 50


def _connect(binding: Binding) -> None:
    """Resolve the cloud's name, connect, and check its certificate. Raises StepFailed."""
    import tls

    url = binding.identity.base_url
    host, _, port = url.split("/")[2].partition(":")
    secure = url.startswith("https:")
    transport = GuardedTransport(
        binding.chip, binding.link.sockets, binding.roots, binding.left(), None
    )
    transport.tls = tls
    try:
        kind = transport.SOCK_STREAM
        found = transport.getaddrinfo(host, int(port or (443 if secure else 80)), 0, kind)[0]
        transport.socket(found[0], kind, found[2])
        transport.connect(found[-1])
        if secure:
            transport.wrap_socket(None, host)
            binding.emit("tls", {"phase": "verified"})
    except StepFailed:
        raise
    except Exception as error:  # whatever it is, this step did not succeed
        raise StepFailed(transport.step, error_reason(transport.step, error, transport.connection))
    finally:
        transport.close()
