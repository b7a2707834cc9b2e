"""The exporter file that offers a virtual chip to Jumpstarter, as its own drivers take it.

https://jumpstarter.dev: `jumpstarter-driver-esp32` flashes through esptool, over the
port with modem lines; `jumpstarter-driver-pyserial` is the console, and can read file descriptors
only: that is the pseudo-terminal.
"""

from __future__ import annotations

_TEMPLATE = """\
apiVersion: jumpstarter.dev/v1alpha1
kind: ExporterConfig
metadata:
  namespace: default
  name: startline-{name}
export:
  serial:
    type: jumpstarter_driver_pyserial.driver.PySerial
    config:
      url: "{pty}"
      check_present: false
  esp32:
    type: jumpstarter_driver_esp32.driver.Esp32Flasher
    config:
      chip: esp32
    children:
      serial:
        type: jumpstarter_driver_pyserial.driver.PySerial
        config:
          url: "{url}"
          check_present: false
"""


def exporter_file(url: str, pty: str, mac: str) -> str:
    """Return the text of an exporter file for a chip, named after its `mac`.

    `url` is the pyserial URL of its port with modem lines, `pty` the path of its pseudo-terminal.
    """
    return _TEMPLATE.format(url=url, pty=pty, name=mac.lower().replace(":", ""))
