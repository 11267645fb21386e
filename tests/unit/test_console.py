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
from portplex.console.bus import ArrayGone, LookBus, Refused, SocketBus
from portplex.console.facts import Snapshot
from portplex.console.feed import Feed
from portplex.console.gate import LARGEST_BODY, TOKEN_VARIABLE, find_token
from portplex.console.texts import job_error, started
from portplex.console.web import MOST_VIEWERS
from portplex.executor import VirtualExecutor
from portplex.hil.control import ControlServer
from portplex.management import PORT_STRIDE, BackupState, Management, Order, PortUsage, PriorityMode
from portplex.registers.register_map import REGISTERS, Register
from portplex.runs.console import in_background, listen
from portplex.simulate import UsageError

from .console_bench import DISK, NOW, SECOND, SELF, Registers, console

pytestmark = pytest.mark.fast

TOKEN = "a-token-of-the-tests"
SECONDS = 20
B, R, V = Kind


# ---- the facade ----


def test_a_look_is_one_request_and_shows_all() -> None:
    registers = Registers()
    registers.job(2, 1, 64, 96, error=0x0204, sense=0x03_11_00)
    registers.job(9, 0, 8, 2048, number=5, kind=2, error=2)
    values = registers.values
    values[registers.word(5, 15)] = 8
    values[Register.PORT_COUNTERS + 4 * 10] = 77
    values[Register.PLACEMENT] = 1 | 3 << 16
    values[Register.PORT_USAGE + PORT_STRIDE] = PortUsage.BACKUP_ONLY
    values[Register.LOAD_IO + PORT_STRIDE] = 3
    values[Register.LOAD_AMOUNT + PORT_STRIDE] = 12288
    values[Register.LOAD_ACCESS + PORT_STRIDE] = 1
    values[Register.SCHEDULE_CONTROL + 16] = 1 | 3 << 8
    values[Register.SCHEDULE_DUE + 16] = NOW + 3600
    values[Register.SCHEDULE_PERIOD + 16] = 86400
    values[Register.SCHEDULE_LAST + 16] = NOW - 60
    values[Register.STORE + 4 * (0xA2 + 4)] = 0x15
    array = console(registers)
    first = asyncio.run(array.look())
    registers.requests.clear()
    values[REGISTERS["JOB_POINTER"].at(0)] = 96
    second = asyncio.run(array.look())
    assert len(registers.requests) == 1
    asked = registers.requests[0]
    assert asked.index(REGISTERS["JOB_POINTER"].at(5)) < asked.index(REGISTERS["JOB_COPY_POINTER"].at(5))
    assert len(set(asked)) == len(asked)
    assert first.model_dump(exclude={"jobs"}) == second.model_dump(exclude={"jobs"})
    one, two = first.ports
    assert (one.role, one.usage, one.link, one.n_port_id, one.logins) == ("online and backup", "both", "AC", SELF, 2)
    assert (one.open_tasks, one.backup_frames, one.wwpn, one.credit) == (5, 77, "5000000050580001", 8)
    assert (two.role, two.usage, two.n_port_id, two.wwpn) == ("idle", "backup_only", SECOND, "5000000050580002")
    assert (two.load_io, two.load_amount, two.load_access, one.load_access) == (3, 12288, "sequential", "random")
    assert (first.load.ports, first.load.moves, first.load.load_window) == ([0], 3, 256)
    found = [(v.number, v.blocks, v.write_protected) for v in first.volumes]
    assert found == [(0, 2048, False), (1, 128, True)]
    job, paused = first.jobs
    assert (job.state, job.kind, job.volume, job.port_id) == ("transfer", "backup", 1, DISK)
    assert (job.backup_pointer, job.copy_pointer, job.capacity) == (64, 96, 128)
    assert second.jobs[0].backup_pointer == 96
    assert "CHECK CONDITION" in job.error_text
    assert "3/11/00" in job.error_text
    assert (paused.number, paused.state, paused.kind, paused.first) == (5, "paused", "verify", 8)
    assert "not logged in" in paused.error_text
    entry = first.schedules[1]
    assert (entry.enabled, entry.job, entry.due, entry.period, entry.last) == (True, 3, NOW + 3600, 86400, NOW - 60)
    assert "another job on this volume" in entry.answer_text
    assert [each.enabled for each in first.schedules] == [False, True, False, False]
    assert (first.clock.seconds, first.array.ports, first.array.clean, first.array.pinned) == (NOW, 2, True, False)
    assert first.priority.backup_share == 20.5
    text = Console(width=250, file=open("/dev/null", "w"), record=True)  # noqa: SIM115, PTH123
    text.print(terminal.everything(second))
    shown = text.export_text().replace(",", "")
    facts = ("online and backup", "backup only", "5000000050580002", "backup disk", "write protected", "96", "65536")
    for fact in (*facts, "transfer", "paused", "12288", "sequential", "2027-01-15 09:00:00", "86400 s", "refused"):
        assert fact in shown


