"""Bytes to flash and back: partitions, NVS, LittleFS, firmware, record, settings, units."""
