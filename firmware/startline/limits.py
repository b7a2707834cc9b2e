"""The range of each number that a device goes by: one definition, for the device and its host.

The host refuses what lies outside, the device takes the nearest that lies inside and says so.
Each is (lowest, what a device goes by if it was told none, highest).
"""

# Seconds. With less for a boot, a try has not even the time to fail; with less between two looks,
# a cloud has not had the time to carry out a request whose answer was lost.
BOOT_LIMIT = (6, 90, 3600)
LOOK_PAUSE = (30, 60, 3600)

# Unix seconds: 2020-01-01, 2026-01-01, 2066-01-01. A clock is right between a reader's making and
# the last: the firmware's `ntptime` puts a server that lives before 2024 136 years later, and from
# 2068 on no chip can tell the date.
MADE_AT = (1577836800, 1767225600, 3029529600)


def clamp(value: int, limits: tuple) -> int:
    """Return the number within `limits` that is next to `value`."""
    return min(max(value, limits[0]), limits[2])