def test_settings_are_read_in_turn() -> None:
    """What only people change is at most SELDOM looks old, and new in the look after an order."""
    registers = Registers()
    array = console(registers)
    first = asyncio.run(array.look())
    registers.requests.clear()
    registers.values.update(dict.fromkeys((Register.ONLINE_TIME, Register.SPREAD_FLOOR, Register.LOAD_FLOOR), 9))
    looks = [asyncio.run(array.look()) for _ in range(LookBus.SELDOM)]
    assert (looks[-1].priority.online_time, looks[-1].load.spread_floor, looks[-1].load.load_floor) == (9, 9, 9)
    assert looks[0] != looks[-1]
    assert len(registers.requests) == LookBus.SELDOM
    assert max(map(len, registers.requests)) < 0.85 * len(set().union(*registers.requests))
    asyncio.run(array.set_load(spread_floor=7, rebalance=5))
    now = asyncio.run(array.look())
    assert (now.load.spread_floor, now.load.rebalance, now.ports) == (7, 5, first.ports)


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
    registers.values[Register.PARAMETERS2] = 1
    seen = asyncio.run(array.look())
    assert [v.number for v in seen.volumes] == [0]
    assert len(seen.ports) == 1


Orders = Callable[[ArrayConsole], Coroutine[Any, Any, Any]]

BUSY = "job 0 is at work on it"
REFUSED: dict[str, tuple[str, str, Orders]] = {
    "unknown LU": (
        "no_volume",
        "volume=3: there is no such logical unit; there are: 0, 1",
        lambda a: a.start(B, 3, DISK),
    ),
    "LU beyond all": ("range", "volume=4: must be 0 to 3", lambda a: a.start(B, 4, DISK)),
    "itself": ("own_port", "port_id=010100h: that is the array itself", lambda a: a.start(B, 1, SELF)),
    "its other port": ("own_port", "the array itself", lambda a: a.start(V, 1, SECOND)),
    "port ID": ("range", "port_id=16777216: must be 0 to 16777215", lambda a: a.start(B, 1, 1 << 24)),
    "chunk": ("range", "chunk=12: must be 8 to 128 and a multiple of 8", lambda a: a.start(B, 1, DISK, chunk=12)),
    "LUN": ("range", "lun=65536: must be 0 to 65535", lambda a: a.start(B, 1, DISK, lun=65536)),
    "LBA": ("range", "lba=-1: must be 0 to 4294967295", lambda a: a.start(B, 1, DISK, lba=-1)),
    "beyond the last LBA": (
        "range",
        "lba=4294967295: must be 0 to 4294967167, the image has 128 blocks",
        lambda a: a.start(R, 1, DISK, lba=0xFFFFFFFF),
    ),
    "copy pointer": ("range", "copy_pointer=129: must be 0 to 128", lambda a: a.start(B, 1, DISK, copy_pointer=129)),
    "no such port": ("absent", "ports=2: must be 0 to 1", lambda a: a.start(B, 1, DISK, ports=[0, 2])),
    "port for online only": (
        "no_port",
        "ports=[1]: none of them may carry a backup; usage: port 0 both, port 1 online_only",
        lambda a: a.start(B, 1, DISK, ports=[1]),
    ),
    "no such job to start": ("absent", "job=8: must be 0 to 7", lambda a: a.start(B, 1, DISK, job=8)),
    "volume of another job": ("volume_busy", f"volume=0: {BUSY}", lambda a: a.start(R, 0, DISK)),
    "job under way": (
        "job_state",
        "job=0: is transfer; for start backup must be one of idle, done, failed, aborted, prepared",
        lambda a: a.start(B, 1, DISK, job=0),
    ),
    "pause of no job": ("job_state", "job=4: is idle; for pause", lambda a: a.order(Order.PAUSE, 4)),
    "abort of no job": ("job_state", "job=4: is idle; for abort", lambda a: a.order(Order.ABORT, 4)),
    "resume of one under way": ("job_state", "is transfer; for resume", lambda a: a.order(Order.RESUME, 0)),
    "no such job": ("absent", "job=8: must be 0 to 7", lambda a: a.order(Order.ABORT, 8)),
    "pointer of no job": ("job_state", "job=1: is idle", lambda a: a.set_copy_pointer(1, 8)),
    "pointer goes back": ("range", "copy_pointer=56: must be 2048 to 2048", lambda a: a.set_copy_pointer(0, 56)),
    "usage": ("absent", "port=2: must be 0 to 1", lambda a: a.set_usage(2, PortUsage.BOTH)),
    "load window": ("range", "load_window=0: must be 1 to 65535", lambda a: a.set_load(spread_floor=1, load_window=0)),
    "load floor": ("range", "load_floor=-1: must be 0 to 4294967295", lambda a: a.set_load(load_floor=-1)),
    "rebalance": ("range", "rebalance=65536: must be 1 to 65535", lambda a: a.set_load(rebalance=65536)),
    "margin": ("range", "rebalance_margin=4294967296: must be", lambda a: a.set_load(rebalance_margin=1 << 32)),
    "spread floor": ("range", "spread_floor=-1: must be", lambda a: a.set_load(spread_floor=-1)),
    "quantum": ("range", "0 to 2147483647", lambda a: a.set_priority(backup_quantum=-1)),
    "online time": ("range", "0 to 2147483647", lambda a: a.set_priority(online_time=1 << 32)),
    "percent": ("range", "percent=100: must be 1 to 99", lambda a: a.set_priority(percent=100)),
    "percent and time": ("range", "percent sets the others", lambda a: a.set_priority(percent=50, online_time=1)),
    "clock": ("range", "seconds=4294967296: must be 0 to 4294967295", lambda a: a.set_clock(seconds=1 << 32)),
    "ticks": ("range", "ticks_per_second=0: must be 1 to 65535", lambda a: a.set_clock(seconds=1, ticks_per_second=0)),
    "schedule in the past": (
        "past",
        f"due={NOW} (2027-01-15 08:00:00): must be after {NOW}",
        lambda a: a.set_schedule(1, job=1, due=NOW),
    ),
    "due": ("range", "due=4294967296: must be 0 to", lambda a: a.set_schedule(0, job=1, due=1 << 32)),
    "period": ("range", "period=-1: must be 0 to", lambda a: a.set_schedule(0, job=1, due=NOW + 9, period=-1)),
    "no such entry": ("absent", "entry=4: must be 0 to 3", lambda a: a.clear_schedule(4)),
    "schedule of no job": ("absent", "job=8: must be 0 to 7", lambda a: a.set_schedule(0, job=8, due=NOW + 9)),
}


