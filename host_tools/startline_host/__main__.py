"""`python -m startline_host` is `startline`."""

from startline_host.cli import main

main()
