# SPDX-License-Identifier: Apache-2.0
"""drive_controller alone, between a drive and a back port made in Python that both take their time."""

from __future__ import annotations

import os
import random
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, Timer

from portplex.bfm.pins import value_of

VOLUMES, QUEUE = int(os.environ["VOLUMES"]), int(os.environ["QUEUE"])
LINE, LINES = 16, 256  # bytes, lines of a segment
READ_LATENCY = 3  # clocks of the back port; the same for every read
SEGMENTS = [5, 3, 1, 7][:VOLUMES]
BASES = [100, 2, 0, 1 << 28][:VOLUMES]


@dataclass
class Request:
    write: bool
    tag: int
    volume: int
    segment: int
    line: int
    lines: list[bytes]  # what is to be moved
    error: bool  # what the drive will say
    moved: list[bytes] = field(default_factory=list)  # to the drive, or into the cache

    @property
    def in_volume(self) -> bool:
        return self.volume < VOLUMES and self.segment < SEGMENTS[self.volume]


class World:
    """All that the controller touches. Inputs are set at a falling edge, outputs looked at a nanosecond later."""

    def __init__(self, dut: Any, pace: float) -> None:
        self.dut, self.pace = dut, pace
        self.rng = random.Random(cocotb.RANDOM_SEED)
        self.requests: deque[Request] = deque()
        self.by_line: dict[int, Request] = {}
        self.expected: deque[Request] = deque()  # commands the drive has yet to get, in order
        self.drive: deque[Request] = deque()
        self.answers: dict[int, bool] = {}
        self.fetches: deque[tuple[int, bytes]] = deque()  # when due, what
        self.strobes = dict.fromkeys(("staged", "destaged", "drive_error"), 0)
        self.now = self.moved = 0
        self.show_line = self.show_status = False
        self.held: tuple[int, ...] | None = None
        self.held_answer: tuple[int, int] | None = None

    async def start(self) -> None:
        dut = self.dut
        for name in ("drv_valid", "drv_write", "drv_tag", "drv_volume", "drv_segment", "drv_line", "drv_rsp_ready"):
            getattr(dut, name).value = 0
        for name in ("bk_ready", "bk_rdata_valid", "bk_rdata", "drive_cmd_ready", "drive_wdata_ready"):
            getattr(dut, name).value = 0
        for name in (
            "drive_rdata_valid",
            "drive_rdata",
            "drive_status_valid",
            "drive_status_tag",
            "drive_status_error",
        ):
            getattr(dut, name).value = 0
        dut.cfg_volume_base.value = sum(base << 32 * volume for volume, base in enumerate(BASES))
        # a volume that ends within its last segment has that segment
        blocks = [8 * segments - (3 if volume else 0) for volume, segments in enumerate(SEGMENTS)]
        dut.cfg_volume_blocks.value = sum(count << 32 * volume for volume, count in enumerate(blocks))
        dut.rst.value = 1
        Clock(dut.clk, 4, unit="ns").start()
        for _ in range(3):
            await FallingEdge(dut.clk)
        dut.rst.value = 0

    def chance(self) -> bool:
        return self.rng.random() < self.pace

    async def step(self) -> None:
        dut = self.dut
        head = self.drive[0] if self.drive else None
        lines_left = head is not None and self.moved < LINES
        # a line or status once shown stays until it is taken
        self.show_line = bool(lines_left and not head.write and (self.show_line or self.chance()))
        self.show_status = bool(head is not None and not lines_left and (self.show_status or self.chance()))
        request = self.requests[0] if self.requests else None
        ready = {name: int(self.chance()) for name in ("bk_ready", "drive_cmd_ready", "drv_rsp_ready")}
        for name, value in ready.items():
            getattr(dut, name).value = value
        take = int(lines_left and head.write and self.chance())
        dut.drive_wdata_ready.value = take
        dut.drive_rdata_valid.value = int(self.show_line)
        if self.show_line:
            dut.drive_rdata.value = int.from_bytes(head.lines[self.moved], "big")
        dut.drive_status_valid.value = int(self.show_status)
        if self.show_status:
            dut.drive_status_tag.value, dut.drive_status_error.value = head.tag, int(head.error)
        dut.drv_valid.value = int(request is not None)
        if request is not None:
            dut.drv_write.value, dut.drv_tag.value, dut.drv_volume.value = (
                int(request.write),
                request.tag,
                request.volume,
            )
            dut.drv_segment.value, dut.drv_line.value = request.segment, request.line
        fetched = bool(self.fetches) and self.fetches[0][0] == self.now
        dut.bk_rdata_valid.value = int(fetched)
        if fetched:
            dut.bk_rdata.value = int.from_bytes(self.fetches.popleft()[1], "big")
        await Timer(1, "ns")
        self._request(request)
        self._drive(head, ready["drive_cmd_ready"], take)
        self._back_port(head, ready["bk_ready"])
        self._answer(ready["drv_rsp_ready"])
        for name in self.strobes:
            self.strobes[name] += value_of(getattr(dut, f"stat_{name}"))
        await FallingEdge(dut.clk)
        self.now += 1

    def _request(self, request: Request | None) -> None:
        if request is not None and value_of(self.dut.drv_ready):
            self.requests.popleft()
            if request.in_volume:
                self.expected.append(request)

    def _drive(self, head: Request | None, ready: int, take: int) -> None:
        dut = self.dut
        if ready and value_of(dut.drive_cmd_valid):
            assert self.expected, "a command nobody asked for"
            asked = self.expected.popleft()
            got = [value_of(getattr(dut, f"drive_cmd_{name}")) for name in ("write", "tag", "block", "blocks")]
            assert got == [asked.write, asked.tag, 8 * (BASES[asked.volume] + asked.segment), 8]
            self.drive.append(asked)
        if take and value_of(dut.drive_wdata_valid):
            assert head is not None
            head.moved.append(value_of(dut.drive_wdata).to_bytes(LINE, "big"))
            self.moved += 1
        if self.show_status and value_of(dut.drive_status_ready):
            self.drive.popleft()
            self.moved, self.show_status = 0, False

    def _back_port(self, head: Request | None, ready: int) -> None:
        dut = self.dut
        valid = value_of(dut.bk_valid)
        shown = (value_of(dut.bk_write), value_of(dut.bk_line)) if valid else ()
        assert self.held is None or self.held == shown, f"{self.held} was not taken and became {shown}"
        self.held = shown if valid and not ready else None
        taken = bool(valid and ready and shown[0])
        assert bool(value_of(dut.drive_rdata_ready)) == taken or not self.show_line, "a line is lost or comes twice"
        if not (valid and ready):
            return
        write, line = shown
        owner = self.by_line[line // LINES]
        if write:
            assert head is owner and not owner.write and line % LINES == self.moved, f"line {line} is not due"
            owner.moved.append(value_of(dut.bk_wdata).to_bytes(LINE, "big"))
            self.moved, self.show_line = self.moved + 1, False
        else:
            assert owner.write
            self.fetches.append((self.now + READ_LATENCY, owner.lines[line % LINES]))

    def _answer(self, ready: int) -> None:
        dut = self.dut
        valid = value_of(dut.drv_rsp_valid)
        shown = (value_of(dut.drv_rsp_tag), value_of(dut.drv_rsp_error)) if valid else None
        assert self.held_answer in (None, shown), f"answer {self.held_answer} was not taken and became {shown}"
        self.held_answer = None if ready else shown
        if ready and shown is not None:
            assert shown[0] not in self.answers, f"tag {shown[0]} is answered twice"
            self.answers[shown[0]] = bool(shown[1])

    async def run(self, requests: list[Request]) -> int:
        """Hand over the requests, wait for every answer; gives the clocks it took."""
        self.requests = deque(requests)
        self.by_line = {request.line // LINES: request for request in requests}
        self.answers = {}
        start, limit = self.now, 4000 * len(requests)
        while len(self.answers) < len(requests):
            assert self.now < start + limit, f"{len(self.answers)} of {len(requests)} answers in {limit} clocks"
            await self.step()
        took = self.now - start
        for _ in range(3):  # the last strobe
            await self.step()
        return took

    def request(self, tag: int, write: bool, volume: int, segment: int, error: bool = False) -> Request:
        lines = [self.rng.randbytes(LINE) for _ in range(LINES)]
        return Request(write, tag, volume, segment, LINES * (tag + 1), lines, error)


@cocotb.test()
async def every_request_is_done_and_answered(dut: Any) -> None:
    """Segments in both directions at a random pace; those beyond a volume never reach the drive; errors pass."""
    world = World(dut, 0.7)
    await world.start()
    rng = world.rng
    requests = []
    for tag in range(24):
        volume = rng.randrange(VOLUMES)
        segment = rng.choice((0, SEGMENTS[volume] - 1, rng.randrange(SEGMENTS[volume])))
        if tag % 4 == 3:
            volume, segment = rng.choice(((volume, SEGMENTS[volume]), (volume, 1 << 29), (VOLUMES, 0), (255, 0)))
        requests.append(world.request(tag, rng.random() < 0.5, volume, segment, rng.random() < 0.2))
    await world.run(requests)
    for request in requests:
        moved = request.lines if request.in_volume else []
        assert request.moved == moved, f"tag {request.tag}: {len(request.moved)} lines, {request.in_volume=}"
        assert world.answers[request.tag] == (request.error or not request.in_volume), f"tag {request.tag}"
    assert world.strobes == {
        "staged": sum(request.in_volume and not request.write for request in requests),
        "destaged": sum(request.in_volume and request.write for request in requests),
        "drive_error": sum(world.answers.values()),
    }


@cocotb.test()
async def a_line_a_clock(dut: Any) -> None:
    """With nobody in the way neither direction loses a clock within a segment."""
    for write in (False, True):
        world = World(dut, 1.0)
        await world.start()
        requests = [world.request(tag, write, 0, tag) for tag in range(5)]
        clocks = await world.run(requests)
        assert clocks < 5 * (LINES + 2) + 20, f"5 segments of {LINES} lines took {clocks} clocks"
        assert all(request.moved == request.lines for request in requests)