@pytest.mark.parametrize("case", REFUSED)
def test_each_refusal_has_its_reason(case: str) -> None:
    """Job 0 is under way with volume 0, port 1 is for online work only, entry 1 is set."""
    reason, text, order = REFUSED[case]
    registers = Registers()
    registers.job(2, 0, 8, 2048)
    registers.values[Register.PORT_USAGE + PORT_STRIDE] = PortUsage.ONLINE_ONLY
    array = console(registers)
    asyncio.run(array.set_schedule(1, job=7, due=NOW + 60))
    before = asyncio.run(array.look(whole=True))
    with pytest.raises(Refused) as refused:
        asyncio.run(order(array))
    assert refused.value.reason == reason
    assert text in str(refused.value)
    assert asyncio.run(array.look(whole=True)) == before  # the array goes on as it was


def test_a_start_does_not_move_the_copy_pointer_of_another_job() -> None:
    """The array has one register for both: a job whose image is still copied keeps others to what it has."""
    registers = Registers()
    registers.job(2, 0, 8, 64)
    array = console(registers)
    text = "copy_pointer=128: the image of job 0, which is under way, is copied up to 64 only: must be 0 to 64"
    with pytest.raises(Refused, match=text) as refused:
        asyncio.run(array.start(B, 1, DISK))
    assert refused.value.reason == "copying"
    assert not registers.writes
    assert asyncio.run(array.start(B, 1, DISK, copy_pointer=64)) == 1


def test_an_entry_that_is_off_stays_off_when_it_is_set_in_the_past() -> None:
    registers = Registers()
    array = console(registers)
    with pytest.raises(Refused, match="must be after") as refused:
        asyncio.run(array.set_schedule(2, job=1, due=NOW - 1))
    assert refused.value.reason == "past"
    assert not any(entry.enabled for entry in asyncio.run(array.look()).schedules)
    registers.gone = "the simulation has ended"
    with pytest.raises(ArrayGone):
        asyncio.run(array.set_schedule(2, job=1, due=NOW + 1))


