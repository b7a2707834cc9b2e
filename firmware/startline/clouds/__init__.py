"""The clouds that the agent knows: one module each, found by the name in `claim.cloud`.

A cloud's module has NEEDED (names of settings), `request(identity, mark)` -> (path, headers,
body) of the one POST, `read(status, body)` -> (state, token, reason) of its answer, `fit(token)`,
and what a look goes by: LIST (a path with %d for the page; what token, mark and serial number
are called), or a `look(ask, identity, mark)` of its own, which returns (state, token, reason).
`mark`, if any, goes to where the cloud's own list shows it again.
"""

import json


def parse(text: str) -> dict:
    """Return what an answer's JSON holds. Raises ValueError, also for more than any cloud says.

    Brackets and commas take memory out of all proportion to their bytes.
    """
    if text.count("[") + text.count("{") > 32 or text.count(",") > 200:
        raise ValueError
    return json.loads(text)


def find(name: str):
    """Return a cloud's module, or None."""
    if not name.isalpha():
        return None
    try:
        return __import__(__name__ + "." + name, None, None, ("read",))
    except ImportError:
        return None
