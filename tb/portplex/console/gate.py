# SPDX-License-Identifier: Apache-2.0
"""What stands before the API: who may come in, and how much they may bring."""

from __future__ import annotations

import hmac
import json
import os
import secrets
from pathlib import Path

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from portplex.simulate import UsageError

TOKEN_VARIABLE = "PORTPLEX_CONSOLE_TOKEN"
SHORTEST_TOKEN = 16
LARGEST_BODY = 16_384
GUARDED = "/api"


def find_token(file: Path | None) -> tuple[str, bool]:
    """The token from `file`, else from the environment, else a new one; and whether it is new. UsageError for one that
    cannot be used."""
    if file is not None:
        try:
            token, source = file.read_text().strip(), f"token-file {file}"
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"token-file {file}: cannot be read ({error})") from None
    elif TOKEN_VARIABLE in os.environ:
        token, source = os.environ[TOKEN_VARIABLE].strip(), TOKEN_VARIABLE
    else:
        return secrets.token_urlsafe(24), True
    if len(token) < SHORTEST_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        raise UsageError(f"{source}: a token must have {SHORTEST_TOKEN} or more printable ASCII characters, no space")
    return token, False


class Gate:
    """401 for a request below GUARDED without `Authorization: Bearer TOKEN`, before anything else of it is looked at;
    413 for a body beyond LARGEST_BODY, 431 for larger headers. The page's own files hold nothing of the array and are
    free."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] == "http" and sum(len(name) + len(value) for name, value in scope["headers"]) > LARGEST_BODY:
            await _refuse(send, 431, "size", f"headers have at most {LARGEST_BODY} bytes")
            return
        if scope["type"] != "http" or not (path == GUARDED or path.startswith(GUARDED + "/")):
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        if not hmac.compare_digest(headers.get(b"authorization", b""), self._expected):
            await _refuse(send, 401, "token", "the console's token is missing or wrong")
            return
        body = bytearray()
        length = headers.get(b"content-length", b"0")
        more = True
        while more and length.isdigit() and int(length) <= LARGEST_BODY and len(body) <= LARGEST_BODY:
            message = await receive()
            if message["type"] != "http.request":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
        if more or len(body) > LARGEST_BODY:
            await _refuse(send, 413, "size", f"a request has at most {LARGEST_BODY} bytes")
            return
        given = False

        async def again() -> Message:
            nonlocal given
            if given:
                return await receive()  # the disconnect
            given = True
            return {"type": "http.request", "body": bytes(body), "more_body": False}

        await self._app(scope, again, send)


async def _refuse(send: Send, status: int, reason: str, message: str) -> None:
    body = json.dumps({"reason": reason, "message": message}).encode()
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
