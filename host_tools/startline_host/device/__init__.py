"""One device through one pyserial URL: its port, boot loader, REPL and console."""
