"""Composes images, devices and clouds: loading, first boots, checks, scenarios."""
