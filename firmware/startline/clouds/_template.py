"""A template of a cloud on the device: copy it to NAME.py, one word of ASCII letters, and change it.

What a cloud's module has to have is said in `__init__.py`. A template is not loaded on a device.
docs/how-to/add-a-cloud.md goes through it, and through the file on the host.
"""

import json

if False:  # for mypy; a device has none of these
    from agent_types import Asked

# Settings without which no request is made, as "namespace.key": of `claim` what its file on the
# host lets a settings file say, of `factory` what each unit has to have. A secret is called `key`
# or `auth`: these two are zeroed in flash once the device is bound.
NEEDED = ("claim.key",)

# For a cloud that lists its devices: the path of a page, and what an entry calls its token, the
# mark that our request left, its serial number and its date of creation. Then the names that lead to
# the entries, none ([]) where a page is the list itself, and those that the place ends in which says
# how many there are in all, none where that is not said. Without these two they are [b"result"] and
# [b"pagination", b"total"]. Two names are the most, and the list may stand in a `body`. Without a
# list, leave LIST out and write `lookup(ask, identity, mark)`, or neither: then an operator settles
# what is unknown.
LIST = (
    "/devices?page=%d&limit=1000", b"id", b"firmware", b"serial", b"created",
    [b"devices"], [b"count"],
)  # fmt: skip

# What the answer calls the token, in its outermost object or in `body`.
TOKEN = b"id"

# What it says to people, the best first: this becomes the reason of a refusal.
WORDS = (b"message",)

# What an answer without a token means, by its status or its hundreds; all else is unknown. Call a
# status "refused" only if it proves that nothing was bound, and "unbound" only if it may be sent
# again: the request is never repeated blindly.
ANSWERS = {4: "refused", 408: "unknown", 409: "unknown", 425: "unknown", 429: "unbound"}


def request(identity: "Asked", mark: str) -> tuple[str, dict[str, str], bytes]:
    """Return path, headers and body of the one request that binds.

    The path goes behind `claim.base_url`; the body is bytes. `mark` is a text such as
    "1.4.0+sl.9f3c2a7b": put it where the cloud's own list shows it again, so that a device knows
    the entry as its own after an answer that was lost. It is "" for a look.

    A cloud that wants "Bearer " before a key is given `"Bearer " + identity.text("claim.key")`.
    """
    fields = {"serial": identity.serial, "model": identity.model, "firmware": mark}
    headers = {"Content-Type": "application/json", "Authorization": identity.text("claim.key")}
    return "/devices", headers, json.dumps(fields).encode()


def canonical(token: "str | bytes | None") -> str:
    """Return the one form of a token; "" for what is none.

    A text of JSON comes as a text, a number or a word as its bytes, and what can be neither as
    None. Be strict: what is no token leaves the device unknown, and what is taken for one is kept.
    """
    if isinstance(token, str) and 0 < len(token) <= 64 and token.isdigit():
        return token
    return ""
