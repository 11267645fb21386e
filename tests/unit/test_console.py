# SPDX-License-Identifier: Apache-2.0
"""The management console on registers without an array: what it shows, orders and refusals, the web side's guard."""

from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import Callable, Coroutine, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from portplex.console import terminal
from portplex.console.array import ArrayConsole, Kind
from portplex.console.bus import ArrayGone, Refused, SocketBus
from portplex.console.facts import Snapshot
from portplex.console.feed import Feed
from portplex.console.gate import LARGEST_BODY, TOKEN_VARIABLE, find_token
from portplex.console.texts import job_error
from portplex.console.web import MOST_VIEWERS
from portplex.executor import VirtualExecutor
from portplex.hil.control import ControlServer
from portplex.management import Management, PriorityMode
from portplex.registers.register_map import Register
from portplex.runs.console import in_background, listen
from portplex.simulate import UsageError

from .console_bench import DISK, SELF, Registers, console

pytestmark = pytest.mark.fast

TOKEN = "a-token-of-the-tests"
SECONDS = 20


# ---- the facade ----


def test_a_look_is_one_request_and_shows_all() -> None:
    registers = Registers()
    registers.job(2, 1, 64, 96, error=0x0204, sense=0x03_11_00)
    registers.values[Register.PORT_COUNTERS + 4 * 10] = 77
    array = console(registers)
    first = asyncio.run(array.look())
    registers.requests.clear()
    registers.values[Register.BACKUP_POINTER] = registers.values[Register.STORE + 4 * 0x62] = 96
    second = asyncio.run(array.look())
    assert len(registers.requests) == 1
    asked = registers.requests[0]
    store = Register.STORE + 4 * 0x60
    assert asked.index(store + 8) < asked.index(store + 12)  # backup pointer before copy pointer
    assert len(set(asked)) == len(asked)
    assert first.model_dump(exclude={"jobs"}) == second.model_dump(exclude={"jobs"})
    (port,) = first.ports
    assert (port.role, port.link, port.n_port_id, port.logins) == ("online and backup", "AC", SELF, 2)
    assert (port.open_tasks, port.backup_frames, port.wwpn) == (5, 77, "5000000050580001")
    found = [(v.number, v.blocks, v.write_protected) for v in first.volumes]
    assert found == [(0, 2048, False), (1, 128, True)]
    (job,) = first.jobs
    assert (job.volume, job.backup_pointer, job.copy_pointer, job.capacity) == (1, 64, 96, 128)
    assert second.jobs[0].backup_pointer == 96
    assert "CHECK CONDITION" in job.error_text
    assert "3/11/00" in job.error_text
    assert first.array.clean
    assert not first.array.pinned
    assert first.priority.backup_share == 20.5
    text = Console(width=250, file=open("/dev/null", "w"), record=True)  # noqa: SIM115, PTH123
    text.print(terminal.everything(second))
    shown = text.export_text().replace(",", "")
    for fact in ("online and backup", "5000000050580001", "backup disk", "write protected", "96", "65536", "transfer"):
        assert fact in shown


def test_another_array_behind_the_same_bus() -> None:
    """An array with fewer registers refuses what the look before read; the next look starts anew."""
    registers = Registers()
    array = console(registers)
    asyncio.run(array.look())
    registers.gone = "restarts"
    with pytest.raises(ArrayGone):
        asyncio.run(array.look())
    registers.gone = ""
    registers.values[Register.PARAMETERS] = 32 | 1 << 9
    assert [v.number for v in asyncio.run(array.look()).volumes] == [0]


def _job_of(volume: int) -> Callable[[Registers], None]:
    return lambda registers: registers.job(2, volume, 0, 8)


