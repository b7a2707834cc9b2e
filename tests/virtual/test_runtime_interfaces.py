"""Wi-Fi interfaces: what networks are called, and the settings and addresses that the port gives."""

from __future__ import annotations

from tests.virtual.vm_harness import JOIN, Vm


def test_a_network_has_a_name_and_a_password_of_any_bytes(vm: Vm) -> None:
    """Bytes that are no UTF-8 stand in the world as surrogate escapes, emoji as JSON's pairs."""
    name, key = b"caf\xe9 \xff", b"gar\xe7on"
    points = {
        name.decode("utf-8", "surrogateescape"): {
            "password": key.decode("utf-8", "surrogateescape")
        },
        "Ziel \U0001f3c1": {"password": "h\xe4h"},
    }
    vm.set_world(access_points=points)
    said = vm.run(
        JOIN
        + f"""
wlan.active(True)
print(sorted(point[0] for point in wlan.scan()))
print(join({name!r}, {key!r}))
"""
    )
    assert said.splitlines() == [repr(sorted([name, "Ziel \U0001f3c1".encode()])), "1010"]
    vm.feed(b"\x04")
    vm.until(b"soft reboot")
    vm.until(b">>> ")
    said = vm.run(
        JOIN
        + """
print(wlan.isconnected())
wlan.disconnect()
print(join("Ziel \U0001f3c1", "h\xe4h"), wlan.config("ssid") == "Ziel \U0001f3c1")
wlan.disconnect()
"""
    )
    assert said.splitlines() == ["True", "1010 True"]


def test_each_interface_has_the_settings_that_the_port_gives_it(vm: Vm) -> None:
    """Keys of the other interface say which one they need, unknown ones are refused."""
    said = vm.run(
        """
import network
sta, ap = network.WLAN(), network.WLAN(network.WLAN.IF_AP)
def of(function, *args, **named):
    try:
        return function(*args, **named)
    except Exception as error:
        return "%s %s" % (type(error).__name__, error)
print(of(sta.config, "hidden"), of(sta.config, essid="x"), of(ap.config, reconnects=1))
print(of(sta.config, "key"), of(sta.config, password="x"), of(sta.config, ifname="x"))
ap.config(ssid=b"reader", authmode=ap.SEC_WPA2, key="secret key", hidden=1, channel=6, max_clients=2)
print([ap.config(name) for name in ("essid", "security", "hidden", "channel", "max_clients")])
sta.config(txpower=8.3, pm=sta.PM_NONE, protocol=network.MODE_LR)
print([sta.config(name) for name in ("txpower", "pm", "protocol", "ifname", "bandwidth")])
print(of(network.hostname, "n" * 33), network.hostname("gate-3"), sta.config("hostname"))
print(network.country("DE"), network.country(), of(network.country, "DEU"))
print(ap.ifconfig()[0], of(sta.status, "stations"))
"""
    )
    assert said.splitlines() == [
        "OSError AP required OSError AP required OSError STA required",
        "ValueError unknown config param OSError AP required ValueError unknown config param",
        "['reader', 3, True, 6, 2]",
        "[8.25, 0, 8, 'st1', 2]",
        "ValueError  None gate-3",
        "None DE ValueError ",
        "192.168.4.1 OSError AP required",
    ]


def test_addresses_can_be_set(vm: Vm) -> None:
    """`ifconfig` and both `ipconfig`s: what is set is told, and DHCP takes it away again."""
    said = vm.run(
        """
import network
sta = network.WLAN()
print(sta.ipconfig("addr4"), sta.ipconfig("dhcp4"), network.ipconfig("dns"))
sta.ipconfig(addr4="192.168.1.7/20", gw4="192.168.1.1")
network.ipconfig(dns="9.9.9.9")
print(sta.ifconfig(), sta.ipconfig("dhcp4"), sta.ipconfig("gw4"))
sta.ifconfig(("10.1.2.3", 8, "10.0.0.9", "10.0.0.8"))
print(sta.ipconfig("addr4"), network.ipconfig("dns"))
sta.ifconfig("dhcp")
print(sta.ipconfig("addr4"), sta.ipconfig("dhcp4"))
for wrong in (lambda: sta.ipconfig("nothing"), lambda: sta.ipconfig(nothing=1), lambda: sta.ipconfig(),
              lambda: sta.ipconfig("gw4", gw4="1.1.1.1"), lambda: sta.ifconfig("static"),
              lambda: network.ipconfig("addr4"), lambda: network.ipconfig(dns="one")):
    try:
        print(wrong())
    except (TypeError, ValueError) as error:
        print(type(error).__name__, error)
"""
    )
    assert said.splitlines() == [
        "('0.0.0.0', '0.0.0.0') True 0.0.0.0",
        "('192.168.1.7', '255.255.240.0', '192.168.1.1', '9.9.9.9') False 192.168.1.1",
        "('10.1.2.3', '255.0.0.0') 10.0.0.8",
        "('0.0.0.0', '0.0.0.0') True",
        *["ValueError unexpected key"] * 2,
        "TypeError must query one param",
        "TypeError can't specify pos and kw args",
        "ValueError invalid arguments",
        "ValueError unexpected key",
        "ValueError invalid arguments as dns server",
    ]


def test_names_are_told_apart_without_regard_to_case(vm: Vm) -> None:
    """Hosts and time servers of the world are found however a program writes them."""
    vm.set_world(dns={"Cloud.Example": "127.0.0.9"}, ntp={"Time.Example": None, "*": 0})
    said = vm.run(
        JOIN
        + """
import ntptime, socket
join()
print(socket.getaddrinfo("cLOUD.example", 80)[0][-1])
ntptime.host = "TIME.example"
try:
    ntptime.time()
except OSError as error:
    print(error.errno)
"""
    )
    assert said.splitlines() == ["('127.0.0.9', 80)", "116"]
