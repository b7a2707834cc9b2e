"""Bind the reader to its cloud, whatever comes out start the reader's own app.py."""

import startline

startline.main()