REFUSED: dict[str, tuple[str, str, Callable[[ArrayConsole], Coroutine[Any, Any, None]]]] = {
    "unknown LU": ("no_volume", "there are: 0, 1", lambda a: a.start(Kind.BACKUP, 3, DISK)),
    "not logged in": ("not_logged_in", "010900h", lambda a: a.start(Kind.BACKUP, 0, 0x010900)),
    "itself": ("own_port", "the array itself", lambda a: a.start(Kind.BACKUP, 0, SELF)),
    "port ID": ("range", "1 to 16777199", lambda a: a.start(Kind.BACKUP, 0, 0xFFFFFC)),
    "chunk": ("range", "8 to 128 and a multiple of 8", lambda a: a.start(Kind.BACKUP, 0, DISK, chunk=12)),
    "LUN": ("range", "0 to 65535", lambda a: a.start(Kind.BACKUP, 0, DISK, lun=65536)),
    "beyond the last LBA": (
        "range",
        "0 to 4294965248",
        lambda a: a.start(Kind.RESTORE, 0, DISK, lba=0xFFFFFFFF),
    ),
    "copy pointer": ("range", "0 to 128", lambda a: a.start(Kind.BACKUP, 1, DISK, copy_pointer=129)),
    "quantum": ("range", "0 to 2147483647", lambda a: a.set_priority(backup_quantum=-1)),
    "online time": ("range", "0 to 2147483647", lambda a: a.set_priority(online_time=1 << 32)),
    "share": ("range", "1 to 99", lambda a: a.set_priority(backup_share=100)),
    "share and time": ("range", "one of them", lambda a: a.set_priority(backup_share=50, online_time=1)),
    "share of nothing": (
        "range",
        "no online time",
        lambda a: a.set_priority(backup_quantum=0, backup_share=50),
    ),
    "abort of no job": ("no_job", "not under way", lambda a: a.abort(0)),
    "job number": ("range", "0 to 0", lambda a: a.abort(1)),
    "pointer of no job": ("no_job", "not under way", lambda a: a.set_copy_pointer(0, 8)),
}


@pytest.mark.parametrize("case", REFUSED)
def test_each_refusal_has_its_reason(case: str) -> None:
    reason, text, order = REFUSED[case]
    registers = Registers()
    array = console(registers)
    with pytest.raises(Refused) as refused:
        asyncio.run(order(array))
    assert refused.value.reason == reason
    assert text in str(refused.value)
    assert registers.writes == []
    assert asyncio.run(array.look()).jobs == []  # the array goes on


@pytest.mark.parametrize(("volume", "reason"), [(0, "volume_busy"), (1, "busy")])
def test_two_jobs(volume: int, reason: str) -> None:
    registers = Registers()
    registers.job(1, 0, 0, 8)
    with pytest.raises(Refused) as refused:
        asyncio.run(console(registers).start(Kind.BACKUP, volume, DISK))
    assert refused.value.reason == reason
    assert registers.writes == []


def test_orders_reach_the_registers() -> None:
    registers = Registers()
    array = console(registers)

    async def orders() -> None:
        await array.start(Kind.BACKUP, 1, DISK, lun=2, lba=1000, chunk=64, copy_pointer=64)
        with pytest.raises(Refused, match="64 to 128"):
            await array.set_copy_pointer(0, 56)  # it only grows
        await array.set_copy_pointer(0, 128)
        await array.abort(0)
        await array.start(Kind.RESTORE, 1, DISK)
        await array.set_priority(PriorityMode.BACKUP_FIRST, backup_share=25)

    asyncio.run(orders())
    assert registers.writes == [
        (Register.BACKUP_VOLUME, 1),
        (Register.BACKUP_PORT_ID, DISK),
        (Register.BACKUP_LUN, 2),
        (Register.BACKUP_LBA, 1000),
        (Register.BACKUP_CHUNK, 64),
        (Register.BACKUP_PORTS, 0),
        (Register.COPY_POINTER, 64),
        (Register.BACKUP_CONTROL, 1),
        (Register.COPY_POINTER, 128),
        (Register.BACKUP_CONTROL, 4),
        (Register.BACKUP_VOLUME, 1),
        (Register.BACKUP_PORT_ID, DISK),
        (Register.BACKUP_LUN, 0),
        (Register.BACKUP_LBA, 0),
        (Register.BACKUP_CHUNK, 128),
        (Register.BACKUP_PORTS, 0),
        (Register.COPY_POINTER, 128),
        (Register.BACKUP_CONTROL, 2),
        (Register.PRIORITY_MODE, 1),
        (Register.BACKUP_QUANTUM, 65536),
        (Register.ONLINE_TIME, 50592),
    ]
    assert asyncio.run(array.look()).priority.backup_share == 25.0


