# SPDX-License-Identifier: Apache-2.0
"""port_mux: what each port offers reaches the array whole and in turn; an instruction of the array reaches its port."""

from __future__ import annotations

import os
import random
from collections import deque
from typing import Any

import cocotb
from clocked import Clocked, field, number

PORTS, TASKS = int(os.environ["PORTS"]), int(os.environ["TASKS"])
HR = {
    "op": 2, "task": 8, "port_id": 24, "login": 6, "lun": 64, "cdb": 128, "length": 32, "read": 1, "write": 1,
    "attribute": 3, "task_management": 8,
}  # fmt: skip
DONE = {"op": 4, "task": 8, "slot": 9, "status": 8, "scsi_status": 8, "sense": 24}
EVENT = {"index": 6, "wwpn": 64, "initiator": 5, "hidden": 16}


def expected(port: int, record: dict[str, int]) -> dict[str, int]:
    """The record as the array must see it: task and login tell the port."""
    changed = dict(record)
    if "task" in record:
        changed["task"] += port * TASKS
    for name in ("login", "index"):
        if name in record:
            changed[name] += port * 64
    return changed


class Stream:
    """One stream of records of every port, joined: random offers, random ready, checked as they are taken."""

    def __init__(self, dut: Any, rng: random.Random, prefix: str, fields: dict[str, int]) -> None:
        self.dut, self.rng, self.prefix, self.fields = dut, rng, prefix, fields
        self.offers: list[dict[str, int] | None] = [None] * PORTS
        self.waited = [0] * PORTS  # records of other ports taken while this one waits
        self.shown: dict[str, int] | None = None
        self.counts = [0] * PORTS
        self.busy = 0.5

    def handle(self, name: str, port: str = "") -> Any:
        return getattr(self.dut, f"{port}{self.prefix}_{name}")

    def record(self) -> dict[str, int]:
        record = {name: self.rng.getrandbits(width) for name, width in self.fields.items()}
        return record | {"task": self.rng.randrange(TASKS)}

    def drive(self) -> None:
        for port in range(PORTS):
            if self.offers[port] is None and self.rng.random() < self.busy:
                self.offers[port] = self.record()
        self.handle("valid", "port_").value = sum((offer is not None) << p for p, offer in enumerate(self.offers))
        for name, width in self.fields.items():
            self.handle(name, "port_").value = sum(
                (offer[name] if offer else self.rng.getrandbits(width)) << p * width
                for p, offer in enumerate(self.offers)
            )
        self.ready = self.rng.randrange(2)
        self.handle("ready").value = self.ready

    def sample(self) -> None:
        offered = [p for p, offer in enumerate(self.offers) if offer is not None]
        assert bool(number(self.handle("valid"))) == bool(offered)
        taken = number(self.handle("ready", "port_"))
        if not offered:
            self.shown = None
            return
        seen = {name: number(self.handle(name)) for name in self.fields}
        if self.shown is not None:
            assert seen == self.shown, "an offer that has been shown has changed"
        (port,) = (p for p in offered if expected(p, self.offers[p] or {}) == seen)
        assert taken & sum(1 << p for p in offered) == self.ready << port
        self.shown = None if self.ready else seen
        if self.ready:
            self.offers[port] = None
            self.counts[port] += 1
            self.waited[port] = 0
            for other in offered:
                if other != port:
                    self.waited[other] += 1
                    # an offer shown before it came goes first, then each of the others once
                    assert self.waited[other] <= PORTS, "not in turn"


class Instructions:
    """Instructions of the array: the port they are for takes them, with its own task number."""

    def __init__(self, dut: Any, rng: random.Random) -> None:
        self.dut, self.rng = dut, rng
        self.waiting: tuple[int, int, int] | None = None  # op, port, task
        self.counts = [0] * PORTS

    def drive(self) -> None:
        rng, dut = self.rng, self.dut
        if self.waiting is None and rng.random() < 0.7:
            self.waiting = rng.choice((0, 1, 2, 3, 4, 8, 9, 10, 11, 12, 13)), rng.randrange(PORTS), rng.randrange(TASKS)
        dut.ti_valid.value = int(self.waiting is not None)
        self.ready = rng.getrandbits(PORTS)
        dut.port_ti_ready.value = self.ready
        if self.waiting:
            op, port, task = self.waiting
            dut.ti_op.value = op
            dut.ti_port.value = port if op >= 8 else rng.randrange(PORTS)
            dut.ti_task.value = 0 if op >= 8 else port * TASKS + task

    def sample(self) -> None:
        dut = self.dut
        if self.waiting is None:
            assert number(dut.port_ti_valid) == 0
            return
        op, port, task = self.waiting
        assert number(dut.port_ti_valid) == 1 << port
        assert op >= 8 or number(dut.port_ti_task) == task
        assert number(dut.ti_ready) == self.ready >> port & 1
        if self.ready >> port & 1:
            self.waiting = None
            self.counts[port] += 1


class Logins:
    """Login events: strobes of the ports, also of several in one clock, each seen once."""

    def __init__(self, dut: Any, rng: random.Random) -> None:
        self.dut, self.rng = dut, rng
        self.due: list[deque[dict[str, int]]] = [deque() for _ in range(PORTS)]
        self.quiet = [0] * PORTS
        self.seen = 0

    def drive(self) -> None:
        strobes, records = 0, []
        for port in range(PORTS):
            record = {name: self.rng.getrandbits(width) for name, width in EVENT.items()}
            records.append(record)
            self.quiet[port] -= 1
            if self.quiet[port] <= 0 and self.rng.random() < 0.3:
                strobes |= 1 << port
                self.due[port].append(record)
                self.quiet[port] = 8  # at least a PLOGI and a PRLI lie between two of a port
        self.dut.port_login_event_valid.value = strobes
        for name, width in EVENT.items():
            packed = sum(record[name] << p * width for p, record in enumerate(records))
            getattr(self.dut, f"port_login_event_{name}").value = packed

    def sample(self) -> None:
        if not number(self.dut.login_event_valid):
            return
        index = number(self.dut.login_event_index)
        port = field(index, 6, 6)
        record = self.due[port].popleft()
        assert {n: number(getattr(self.dut, f"login_event_{n}")) for n in EVENT} == expected(port, record)
        self.seen += 1


@cocotb.test()
async def joins_the_ports(dut: Any) -> None:
    rng = random.Random(cocotb.RANDOM_SEED)
    streams = Stream(dut, rng, "hr", HR), Stream(dut, rng, "done", DONE)
    instructions, logins = Instructions(dut, rng), Logins(dut, rng)
    clocked = Clocked(dut, *streams, instructions, logins)
    inputs = [f"port_{s.prefix}_{name}" for s in streams for name in ("valid", *s.fields)]
    inputs += ["hr_ready", "done_ready", "ti_valid", "ti_op", "ti_port", "ti_task", "port_ti_ready"]
    inputs += [f"port_login_event_{name}" for name in ("valid", *EVENT)]
    await clocked.start(**dict.fromkeys(inputs, 0))
    for busy in (0.2, 1.0):
        for stream in streams:
            stream.busy = busy
        await clocked.clocks(1000)
    assert min(streams[0].counts + streams[1].counts + instructions.counts) > 100
    assert logins.seen > 100 and sum(len(due) for due in logins.due) <= 2 * PORTS
