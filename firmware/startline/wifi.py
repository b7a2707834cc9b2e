"""The Wi-Fi link: joins with a deadline, and says why it could not."""

from .errors import Failed


class Link:
    """The station interface; `sockets` is the module to connect through."""

    kind = "wifi"

    def __init__(self, chip, identity) -> None:
        import socket

        self.sockets = socket
        self.chip = chip
        self.wlan = chip.wlan()
        self.text = identity.text

    def up(self, left: int) -> None:
        """Join the network within `left` milliseconds, 20 s at most. Raises Failed."""
        wlan = self.wlan
        if wlan.isconnected():
            return
        name = self.text("net.ssid")
        if not name:
            raise Failed("link", "no_ssid", True)
        status = 1001  # still connecting
        try:
            wlan.active(True)
            wlan.config(reconnects=2)  # without a bound, the driver never says what is wrong
            wlan.connect(name, self.text("net.password"))
            for _ in range(min(left, 20000) // 50):
                self.chip.sleep(50)
                if wlan.isconnected():
                    return
                status = wlan.status()
                if status not in (1000, 1001):
                    break
        except (OSError, ValueError):
            status = 0
        from .reasons import of_wifi

        reason = of_wifi(wlan, status)
        self.down()
        raise Failed("link", reason)

    def down(self) -> None:
        """Leave the network, so that the next `up` joins anew."""
        try:
            self.wlan.disconnect()
        except OSError:
            pass
