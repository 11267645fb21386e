# SPDX-License-Identifier: Apache-2.0
"""Orders to a running simulation from another process: one JSON object a line over a unix socket.

Request `{"order": name, ...arguments}`, answer `{"result": ...}` or `{"error": text}`. Wait for the answer before the
next request of a connection.

client = ControlClient(path)
client.state()["hosts"]
client.ask(client.management.port_status())     # registers, as in the simulation itself
client.order("backup", volume=1)                # back when it has ended
"""

from __future__ import annotations

import contextlib
import inspect
import json
import os
import socket
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

from portplex.executor import Executor
from portplex.management import Management
from portplex.simulate import UsageError

T = TypeVar("T")

Order = Callable[..., Any]

MAX_LINE = 65536


class ControlError(Exception):
    """The simulation refused an order, or is gone; the message says why."""


class ControlGone(ControlError):
    """No answer came: this connection is of no more use."""


@contextlib.contextmanager
def _short(path: Path) -> Iterator[str]:
    """An address for `path` that fits: a unix socket's has 107 bytes at most, so go through a descriptor of its
    folder."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


class ControlServer:
    """Takes orders at `path`. An order is a function by name; when it returns a coroutine, `executor` runs that, and
    its result is the answer. A Source of the pump."""

    def __init__(self, executor: Executor, path: Path, orders: dict[str, Order]) -> None:
        self.executor = executor
        self.path = path
        self.orders = orders
        self.open = 0  # coroutines under way
        self._listener: socket.socket | None = None
        self._clients: dict[int, _Client] = {}

    def start(self) -> None:
        """Open the socket, in the place of one left over; UsageError when that cannot be."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self.path.unlink(missing_ok=True)
            with _short(self.path) as address:
                listener.bind(address)
            listener.listen(8)
        except OSError as error:
            listener.close()
            raise UsageError(f"control socket {self.path}: cannot be opened ({error.strerror or error})") from None
        listener.setblocking(False)
        self._listener = listener

    def stop(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None
            self.path.unlink(missing_ok=True)
        for client in list(self._clients.values()):
            client.close()

    def filenos(self) -> list[int]:
        own = [] if self._listener is None else [self._listener.fileno()]
        return own + list(self._clients)

    def poll(self, seconds: float = 0.0) -> int:
        """Take what has come, without waiting. Always 0: an order keeps time running while it is `open`, no longer."""
        if self._listener is None:
            return 0
        with contextlib.suppress(BlockingIOError):
            connection, _ = self._listener.accept()
            connection.setblocking(False)
            self._clients[connection.fileno()] = _Client(self, connection)
        for client in list(self._clients.values()):
            client.read()
        return 0

    def forget(self, number: int) -> None:
        self._clients.pop(number, None)


class _Client:
    """One connection."""

    def __init__(self, server: ControlServer, connection: socket.socket) -> None:
        self._server = server
        self._socket = connection
        self._number = connection.fileno()
        self._input = bytearray()

    def close(self) -> None:
        self._server.forget(self._number)
        self._socket.close()

    def read(self) -> None:
        try:
            data = self._socket.recv(MAX_LINE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self._input += data
        if not data or len(self._input) > MAX_LINE:
            self.close()
            return
        *lines, rest = bytes(self._input).split(b"\n")
        self._input = bytearray(rest)
        for line in lines:
            self._begin(line)

    def _begin(self, line: bytes) -> None:
        server = self._server
        try:
            request = json.loads(line)
            name = request.pop("order")
            order = server.orders[name]
        except (ValueError, TypeError, AttributeError, KeyError):
            known = ", ".join(sorted(server.orders))
            self._answer({"error": f"order {line[:80].decode(errors='replace')}: must be one of {known}"})
            return
        try:
            result = order(**request)
        except Exception as error:  # an order never ends the simulation
            self._answer({"error": str(error) or type(error).__name__})
            return
        if not inspect.iscoroutine(result):
            self._answer({"result": result})
            return
        server.open += 1
        server.executor.start(self._run(result))

    async def _run(self, order: Coroutine[Any, Any, Any]) -> None:
        try:
            answer = {"result": await order}
        except Exception as error:
            answer = {"error": str(error) or type(error).__name__}
        finally:
            self._server.open -= 1
        self._answer(answer)

    def _answer(self, answer: dict[str, Any]) -> None:
        try:
            self._socket.sendall(json.dumps(answer).encode() + b"\n")
        except OSError:  # gone, or it does not read what it asked for
            self.close()


class RemoteBus:
    """Registers through a control socket."""

    def __init__(self, client: ControlClient) -> None:
        self._client = client

    async def read(self, address: int) -> int:
        return int(self._client.order("read", address=address))

    async def write(self, address: int, value: int) -> None:
        self._client.order("write", address=address, value=value)


class ControlClient:
    """The other end, for stories and tests: every call blocks until its answer is there. ControlError when it is an
    error, ControlGone when the simulation is gone or says nothing for `timeout` seconds."""

    def __init__(self, path: Path, *, timeout: float = 60.0) -> None:
        self.management = Management(RemoteBus(self))
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout)
        try:
            with _short(path) as address:
                self._socket.connect(address)
        except OSError as error:
            self._socket.close()
            raise ControlGone(f"control socket {path}: nobody answers ({error.strerror or error})") from None
        self._path = path
        self._lines = self._socket.makefile("rb")

    def close(self) -> None:
        self._lines.close()
        self._socket.close()

    def order(self, name: str, *, timeout: float | None = None, **arguments: Any) -> Any:
        """Give an order and return its result; `timeout` in seconds for this one."""
        before = self._socket.gettimeout()
        if timeout is not None:
            self._socket.settimeout(timeout)
        try:
            self._socket.sendall(json.dumps({"order": name, **arguments}).encode() + b"\n")
            line = self._lines.readline()
        except OSError as error:
            raise ControlGone(f"order {name} to {self._path}: no answer ({error.strerror or error})") from None
        finally:
            self._socket.settimeout(before)
        if not line:
            raise ControlGone(f"order {name} to {self._path}: the simulation has ended")
        answer = json.loads(line)
        if "error" in answer:
            raise ControlError(f"order {name}: {answer['error']}")
        return answer["result"]

    def state(self) -> dict[str, Any]:
        """What the simulation is doing; see docs/hil.md."""
        result: dict[str, Any] = self.order("state")
        return result

    def ask(self, question: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine of `management` to its end."""
        try:
            question.send(None)
        except StopIteration as stop:
            answer: T = stop.value
            return answer
        question.close()
        raise RuntimeError("a coroutine that waits for something else than registers cannot be run here")
