"""The MicroPython side of the virtual ESP32: what the port's C code is on a real chip."""
