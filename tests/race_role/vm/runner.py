"""Run by MicroPython: every function of a module whose name begins with `test_`, one after another.

Prints `PASS name` or `FAIL name` and the traceback behind it, as JSON, one line each.
"""

import gc
import io
import json
import sys


def run(module: str, names: list) -> None:
    """Run the cases of a module; all of them if no names are given."""
    cases = __import__(module)
    for name in names or [name for name in dir(cases) if name.startswith("test_")]:
        gc.collect()
        try:
            getattr(cases, name)()
        except BaseException as error:
            out = io.StringIO()
            sys.print_exception(error, out)
            print("FAIL " + json.dumps([name, out.getvalue()]))
        else:
            print("PASS " + json.dumps([name, ""]))
