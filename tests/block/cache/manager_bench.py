# SPDX-License-Identifier: Apache-2.0
"""Harness of the cache manager: two clients, a drive with latency and errors, and the truth about every block.

Contents are kept in Python: `ram` is the cache data RAM (eight block values for each segment), `image` the drive,
`truth` what a reader may find in a block (an unfinished write leaves two possibilities; the first read settles it).
"""

from __future__ import annotations

import heapq
import random
from collections import defaultdict, deque
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import Event, FallingEdge, Timer, with_timeout

from portplex.bfm.pins import value_of
from portplex.model.cache import SEGMENT_BLOCKS, ChunkOp, chunk_segments

PERIOD = 4  # ns
STROBES = ("read_hit", "read_miss", "staged", "destaged", "stage_error", "destage_error", "backoff")


@dataclass
class Request:
    op: ChunkOp
    slot: int
    volume: int = 0
    lba: int = 0
    blocks: int = 0
    done: Event = field(default_factory=Event)
    error: bool = False
    asked: int = 0
    answered: int = 0
    before: dict[tuple[int, int], set[int]] = field(default_factory=dict)  # truth before a RELEASE_DIRTY


class ManagerBench:
    """One test of the manager; `ram`, `image` and `truth` may be handed on, as the cache survives a reset."""

    def __init__(self, dut: Any, *, sets: int, ways: int) -> None:
        self.dut = dut
        self.rng = random.Random(cocotb.RANDOM_SEED)
        self.places = sets * ways
        self.ram: list[list[int]] = [[-1] * SEGMENT_BLOCKS for _ in range(self.places)]
        self.image: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0] * SEGMENT_BLOCKS)
        self.truth: dict[tuple[int, int], set[int]] = defaultdict(lambda: {0})
        self.values = count(1)
        self.latency = (20, 200)
        self.stage_error_rate = 0.0
        self.destage_error_rate = 0.0
        self.errors_due: set[bool] = set()  # the next staging (False) or destage (True) fails whatever the rate
        self.drive_ready_rate = 1.0
        self.answer_ready_rate = 1.0
        self.clock = 0
        self.compared = 0
        self.counters = dict.fromkeys(STROBES, 0)
        self.staged: list[tuple[int, int]] = []  # (volume, segment) in the order of the requests
        self.destaged: list[tuple[int, int]] = []
        self.longest_wait = 0
        self.running = False
        self.forget()

    def forget(self) -> None:
        """What a reset loses: everything under way."""
        self.queues: list[deque[Request]] = [deque(), deque()]
        self.open: dict[tuple[int, int], Request] = {}  # by client and slot
        self.lists: dict[int, dict[int, int]] = defaultdict(dict)
        self.pinned: dict[int, int] = defaultdict(int)  # place -> chunks that hold it
        self.under_way: dict[int, bool] = {}  # drive tag -> destage
        self.events: list[tuple[int, int, str, Any]] = []
        self.answers: deque[tuple[int, bool]] = deque()
        self.order = count()

    async def start(self) -> None:
        dut = self.dut
        for name in (
            "chunk_valid",
            "chunk_op",
            "chunk_slot",
            "chunk_volume",
            "chunk_lba",
            "chunk_blocks",
            "chunk_rsp_ready",
        ):
            getattr(dut, name).value = 0
        for name in ("drv_ready", "drv_rsp_valid", "drv_rsp_tag", "drv_rsp_error", "flush"):
            getattr(dut, name).value = 0
        dut.rst.value = 1
        Clock(dut.clk, PERIOD, unit="ns").start()
        await FallingEdge(dut.clk)
        await FallingEdge(dut.clk)
        dut.rst.value = 0
        self.running = True
        cocotb.start_soon(self._loop())

    async def reset(self) -> None:
        """Reset manager and drive. Requests without an answer are lost; a destage under way may be done."""
        self.dut.rst.value = 1
        for _, _, what, data in self.events:
            if what == "destage" and self.rng.random() < 0.5:
                place, key = data
                self.image[key] = list(self.ram[place])
        for request in self.open.values():
            request.error = True
            for key, allowed in request.before.items():  # the promise was not given yet
                self.truth[key] = self.truth[key] | allowed
        for queue in self.queues:
            queue.clear()
        lost = list(self.open.values())
        self.forget()
        await self.clocks(3)
        self.dut.rst.value = 0
        for request in lost:
            request.done.set()

    async def clocks(self, number: int) -> None:
        await Timer(number * PERIOD, "ns")

    async def wait_until(self, condition: Any, limit: int, what: str) -> None:
        """Wait for a condition, at most `limit` clocks."""
        for _ in range(limit):
            if condition():
                return
            await self.clocks(1)
        raise AssertionError(f"{what}: not within {limit} clocks")

    # -- clients --

    async def ask(
        self,
        client: int,
        op: ChunkOp,
        slot: int,
        volume: int = 0,
        lba: int = 0,
        blocks: int = 0,
        *,
        limit: int = 200_000,
        before: dict[tuple[int, int], set[int]] | None = None,
    ) -> Request:
        """One request and its answer; AssertionError when none comes within `limit` clocks."""
        request = Request(op, slot, volume, lba, blocks, asked=self.clock, before=before or {})
        self.queues[client].append(request)
        self.open[client, slot] = request
        try:
            await with_timeout(request.done.wait(), limit * PERIOD, "ns")
        except TimeoutError:
            raise AssertionError(
                f"no answer to {op.name} slot {slot} lba {lba} blocks {blocks} in {limit} clocks"
            ) from None
        return request

    def chunk_places(self, request: Request) -> list[int]:
        """Places (segments of the data RAM) of an acquired chunk, from the segment list."""
        segments = chunk_segments(request.lba, request.blocks)
        lines = [self.lists[request.slot][i] for i in range(len(segments))]
        assert all(line % 256 == 0 and line // 256 < self.places for line in lines), lines
        assert len(set(lines)) == len(lines), f"one place twice: {lines}"
        return [line // 256 for line in lines]

    def blocks_of(self, request: Request) -> list[tuple[int, int, int]]:
        """(place, block within the segment, LBA) of each block of an acquired chunk."""
        found = []
        for place, part in zip(self.chunk_places(request), chunk_segments(request.lba, request.blocks), strict=True):
            for block in range(part.first, part.first + part.blocks):
                found.append((place, block, part.segment * SEGMENT_BLOCKS + block))
        return found

    async def acquire(self, client: int, op: ChunkOp, slot: int, volume: int, lba: int, blocks: int) -> Request | None:
        request = await self.ask(client, op, slot, volume, lba, blocks)
        if request.error:
            return None
        for place in self.chunk_places(request):
            self.pinned[place] += 1
        return request

    def check_read(self, request: Request) -> None:
        for place, block, lba in self.blocks_of(request):
            allowed = self.truth[request.volume, lba]
            value = self.ram[place][block]
            assert value in allowed, f"volume {request.volume} block {lba}: {value} instead of {allowed}"
            self.truth[request.volume, lba] = {value}
            self.compared += 1

    def write(self, request: Request, share: float = 1.0) -> None:
        """Write the blocks (a share of them) into the data RAM; nobody has promised anything yet."""
        for place, block, lba in self.blocks_of(request):
            if self.rng.random() < share:
                value = next(self.values)
                self.ram[place][block] = value
                self.truth[request.volume, lba] = self.truth[request.volume, lba] | {value}

    async def release(self, client: int, request: Request, op: ChunkOp) -> bool:
        """Release; after RELEASE_DIRTY what was written is what everybody must read."""
        before = {}
        if op is ChunkOp.RELEASE_DIRTY:
            for place, block, lba in self.blocks_of(request):
                before[request.volume, lba] = self.truth[request.volume, lba]
                self.truth[request.volume, lba] = {self.ram[place][block]}
        for place in self.chunk_places(request):
            self.pinned[place] -= 1
        return not (await self.ask(client, op, request.slot, before=before)).error

    async def synchronize(self, client: int, slot: int, volume: int, lba: int, blocks: int) -> bool:
        """SYNCHRONIZE; when it is good, the drive has nothing older than what stood there when it was asked for (values
        grow). Returns whether it was good."""
        oldest = {at: min(self.truth[volume, at]) for at in range(lba, lba + blocks)}
        request = await self.ask(client, ChunkOp.SYNCHRONIZE, slot, volume, lba, blocks)
        if request.error:
            return False
        for at, value in oldest.items():
            there = self.image[volume, at // SEGMENT_BLOCKS][at % SEGMENT_BLOCKS]
            assert there >= value, f"synchronized, but volume {volume} block {at} on the drive is {there}, not {value}"
            self.compared += 1
        return True

    async def settle(self, limit: int = 400_000) -> None:
        """Flush, then check that nothing is pinned, dirty or under way, and that the drive holds the truth."""
        self.dut.flush.value = 1
        await self.clocks(2)
        self.dut.flush.value = 0
        await self.wait_until(lambda: value_of(self.dut.status_dirty_count) == 0, limit, "flush")
        await self.wait_until(lambda: not value_of(self.dut.status_busy), limit, "idle after flush")
        assert not value_of(self.dut.status_pinned), "a segment is still pinned"
        assert not any(self.under_way.values())
        for (volume, lba), allowed in self.truth.items():
            value = self.image[volume, lba // SEGMENT_BLOCKS][lba % SEGMENT_BLOCKS]
            assert value in allowed, f"drive, volume {volume} block {lba}: {value} instead of {allowed}"

    # -- one clock --

    async def _loop(self) -> None:
        dut, rng = self.dut, self.rng
        fields = {name: getattr(dut, f"chunk_{name}") for name in ("op", "slot", "volume", "lba", "blocks")}
        widths = {"op": 3, "slot": 9, "volume": 8, "lba": 32, "blocks": 8}
        strobes = {name: getattr(dut, f"stat_{name}") for name in STROBES}
        heads: list[Request | None] = [None, None]
        shown = (None, None)
        while True:
            # after the falling edge: drive
            if value_of(dut.rst):
                await FallingEdge(dut.clk)
                self.clock += 1
                heads, shown = [None, None], (None, None)
                dut.chunk_valid.value = 0
                dut.drv_rsp_valid.value = 0
                continue
            for client in range(2):
                if heads[client] is None and self.queues[client]:
                    heads[client] = self.queues[client].popleft()
            if (heads[0], heads[1]) != shown:
                shown = (heads[0], heads[1])
                dut.chunk_valid.value = sum(1 << c for c in range(2) if heads[c])
                for name, handle in fields.items():
                    handle.value = sum(int(getattr(h, name)) << widths[name] * c for c, h in enumerate(heads) if h)
            answer_ready = sum(1 << c for c in range(2) if rng.random() < self.answer_ready_rate)
            dut.chunk_rsp_ready.value = answer_ready
            drive_ready = rng.random() < self.drive_ready_rate
            dut.drv_ready.value = int(drive_ready)
            self._drive_events()
            dut.drv_rsp_valid.value = int(bool(self.answers))
            if self.answers:
                dut.drv_rsp_tag.value, dut.drv_rsp_error.value = self.answers[0]
            await Timer(1, "ns")
            # before the rising edge: see what it will take
            if value_of(dut.rst):
                continue
            if shown != (None, None):
                ready = value_of(dut.chunk_ready)
                for client in range(2):
                    if ready >> client & 1:
                        heads[client] = None
            taken = value_of(dut.chunk_rsp_valid) & answer_ready
            if taken:
                self._answers(taken)
            if drive_ready and value_of(dut.drv_valid):
                self._drive_request()
            if self.answers and value_of(dut.drv_rsp_ready):
                del self.under_way[self.answers.popleft()[0]]
            if value_of(dut.list_wr_valid):
                self.lists[value_of(dut.list_wr_slot)][value_of(dut.list_wr_index)] = value_of(dut.list_wr_line)
            for name, handle in strobes.items():
                if int(handle.value):
                    self.counters[name] += 1
            self.clock += 1
            await FallingEdge(dut.clk)

    def _answers(self, taken: int) -> None:
        ops, slots, errors = (value_of(getattr(self.dut, f"chunk_rsp_{n}")) for n in ("op", "slot", "error"))
        for client in range(2):
            if not taken >> client & 1:
                continue
            slot = slots >> 9 * client & 0x1FF
            assert (client, slot) in self.open, f"answer to nothing: client {client} slot {slot}"
            request = self.open.pop((client, slot))
            assert ops >> 3 * client & 7 == request.op, (
                f"slot {slot}: answer to another operation than {request.op.name}"
            )
            request.error = bool(errors >> client & 1)
            request.answered = self.clock
            self.longest_wait = max(self.longest_wait, request.answered - request.asked)
            request.done.set()

    def _drive_request(self) -> None:
        dut = self.dut
        tag, destage = value_of(dut.drv_tag), bool(value_of(dut.drv_write))
        key = value_of(dut.drv_volume), value_of(dut.drv_segment)
        assert tag not in self.under_way, f"tag {tag} is under way"
        assert value_of(dut.drv_line) == tag * 256 and tag < self.places
        self.under_way[tag] = destage
        (self.destaged if destage else self.staged).append(key)
        finish = self.clock + self.rng.randint(*self.latency)
        error = self.rng.random() < (self.destage_error_rate if destage else self.stage_error_rate)
        if destage in self.errors_due:
            self.errors_due.remove(destage)
            error = True
        if destage and not error:  # the drive reads the segment at some time between request and answer
            heapq.heappush(self.events, (self.rng.randint(self.clock, finish), next(self.order), "destage", (tag, key)))
        if not destage:
            assert not self.pinned[tag], f"staging into place {tag}, which is pinned"
            heapq.heappush(self.events, (finish, next(self.order), "garbage" if error else "stage", (tag, key)))
        heapq.heappush(self.events, (finish, next(self.order), "answer", (tag, error)))

    def _drive_events(self) -> None:
        while self.events and self.events[0][0] <= self.clock:
            _, _, what, data = heapq.heappop(self.events)
            if what == "answer":
                self.answers.append((data[0], int(data[1])))
            elif what == "destage":
                self.image[data[1]] = list(self.ram[data[0]])
            elif what == "stage":
                self.ram[data[0]] = list(self.image[data[1]])
            else:
                self.ram[data[0]] = [-2] * SEGMENT_BLOCKS
