"""Bytes to flash: partition table, factory partition, file system, firmware, and their plan."""