def test_jobs_in_a_queue() -> None:
    """The console takes the lowest job that was never used, then one that has ended and that no schedule starts."""
    registers = Registers()
    array = console(registers)

    async def story() -> None:
        assert await array.start(B, 0, DISK) == 0
        assert await array.start(V, 1, DISK, job=3, ports=[1]) == 3
        first, second = (await array.look()).jobs
        assert (first.state, first.kind, first.ports, first.copy_pointer) == ("transfer", "backup", [], 2048)
        assert (second.state, second.kind, second.ports) == ("queued", "verify", [1])
        await array.order(Order.ABORT, 3)
        for job in (1, 2, 4, 5, 6, 7):
            assert await array.start(B, 1, DISK, prepare=True) == job
        assert (await array.look()).jobs[1].state == "prepared"
        assert await array.start(R, 1, DISK) == 3
        registers.values[REGISTERS["JOB_STATE"].at(3)] = BackupState.DONE
        await array.set_schedule(0, job=3, due=NOW + 9)
        with pytest.raises(Refused, match="all 8 are in use") as refused:
            await array.start(B, 1, DISK)
        assert refused.value.reason == "no_job"
        await array.clear_schedule(0)
        assert await array.start(B, 1, DISK) == 3

    asyncio.run(story())


def test_orders_reach_the_registers() -> None:
    registers = Registers()
    array = console(registers)

    async def orders() -> None:
        await array.start(B, 1, DISK, lun=2, lba=1000, chunk=64, copy_pointer=64, ports=[1])
        await array.set_copy_pointer(0, 128)
        await array.order(Order.PAUSE, 0)
        await array.order(Order.RESUME, 0)
        await array.order(Order.ABORT, 0)
        await array.start(V, 1, DISK, job=2, prepare=True)
        await array.set_clock(seconds=NOW + 5, ticks_per_second=200)
        await array.set_schedule(3, job=2, due=NOW + 90, period=60)
        await array.clear_schedule(3)
        await array.set_usage(1, PortUsage.ONLINE_ONLY)
        await array.set_load(load_window=1, load_floor=2, rebalance=3, rebalance_margin=4, spread_floor=5)
        await array.set_priority(PriorityMode.BACKUP_FIRST, percent=25)
        await array.set_priority(PriorityMode.ONLINE_FIRST)
        await array.set_priority(backup_quantum=4096)

    asyncio.run(orders())
    percent = Register.STORE + 4 * 0xB3
    assert registers.writes == [
        (Register.BACKUP_VOLUME, 1),
        (Register.BACKUP_PORT_ID, DISK),
        (Register.BACKUP_LUN, 2),
        (Register.BACKUP_LBA, 1000),
        (Register.BACKUP_CHUNK, 64),
        (Register.BACKUP_PORTS, 2),
        (Register.COPY_POINTER, 64),
        (Register.BACKUP_CONTROL, 1),
        (Register.COPY_POINTER, 128),
        (Register.BACKUP_CONTROL, 8),
        (Register.BACKUP_CONTROL, 16),
        (Register.BACKUP_CONTROL, 4),
        (Register.BACKUP_VOLUME, 1),
        (Register.BACKUP_PORT_ID, DISK),
        (Register.BACKUP_LUN, 0),
        (Register.BACKUP_LBA, 0),
        (Register.BACKUP_CHUNK, 128),
        (Register.BACKUP_PORTS, 0),
        (Register.COPY_POINTER, 128),
        (Register.BACKUP_CONTROL, 64 | 2 << 8 | 2 << 12),
        (Register.TICKS_PER_SECOND, 200),
        (Register.CLOCK_SET, NOW + 5),
        (Register.SCHEDULE_DUE + 48, NOW + 90),
        (Register.SCHEDULE_CONTROL + 48, 0),
        (Register.SCHEDULE_PERIOD + 48, 60),
        (Register.SCHEDULE_CONTROL + 48, 1 | 2 << 8),
        (Register.SCHEDULE_CONTROL + 48, 0),
        (Register.PORT_USAGE + PORT_STRIDE, 1),
        (Register.LOAD_WINDOW, 1),
        (Register.LOAD_FLOOR, 2),
        (Register.REBALANCE, 3),
        (Register.REBALANCE_MARGIN, 4),
        (Register.SPREAD_FLOOR, 5),
        (Register.PRIORITY_MODE, 1),
        (Register.BACKUP_QUANTUM, 8192),
        (Register.ONLINE_TIME, 6324),
        (percent, 25),
        (Register.PRIORITY_MODE, 0),
        (Register.BACKUP_QUANTUM, 8192),
        (Register.ONLINE_TIME, 6324),
        (Register.BACKUP_QUANTUM, 4096),
        (percent, 0),
    ]
    now = asyncio.run(array.look()).priority
    assert (now.mode, now.backup_share, now.percent) == ("online_first", 14.3, 0)