def test_errors_in_words() -> None:
    assert job_error(0, 0) == ""
    assert "drive error" in job_error(0x20, 0)
    assert "BUSY" in job_error(0x0804, 0)
    assert "7Fh" in job_error(0x7F, 0)


# ---- the stream ----


def test_one_reader_for_all_viewers_and_only_while_they_look() -> None:
    registers = Registers()
    feed = Feed(console(registers), period=0.01)

    async def story() -> None:
        async with aclosing(feed.follow()) as one, aclosing(feed.follow()) as other:
            first, second = await anext(one), await anext(other)
            assert isinstance(first, Snapshot)
            assert first is second
            registers.job(2, 1, 8, 16)
            for viewer in (one, other):
                seen = await asyncio.wait_for(anext(viewer), SECONDS)
                assert isinstance(seen, Snapshot)
                assert seen.jobs[0].backup_pointer == 8
            registers.gone = "the simulation has ended"
            assert await asyncio.wait_for(anext(one), SECONDS) == registers.gone
            registers.gone = ""
            assert isinstance(await asyncio.wait_for(anext(one), SECONDS), Snapshot)
        assert feed.viewers == 0
        await asyncio.sleep(0)
        asked = len(registers.requests)
        await asyncio.sleep(0.1)
        assert len(registers.requests) == asked

    asyncio.run(story())


# ---- the web side ----


@pytest.fixture
def registers() -> Registers:
    return Registers()


@pytest.fixture
def web(registers: Registers) -> Iterator[str]:
    with in_background(console(registers), TOKEN) as address:
        yield address


def ask(
    web: str, method: str, path: str, body: object = None, *, token: str | None = TOKEN, **headers: str
) -> tuple[int, Any]:
    """Status, and the body decoded where it is JSON."""
    connection = http.client.HTTPConnection(web.split("/")[2], timeout=SECONDS)
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    data = body if isinstance(body, bytes) or body is None else json.dumps(body)
    if data is not None:
        headers.setdefault("Content-Type", "application/json")
    try:
        connection.request(method, path, data, headers)
        answer = connection.getresponse()
        text = answer.read()
    finally:
        connection.close()
    return answer.status, json.loads(text) if "json" in answer.getheader("content-type", "") else text


def test_without_the_token_nothing_is_told_and_nothing_changes(web: str, registers: Registers) -> None:
    status, described = ask(web, "GET", "/api/openapi.json")
    assert status == 200
    routes = [(method.upper(), path) for path, item in described["paths"].items() for method in item]
    assert len(routes) >= 6
    registers.requests.clear()
    wrong = (None, "", TOKEN[:-1], TOKEN + "x", "\xe4\xf6" * 10)
    for method, path in [*routes, ("GET", "/api/openapi.json"), ("GET", "/api"), ("POST", "/api/nothing")]:
        for token in wrong:
            body = None if method == "GET" else b"{ not even JSON"
            status, answer = ask(web, method, path.replace("{job}", "0"), body, token=token)
            assert status == 401, (method, path, token)
            assert answer["reason"] == "token"
    assert ask(web, "GET", "/api/array", token=None, Authorization=f"Basic {TOKEN}")[0] == 401
    assert ask(web, "GET", f"/api/array?token={TOKEN}", token=None)[0] == 401
    assert registers.writes == []
    assert registers.requests == []
    assert ask(web, "GET", "/api/array")[0] == 200


