"""Switches the faults of a mock cloud that runs in another process, through its page's address."""

from __future__ import annotations

from typing import Any

import httpx

from startline_host.errors import BadInput, NetworkFailed
from startline_host.secrets import Secret

#: Where `startline cloud` has its page unless told otherwise.
DEFAULT_PAGE = "http://localhost:8480/"
_SECONDS = 10.0


def running_faults(page: str, password: Secret | None) -> list[dict[str, Any]]:
    """Return the faults that are on: `name`, `order` as it was given, and what it `says`.

    Raises NetworkFailed where no mock cloud answers, BadInput for a wrong password.
    """
    return _active(_asked(page, password, "GET", "_page/state", None)["faults"])


def switch_faults(
    page: str, password: Secret | None, order: dict[str, str | bool]
) -> list[dict[str, Any]]:
    """Send {"on": ORDER}, {"off": NAME} or {"clear": true}; return the faults that are on then.

    Raises as `running_faults`, and BadInput for a fault that there is not.
    """
    return _active(_asked(page, password, "POST", "_page/faults", order))


def _active(faults: dict[str, Any]) -> list[dict[str, Any]]:
    return list(faults["active"])


def _asked(
    page: str, password: Secret | None, method: str, path: str, order: dict[str, str | bool] | None
) -> dict[str, Any]:
    auth = ("startline", password.reveal()) if password else None
    hint = "Name its page, as `startline cloud` prints it: --page URL."
    try:
        reply = httpx.request(
            method,
            f"{page.rstrip('/')}/{path}",
            json=order,
            auth=auth,
            timeout=_SECONDS,
            trust_env=False,
        )
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        raise NetworkFailed(f"No mock cloud answers at {page}.", hint) from None
    if reply.status_code == 401:
        raise BadInput(
            f"The page at {page} asks for its password.", "Put it into STARTLINE_CLOUD_PASSWORD."
        )
    try:
        said = reply.json()
    except ValueError:
        said = None
    if isinstance(said, dict) and reply.status_code == 400 and "problem" in said:
        raise BadInput(str(said["problem"]))
    if not isinstance(said, dict) or reply.status_code != 200:
        raise NetworkFailed(f"What answers at {page} is not a mock cloud.", hint)
    return said
