"""Python finds this first in esptool's suite: its hundreds of RFC 2217 ports open without pauses.

pyserial's client looks for an answer every 50 ms, a dozen times a port: an hour of the suite is
sleep. What is changed of it, and why, says `library_patches.py`, which FAST_RFC2217 names; pyserial
as it is runs in the clients' tests.
"""

import os
import runpy
import sys

if any("rfc2217:" in word for word in sys.orig_argv):
    _patches = runpy.run_path(os.environ["FAST_RFC2217"])
    _patches["patch_rfc2217"]()
    _patches["negotiate_only_changes"]()
