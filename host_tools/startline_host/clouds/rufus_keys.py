"""What a RUFUS key may do, found out by calls that change nothing; and who it is that refuses it."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

import httpx
from startline.clouds.rufus import KEY_HEADERS

from startline_host.clouds.cloud_client import NOT_ALLOWED, cloud_client, date_of, may_not_look
from startline_host.clouds.cloud_kind import KeyOpinion, KeyReply
from startline_host.errors import BadInput, NetworkFailed, RefusedByCloud, StartlineError
from startline_host.formats.factory_partition import ClaimSettings, DeviceSettings
from startline_host.secrets import Secret, redact
from startline_host.util import printable

_CHOICE, _BOTH = "STARTLINE_KEY_HEADER", "both"
_MOST_WORDS = 80
#: No session has this token, so that closing it changes nothing; a key that may not PATCH gets 403.
_NO_SESSION = "0" * 64
#: How an API says that a key is not the matter's, but missing or not known.
_NO_KEY = re.compile(r"unknown|invalid|missing|needed|required|not found|no api", re.IGNORECASE)


def key_headers(key: Secret, header: str = "") -> dict[str, str]:
    """Return the headers that carry a key: as a device does, both, unless one is chosen.

    `header` is the choice, as claim.key_header says; "" leaves it to STARTLINE_KEY_HEADER. Raises
    BadInput where that is no such header.
    """
    chosen = header or os.environ.get(_CHOICE, "") or _BOTH
    if chosen not in {_BOTH, *KEY_HEADERS}:
        raise BadInput(
            f"The {_CHOICE} {printable(chosen)!r} is no header that carries a key.",
            f"It is {_BOTH}, {' or '.join(KEY_HEADERS)}, as claim.key_header is for a device.",
        )
    return {name: key.reveal() for name in KEY_HEADERS if key and chosen in {_BOTH, name}}


def look(
    base_url: str,
    ca: Sequence[bytes],
    key: Secret,
    *,
    key_header: str = "",
    method: str = "GET",
    path: str = "/devices",
) -> KeyReply:
    """Ask for one device of the list, or make another call that changes nothing, as a device would.

    Raises NetworkFailed or TlsFailed where no answer came.
    """
    headers = key_headers(key, key_header)
    params = {"page": 1, "limit": 1} if method == "GET" else None
    with cloud_client(base_url, ca, headers, as_device=True) as client:
        response = client.request(method, path, params=params)
    words, is_api = _words(response, key)
    server = printable(redact(response.headers.get("server", ""), key))[:_MOST_WORDS]
    return KeyReply(response.status_code, words, date_of(response), is_api, server)


def _words(response: httpx.Response, key: Secret) -> tuple[str, bool]:
    """Return the API's description, and whether the answer is in the API's form at all."""
    try:
        said = response.json()
        said = said.get("body", said)
        words = str(said.get("description", "")) if isinstance(said, dict) else ""
    except (ValueError, AttributeError):
        # The documented examples are not all valid JSON; a page in HTML is nobody's JSON.
        text = response.text.lstrip()
        return "", text.startswith("{") or not text
    return printable(redact(words, key))[:_MOST_WORDS], True


def _knows_key(reply: KeyReply) -> bool:
    """Tell whether the API knows the key, whatever it lets it do."""
    unknown = reply.status == httpx.codes.UNAUTHORIZED or _NO_KEY.search(reply.words)
    return reply.is_api and not unknown


def header_of(claim: ClaimSettings) -> str:
    """Return what carries the claim key, as the claim says."""
    return str(getattr(claim, "key_header", ""))


def ask(settings: DeviceSettings, read_key: Secret | None = None) -> KeyReply:
    """Look with a READ key, or with the claim key, as `look` does."""
    claim, ca = settings.claim, settings.tls.ca
    if read_key is not None:
        return look(claim.base_url, ca, read_key)
    return look(claim.base_url, ca, claim.key or Secret(""), key_header=header_of(claim))


def check_claim_key(settings: DeviceSettings, reply: KeyReply | None = None) -> str:
    """Return what the claim key may do: "WRITE", or "READ_WRITE" for one that may read as well.

    `reply` is what it was answered already. Raises RefusedByCloud for a READ key and for one that
    the cloud does not know, BadInput for a header that does not arrive, NetworkFailed for an answer
    that is not the API's, and as `look` does.
    """
    claim = settings.claim
    if claim.key is None:
        return ""
    reply = reply or ask(settings)
    if reply.status == httpx.codes.OK:
        if _may_write(settings, claim.key):
            return "READ_WRITE"
        raise RefusedByCloud(
            "The claim key is a READ key: it cannot bind.", "Give a key of access type WRITE."
        )
    said = f" ({reply.words})" if reply.words else ""
    if not reply.is_api and reply.status in {401, 403, 406, 429, 503}:
        raise _stranger(reply)
    if not _knows_key(reply):
        raise _unknown_key(settings, claim, said)
    if reply.status == httpx.codes.FORBIDDEN:
        return "WRITE"
    raise odd_reply(reply)


def _may_write(settings: DeviceSettings, key: Secret) -> bool:
    claim = settings.claim
    header = header_of(claim)
    path = f"/sessions/close/{_NO_SESSION}"
    reply = look(claim.base_url, settings.tls.ca, key, key_header=header,
                 method="PATCH", path=path)  # fmt: skip
    return reply.status not in NOT_ALLOWED


def _stranger(reply: KeyReply) -> NetworkFailed:
    who = f", which says it is {reply.server!r}" if reply.server else ""
    return NetworkFailed(
        f"What answers {reply.status} is not the cloud's API but something before it{who}: a "
        "firewall or a proxy.",
        "Have it let readers through: they are no browsers, and carry a key in a header.",
    )


def _unknown_key(settings: DeviceSettings, claim: ClaimSettings, said: str) -> StartlineError:
    """Return the error for a key that is not known, unless it is only its header that is lost."""
    if claim.key is not None and header_of(claim) == "api_key":
        other = look(claim.base_url, settings.tls.ca, claim.key, key_header="x-api-key")
        if _knows_key(other):
            return BadInput(
                "The header api_key does not reach the cloud, and x-api-key does: a proxy drops "
                "names with an underscore.",
                'Leave claim.key_header out, or set it to "x-api-key".',
            )
    return RefusedByCloud(f"The cloud does not know the claim key{said}.", "Look it up again.")


def odd_reply(reply: KeyReply) -> NetworkFailed:
    """Return the error for an answer that no look should get."""
    return NetworkFailed(
        f"The cloud answers {reply.status} to a look at its list.",
        "Is claim.base_url right? It ends with the version, as in /v0.",
    )


def judge_claim_key(settings: DeviceSettings, reply: KeyReply) -> KeyOpinion:
    """Judge the claim key by what it was answered. Raises as `check_claim_key` does."""
    said = f" ({reply.words})" if reply.words else ""
    if check_claim_key(settings, reply) == "READ_WRITE":
        return KeyOpinion(
            "The claim key may read: a READ_WRITE key on a device can be read by whoever holds the "
            "device.",
            "Give devices a key of access type WRITE.",
        )
    return KeyOpinion(
        f"The claim key may not read, as is right for a WRITE key{said}.", may_read=False
    )


def judge_read_key(reply: KeyReply) -> KeyOpinion:
    """Judge a READ key. Raises BadInput for one that may not read."""
    if reply.status == httpx.codes.OK:
        return KeyOpinion("The READ key may read.")
    if reply.is_api and reply.status in NOT_ALLOWED:
        raise may_not_look(reply.words)
    raise odd_reply(reply)
