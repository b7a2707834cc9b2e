"""Jumpstarter drivers for timing readers: an ESP32 that is loaded, asked and waited for."""
