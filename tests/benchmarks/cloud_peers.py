"""Mocks that are taken instead of ours: json-server and Mockoon, from the npm registry."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import trustme

from startline_host.errors import BadInput

JSON_SERVER, MOCKOON = "json-server 0.17.4", "Mockoon 9.9.0"
_PACKAGES = ("json-server@0.17.4", "@mockoon/cli@9.9.0")
_JSON_SERVER = "node_modules/json-server/lib/cli/bin.js"
_MOCKOON = "node_modules/@mockoon/cli/bin/run.js"
#: Seconds for npm to fetch some 350 packages.
_INSTALL_LIMIT = 240


def install(folder: Path) -> None:
    """Have both in `folder`, once. Raises BadInput, with what to do, where npm cannot."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise BadInput(
            "There is no npm, which json-server and Mockoon come from.",
            "Install Node.js 18 or newer (Debian: apt install npm).",
        )
    if (folder / _JSON_SERVER).exists() and (folder / _MOCKOON).exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    command = [npm, "install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix"]
    try:
        done = subprocess.run(
            [*command, str(folder), *_PACKAGES],
            capture_output=True, check=False, text=True, timeout=_INSTALL_LIMIT,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise BadInput("npm did not come to an end.", "Is the registry reachable?") from None
    if done.returncode:
        words = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise BadInput(f"npm cannot install {' and '.join(_PACKAGES)}: {words}")


def json_server(folder: Path, work: Path, port: int, devices: int = 0) -> list[str]:
    """Return the command for a json-server that holds so many devices already."""
    held = [device(number) for number in range(devices)]
    data = work / f"json-server-{port}.json"
    data.write_text(json.dumps({"devices": held}), encoding="utf-8")
    return ["node", str(folder / _JSON_SERVER), str(data), "--port", str(port), "--quiet"]


def mockoon(
    folder: Path, work: Path, port: int, tls: Mapping[str, str] | None = None
) -> list[str]:
    """Return the command for a Mockoon whose devices can be listed and added to.

    `tls` names the files `certPath` and `keyPath`; without, it serves plain HTTP.
    """
    data = work / f"mockoon-{port}.json"
    data.write_text(json.dumps(_environment(port, tls)), encoding="utf-8")
    command = ["node", str(folder / _MOCKOON), "start", "--data", str(data)]
    return [*command, "--port", str(port), "--disable-log-to-file"]


def certificate(work: Path) -> tuple[Path, dict[str, str]]:
    """Write a certificate of the kind that our mock has; return the CA's file and Mockoon's words."""
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    names = ("peer-ca.pem", "peer-cert.pem", "peer-key.pem")
    ca, chain, key = (work / name for name in names)
    authority.cert_pem.write_to_path(ca)
    issued.private_key_pem.write_to_path(key)
    chain.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    return ca, {"certPath": str(chain), "keyPath": str(key)}


def device(number: int) -> dict[str, Any]:
    """Return a device as our mock lists it."""
    return {
        "id": number + 1,
        "deviceid": f"{number:064X}",
        "type": "",
        "model": "Model X1",
        "alias": "",
        "firmware": "1.0.0",
        "serial_number": f"FILL-{number:07d}",
        "creation_date": "2026-01-01T00:00:00.000Z",
    }


def _environment(port: int, tls: Mapping[str, str] | None) -> dict[str, Any]:
    """Describe one CRUD route over one data bucket, in Mockoon's own format."""
    answer = {
        "uuid": "answer", "body": "{}", "latency": 0, "statusCode": 200, "label": "",
        "headers": [], "bodyType": "DATABUCKET", "filePath": "", "databucketID": "devices",
        "sendFileAsBody": False, "rules": [], "rulesOperator": "OR", "disableTemplating": False,
        "fallbackTo404": False, "default": True, "crudKey": "id", "callbacks": [],
    }  # fmt: skip
    route = {
        "uuid": "route", "type": "crud", "documentation": "", "method": "", "responseMode": None,
        "endpoint": "devices", "responses": [answer],
    }  # fmt: skip
    bucket = {"uuid": "b", "id": "devices", "name": "devices", "documentation": "", "value": "[]"}
    secured = {"type": "CERT", "pfxPath": "", "caPath": "", "passphrase": ""}
    return {
        "uuid": "cloud", "lastMigration": 33, "name": "cloud", "endpointPrefix": "", "latency": 0,
        "port": port, "hostname": "", "folders": [], "routes": [route],
        "rootChildren": [{"type": "route", "uuid": "route"}], "proxyMode": False, "proxyHost": "",
        "proxyRemovePrefix": False, "cors": True, "headers": [], "proxyReqHeaders": [],
        "proxyResHeaders": [], "data": [bucket], "callbacks": [],
        "tlsOptions": {
            "enabled": tls is not None, **secured, **(tls or {"certPath": "", "keyPath": ""}),
        },
    }  # fmt: skip
