"""Stand-ins for the port's modules; each works on the chip of the current life."""
