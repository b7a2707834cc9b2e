# Kept empty on purpose: a host in raw REPL gets past any main.py, but never past a boot.py that hangs.