def test_errors_in_words() -> None:
    assert job_error(0, 0) == ""
    assert "drive error" in job_error(0x20, 0)
    assert "too small" in job_error(0x1A, 0)
    assert started(0, 0) == ""
    assert started(NOW, 0) == "started"
    assert "not answered" in started(NOW, 0x100)
    assert "nothing is prepared" in started(NOW, 0x17)
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
            status, answer = ask(
                web,
                method,
                path.replace("{job}/{what}", "0/abort")
                .replace("{job}", "0")
                .replace("{port}", "1")
                .replace("{entry}", "0"),
                body,
                token=token,
            )
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
    "a fraction": (422, "PUT", "/api/priority", {"percent": 1.5}),
    "a mode": (422, "PUT", "/api/priority", {"mode": "both_first"}),
    "out of range": (422, "PUT", "/api/priority", {"percent": 0}),
    "far out of range": (422, "PUT", "/api/priority", {"backup_quantum": 10**30}),
    "too deep": (400, "POST", "/api/jobs", b"[" * 10_000),
    "job is no number": (422, "POST", "/api/jobs/x/abort", None),
    "no such job": (404, "POST", "/api/jobs/9/abort", None),
    "no such order": (422, "POST", "/api/jobs/0/erase", None),
    "no such port": (404, "PUT", "/api/ports/2/usage", {"usage": "both"}),
    "no such usage": (422, "PUT", "/api/ports/0/usage", {"usage": "none"}),
    "no such entry": (404, "DELETE", "/api/schedules/4", None),
    "a window": (422, "PUT", "/api/load", {"load_window": 0}),
    "ports": (422, "POST", "/api/jobs", {"kind": "backup", "volume": 0, "port_id": DISK, "ports": [0] * 65}),
    "nothing to abort": (409, "POST", "/api/jobs/0/abort", None),
    "oneself": (409, "POST", "/api/jobs", {"kind": "backup", "volume": 0, "port_id": SELF}),
    "no such path": (404, "GET", "/api/nothing", None),
    "outside the page": (404, "GET", "/../web.py", None),
    "outside, in disguise": (404, "GET", "/%2e%2e/web.py", None),
    "method": (405, "DELETE", "/api/array", None),
    "too large": (413, "POST", "/api/jobs", b" " * (LARGEST_BODY + 1)),
}


GOOD: list[tuple[str, str, object]] = [
    ("POST", "/api/jobs/0/pause", None),
    ("PUT", "/api/ports/1/usage", {"usage": "backup_only"}),
    ("PUT", "/api/load", {"spread_floor": 4096}),
    ("PUT", "/api/clock", {"seconds": NOW + 1}),
    ("PUT", "/api/priority", {"mode": "backup_first", "percent": 30}),
    ("PUT", "/api/schedules/2", {"job": 1, "due": NOW + 9, "period": 60}),
]


def test_malformed_and_oversized_requests(web: str, registers: Registers) -> None:
    before = ask(web, "GET", "/api/array")
    for case, (expected, method, path, body) in MALFORMED.items():
        status, answer = ask(web, method, path, body)
        assert status == expected, (case, status, answer)
    status, answer = ask(web, "PUT", "/api/priority", {"percent": 0})
    assert answer == {"reason": "range", "message": "percent=0: must be 1 to 99"}
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
    staged = range(Register.BACKUP_VOLUME, Register.BACKUP_CONTROL)  # what a refused start would have used
    assert all(address in staged or address == Register.BACKUP_PORTS for address, _ in registers.writes)
    assert ask(web, "GET", "/api/array") == before
    answer = ask(web, "POST", "/api/jobs", {"kind": "backup", "volume": 1, "port_id": DISK})
    assert answer == (200, {"done": True, "job": 0})
    assert ask(web, "GET", "/api/array")[1]["jobs"][0]["state"] == "transfer"
    for method, path, body in GOOD:
        assert ask(web, method, path, body) == (200, {"done": True}), path
    seen = ask(web, "GET", "/api/array")[1]
    assert (seen["jobs"][0]["state"], seen["ports"][1]["usage"]) == ("paused", "backup_only")
    assert (seen["load"]["spread_floor"], seen["clock"]["seconds"], seen["priority"]["percent"]) == (4096, NOW + 1, 30)
    assert (seen["schedules"][2]["enabled"], seen["schedules"][2]["period"]) == (True, 60)
    assert ask(web, "DELETE", "/api/schedules/2") == (200, {"done": True})
    assert not ask(web, "GET", "/api/array")[1]["schedules"][2]["enabled"]


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
    assert ask(web, "PUT", "/api/priority", {"percent": 10})[0] == 503
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
