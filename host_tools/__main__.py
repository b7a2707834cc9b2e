"""`python -m host_tools` is `startline`."""

from host_tools.cli import main

main()