MALFORMED: dict[str, tuple[int, str, str, object]] = {
    "no JSON": (422, "POST", "/api/jobs", b"{"),
    "not UTF-8": (400, "PUT", "/api/priority", b'"\xff"'),
    "a list": (422, "POST", "/api/jobs", [1]),
    "no kind": (422, "POST", "/api/jobs", {"volume": 0, "port_id": DISK}),
    "unknown kind": (422, "POST", "/api/jobs", {"kind": "erase", "volume": 0, "port_id": DISK}),
    "unknown key": (422, "POST", "/api/jobs", {"kind": "backup", "volume": 0, "port_id": DISK, "x": 1}),
    "text for a number": (422, "POST", "/api/jobs", {"kind": "backup", "volume": "0", "port_id": DISK}),
    "a truth": (422, "POST", "/api/jobs", {"kind": "backup", "volume": True, "port_id": DISK}),
    "a fraction": (422, "PUT", "/api/priority", {"backup_share": 1.5}),
    "a mode": (422, "PUT", "/api/priority", {"mode": "both_first"}),
    "out of range": (422, "PUT", "/api/priority", {"backup_share": 0}),
    "far out of range": (422, "PUT", "/api/priority", {"backup_quantum": 10**30}),
    "too deep": (400, "POST", "/api/jobs", b"[" * 10_000),
    "job is no number": (422, "POST", "/api/jobs/x/abort", None),
    "no such job": (422, "POST", "/api/jobs/9/abort", None),
    "nothing to abort": (409, "POST", "/api/jobs/0/abort", None),
    "oneself": (409, "POST", "/api/jobs", {"kind": "backup", "volume": 0, "port_id": SELF}),
    "no such path": (404, "GET", "/api/nothing", None),
    "outside the page": (404, "GET", "/../web.py", None),
    "outside, in disguise": (404, "GET", "/%2e%2e/web.py", None),
    "method": (405, "DELETE", "/api/array", None),
    "too large": (413, "POST", "/api/jobs", b" " * (LARGEST_BODY + 1)),
}


