# ruff: noqa: ANN001, T201 - it runs on the device, which has no types and a console
"""A reader's own code: it times only once the reader is bound."""

import time


def main(device) -> None:
    """Wait until the reader is bound, asking again now and then, and start timing."""
    while device.state != "bound":
        print("not bound yet:", device.state)
        time.sleep(1)
        device.retry()
    print("timing as", device.token[:8])
