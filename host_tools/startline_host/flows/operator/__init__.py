"""What an operator does to a device on purpose: the host brings words, the device decides."""
