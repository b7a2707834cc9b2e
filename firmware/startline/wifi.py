"""The Wi-Fi link: joins with a deadline, and says why it could not."""

from .errors import Failed


class Link:
    """The station interface; `sockets` is the module to connect through."""

    kind = "wifi"

    def __init__(self, chip, identity) -> None:
        import socket

        self.sockets = socket
        self._chip = chip
        self._wlan = chip.wlan()
        self._ssid = identity.text("net.ssid")
        self._password = identity.text("net.password")

    def up(self, left: int) -> None:
        """Join the network within `left` milliseconds. Raises Failed."""
        wlan = self._wlan
        if wlan.isconnected():
            return
        if not self._ssid:
            raise Failed("link", "no_ssid", True)
        status = 1001  # still connecting
        try:
            wlan.active(True)
            wlan.config(reconnects=2)  # without a bound, the driver never says what is wrong
            wlan.connect(self._ssid, self._password)
            for _ in range(min(left, 20000) // 50):
                self._chip.sleep(50)
                if wlan.isconnected():
                    return
                status = wlan.status()
                if status not in (1000, 1001):
                    break
        except (OSError, ValueError):
            status = 0
        from .reasons import of_wifi

        self.down()
        raise Failed("link", of_wifi(wlan, status))

    def down(self) -> None:
        """Leave the network, so that the next `up` joins anew."""
        try:
            self._wlan.disconnect()
        except OSError:
            pass
