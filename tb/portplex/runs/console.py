# SPDX-License-Identifier: Apache-2.0
"""`portplex console`: the web server of the console, or its terminal view, until Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import uvicorn
from rich.console import Console

from portplex.console import terminal
from portplex.console.array import ArrayConsole, attach
from portplex.console.feed import Feed
from portplex.console.gate import find_token
from portplex.console.web import make_app
from portplex.simulate import UsageError

MOST_CONNECTIONS = 64
UP_SECONDS = 30


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens. UsageError when that cannot be."""
    if not 0 <= port <= 65535:
        raise UsageError(f"port={port}: must be 0 to 65535, 0 takes a free one")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise UsageError(f"host {host!r}: is no address of this machine ({error.strerror})") from None
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(MOST_CONNECTIONS)
    except OSError as error:
        listener.close()
        raise UsageError(f"host {host}, port {port}: cannot be listened on ({error.strerror})") from None
    return listener


class Server(uvicorn.Server):
    """The web side, with small limits: a console has few users."""

    def __init__(self, array: ArrayConsole, token: str) -> None:
        self._feed = Feed(array)
        super().__init__(
            uvicorn.Config(
                make_app(array, token, self._feed),
                log_level="error",
                lifespan="off",
                ws="none",
                server_header=False,
                proxy_headers=False,
                limit_concurrency=MOST_CONNECTIONS,
                h11_max_incomplete_event_size=16_384,
                timeout_graceful_shutdown=1,
            )
        )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Streams would not end by themselves."""
        self._feed.close()
        await super().shutdown(sockets)


def address(listener: socket.socket, token: str) -> str:
    """What a browser opens; what stands behind # does not leave it."""
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/#token={token}"


def console(control: Path, *, host: str, port: int, token_file: Path | None, output: Console) -> None:
    """Serve the page of the array behind `control`."""
    token, fresh = find_token(token_file)
    listener = listen(host, port)
    where = address(listener, token)
    output.print(f"array:   {control}", soft_wrap=True)
    output.print(f"console: {where if fresh else where.partition('#')[0]}", soft_wrap=True)
    if not ipaddress.ip_address(listener.getsockname()[0].partition("%")[0]).is_loopback:
        output.print("warning: not on loopback, and HTTP shows the token to whoever can listen on the way")
    with contextlib.suppress(KeyboardInterrupt):
        Server(attach(control), token).run(sockets=[listener])


def watch(control: Path, output: Console) -> None:
    """The terminal view of the array behind `control`."""
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(terminal.view(Feed(attach(control)), output))


@contextlib.contextmanager
def in_background(array: ArrayConsole, token: str) -> Iterator[str]:
    """The web side in a thread of this process, on a free port of loopback; its address, without the token."""
    listener = listen("127.0.0.1", 0)
    running = Server(array, token)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    end = time.monotonic() + UP_SECONDS
    while not running.started:
        if not thread.is_alive() or time.monotonic() > end:
            raise RuntimeError("the console's server did not come up")
        time.sleep(0.01)
    try:
        yield address(listener, token).partition("#")[0]
    finally:
        running.should_exit = True
        thread.join(UP_SECONDS)
        listener.close()