def test_malformed_and_oversized_requests(web: str, registers: Registers) -> None:
    for case, (expected, method, path, body) in MALFORMED.items():
        status, answer = ask(web, method, path, body)
        assert status == expected, (case, status, answer)
    status, answer = ask(web, "PUT", "/api/priority", {"backup_share": 0})
    assert answer == {"reason": "range", "message": "backup_share=0: must be 1 to 99"}
    assert ask(web, "GET", "/api/array", **{"X-Long": "x" * 20_000})[0] == 431
    assert ask(web, "POST", "/api/jobs", None, **{"Content-Length": "99999999999"})[0] == 413
    connection = http.client.HTTPConnection(web.split("/")[2], timeout=SECONDS)
    connection.putrequest("POST", "/api/jobs")
    connection.putheader("Authorization", f"Bearer {TOKEN}")
    connection.putheader("Transfer-Encoding", "chunked")
    connection.endheaders()
    for _ in range(LARGEST_BODY // 1000 + 1):  # no end: what comes behind the refusal would be answered with a reset
        connection.send(b"3e8\r\n" + b" " * 1000 + b"\r\n")
    assert connection.getresponse().status == 413
    connection.close()
    assert registers.writes == []
    assert ask(web, "POST", "/api/jobs", {"kind": "backup", "volume": 1, "port_id": DISK})[0] == 200
    assert ask(web, "GET", "/api/array")[1]["jobs"][0]["state"] == "transfer"


def test_page_and_its_headers(web: str) -> None:
    connection = http.client.HTTPConnection(web.split("/")[2], timeout=SECONDS)
    for path in ("/", "/console.js", "/console.css", "/icon.svg"):
        connection.request("GET", path)
        answer = connection.getresponse()
        text = answer.read().decode()
        assert answer.status == 200
        assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")
        assert "https://" not in text
        assert answer.getheader("content-security-policy", "").startswith("default-src 'self'")
    connection.close()


def test_viewers_are_counted_and_a_gone_array_is_said(web: str, registers: Registers) -> None:
    def viewer() -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        connection = http.client.HTTPConnection(web.split("/")[2], timeout=SECONDS)
        connection.request("GET", "/api/events", headers={"Authorization": f"Bearer {TOKEN}"})
        return connection, connection.getresponse()

    def event(answer: http.client.HTTPResponse) -> tuple[str, Any]:
        while not (line := answer.readline()).startswith(b"event: "):
            assert line, "the stream has ended"
        return line[7:].decode().strip(), json.loads(answer.readline()[6:])

    viewers = [viewer() for _ in range(MOST_VIEWERS)]
    assert all(event(answer)[0] == "array" for _, answer in viewers)
    extra, answer = viewer()
    assert answer.status == 503
    extra.close()
    registers.gone = "the simulation has ended"
    assert all(event(answer) == ("gone", {"reason": "gone", "message": registers.gone}) for _, answer in viewers)
    assert ask(web, "PUT", "/api/priority", {"backup_share": 10})[0] == 503
    registers.gone = ""
    assert event(viewers[0][1])[0] == "array"
    for connection, answer in viewers:
        answer.close()
        connection.close()


# ---- token, address, socket ----


def test_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    one, two = find_token(None), find_token(None)
    assert one != two
    assert one[1]
    assert len(one[0]) >= 32
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    assert find_token(None) == (TOKEN, False)
    file = tmp_path / "token"
    file.write_text("the-one-in-the-file\n")
    assert find_token(file) == ("the-one-in-the-file", False)
    for text in ("short", "with a space in between", "with-an-\xe4-in-between", ""):
        file.write_text(text)
        with pytest.raises(UsageError, match="16 or more printable ASCII"):
            find_token(file)
    with pytest.raises(UsageError, match="cannot be read"):
        find_token(tmp_path / "none")


def test_address_that_cannot_be_listened_on() -> None:
    taken = listen("127.0.0.1", 0)
    with pytest.raises(UsageError, match="cannot be listened on"):
        listen("127.0.0.1", taken.getsockname()[1])
    taken.close()
    with pytest.raises(UsageError, match="0 to 65535"):
        listen("127.0.0.1", 65536)
    with pytest.raises(UsageError, match="no address of this machine"):
        listen("no.such.name.invalid", 0)


def test_bus_over_the_control_socket_comes_back(tmp_path: Path) -> None:
    """A simulation that goes and comes again; an access it refuses is not a lost connection."""
    path = tmp_path / "control.sock"
    bus = SocketBus(path, timeout=SECONDS)
    with pytest.raises(ArrayGone, match="nobody answers"):
        asyncio.run(bus.read(0))

    def refuse(address: int) -> int:
        raise RuntimeError("SLVERR")

    def serve(work: Coroutine[Any, Any, Any]) -> Any:
        executor = VirtualExecutor()
        control = ControlServer(
            executor, path, {"read": refuse, "read_many": lambda addresses: [a + 1 for a in addresses]}
        )
        control.start()

        async def both() -> Any:
            task = asyncio.create_task(work)
            while not task.done():
                control.poll()
                await asyncio.sleep(0.001)
            return task

        try:
            return asyncio.run(both())
        finally:
            control.stop()

    assert serve(bus.read_many([4, 8])).result() == [5, 9]
    assert isinstance(serve(bus.read(0)).exception(), ArrayGone)  # the connection of before
    refused = serve(bus.read(0)).exception()
    assert isinstance(refused, Refused)
    assert "SLVERR" in str(refused)
    bus.close()
    assert Management(bus)
