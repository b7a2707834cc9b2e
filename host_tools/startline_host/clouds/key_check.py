"""What a RUFUS key may do, found out by calls that change nothing; and who it is that refuses it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
import msgspec

from startline_host.clouds.cloud_client import cloud_client, unreachable
from startline_host.errors import BadInput, NetworkFailed, RefusedByCloud, StartlineError
from startline_host.formats.factory_partition import ClaimSettings, DeviceSettings
from startline_host.secrets import Secret, redact
from startline_host.util import printable

_MOST_WORDS = 80
#: No session has this token, so that closing it changes nothing; a key that may not PATCH gets 403.
_NO_SESSION = "0" * 64
#: How an API says that a key is not the matter's, but missing or not known.
_NO_KEY = re.compile(r"unknown|invalid|missing|needed|required|not found|no api", re.IGNORECASE)


class KeyReply(msgspec.Struct, frozen=True):
    """What was answered to a call: status, the API's own words, the time, and who answered.

    `is_api` tells that the answer has the API's form; `server` is what it says of itself.
    """

    status: int
    words: str
    time: datetime | None
    is_api: bool = True
    server: str = ""

    @property
    def knows_key(self) -> bool:
        """Whether the API knows the key, whatever it lets it do."""
        unknown = self.status == httpx.codes.UNAUTHORIZED or _NO_KEY.search(self.words)
        return self.is_api and not unknown


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
    try:
        with cloud_client(base_url, ca, key, as_device=True, key_header=key_header) as client:
            params = {"page": 1, "limit": 1} if method == "GET" else None
            response = client.request(method, path, params=params)
    except httpx.TransportError as error:
        raise unreachable(error) from None
    words, is_api = _words(response, key)
    server = printable(redact(response.headers.get("server", ""), key))[:_MOST_WORDS]
    return KeyReply(response.status_code, words, _date(response), is_api, server)


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


def _date(response: httpx.Response) -> datetime | None:
    try:
        return parsedate_to_datetime(response.headers.get("date", "")).astimezone(UTC)
    except ValueError:
        return None


def unverified_time(base_url: str) -> datetime | None:
    """Return what time the server at a URL says it is, whoever it may be: it gets no key."""
    try:
        with httpx.Client(verify=False, timeout=15.0) as client:  # noqa: S501 - only the time
            return _date(client.head(base_url))
    except (httpx.HTTPError, OSError):
        return None


def check_claim_key(settings: DeviceSettings, reply: KeyReply | None = None) -> str:
    """Return what the claim key may do: "WRITE", or "READ_WRITE" for one that may read as well.

    `reply` is what it was answered already. Raises RefusedByCloud for a READ key and for one that
    the cloud does not know, BadInput for a header that does not arrive, NetworkFailed for an answer
    that is not the API's, and as `look` does.
    """
    claim = settings.claim
    if claim.key is None:
        return ""
    reply = reply or look(claim.base_url, settings.tls.ca, claim.key, key_header=claim.key_header)
    if reply.status == httpx.codes.OK:
        if _may_write(settings, claim.key):
            return "READ_WRITE"
        raise RefusedByCloud(
            "The claim key is a READ key: it cannot bind.", "Give a key of access type WRITE."
        )
    said = f" ({reply.words})" if reply.words else ""
    if not reply.is_api and reply.status in {401, 403, 406, 429, 503}:
        raise _stranger(reply)
    if not reply.knows_key:
        raise _unknown_key(settings, claim, said)
    if reply.status == httpx.codes.FORBIDDEN:
        return "WRITE"
    raise odd_reply(reply)


def _may_write(settings: DeviceSettings, key: Secret) -> bool:
    claim = settings.claim
    path = f"/sessions/close/{_NO_SESSION}"
    reply = look(claim.base_url, settings.tls.ca, key, key_header=claim.key_header,
                 method="PATCH", path=path)  # fmt: skip
    return reply.status not in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}


def _stranger(reply: KeyReply) -> NetworkFailed:
    who = f", which says it is {reply.server!r}" if reply.server else ""
    return NetworkFailed(
        f"What answers {reply.status} is not the cloud's API but something before it{who}: a "
        "firewall or a proxy.",
        "Have it let readers through: they are no browsers, and carry a key in a header.",
    )


def _unknown_key(settings: DeviceSettings, claim: ClaimSettings, said: str) -> StartlineError:
    """Return the error for a key that is not known, unless it is only its header that is lost."""
    if claim.key is not None and claim.key_header == "api_key":
        other = look(claim.base_url, settings.tls.ca, claim.key, key_header="x-api-key")
        if other.knows_key:
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
