# SPDX-License-Identifier: Apache-2.0
"""drive_model alone against a bytearray: order, latency, errors, its queue, images in and out."""

from __future__ import annotations

import os
import random
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge

from portplex.bfm.pins import value_of

BLOCKS, LATENCY, QUEUE = int(os.environ["CAPACITY_BLOCKS"]), int(os.environ["LATENCY"]), int(os.environ["QUEUE"])
LINE, LINES_A_BLOCK = 16, 32


@dataclass(eq=False)
class Command:
    write: bool
    tag: int
    block: int
    blocks: int
    lines: list[bytes]  # to be written
    error: bool = False

    @property
    def beyond(self) -> bool:
        return not 0 < self.blocks <= BLOCKS - self.block


class Host:
    """The other side of the drive. Everything is looked at and set at falling edges, in the middle of a clock."""

    def __init__(self, dut: Any, pace: float) -> None:
        self.dut = dut
        self.pace = pace  # share of clocks in which lines and statuses are taken or given
        self.rng = random.Random(cocotb.RANDOM_SEED)
        self.image = bytearray(BLOCKS * 512)
        self.waiting: deque[Command] = deque()
        self.open: deque[Command] = deque()  # taken by the drive, without status
        self.moving: deque[Command] = deque()  # those whose lines have not all moved; a status may wait meanwhile
        self.moved = 0  # lines of moving[0]
        self.taken_at: list[int] = []
        self.first_line_at: list[int] = []
        self.now = 0
        self.most = 0

    async def start(self) -> None:
        dut = self.dut
        for name in ("cmd_valid", "cmd_write", "cmd_tag", "cmd_block", "cmd_blocks", "status_ready"):
            getattr(dut, f"drive_{name}").value = 0
        dut.drive_wdata_valid.value = dut.drive_wdata.value = dut.drive_rdata_ready.value = 0
        dut.rst.value = 1
        Clock(dut.clk, 4, unit="ns").start()
        for _ in range(3):
            await FallingEdge(dut.clk)
        dut.rst.value = 0
        await FallingEdge(dut.clk)

    def _serve(self) -> None:
        """What the coming edge will move; the drive's outputs are registers, so they hold until then."""
        dut, rng = self.dut, self.rng
        head = self.moving[0] if self.moving else None
        give = head is not None and head.write and rng.random() < self.pace
        take, accept = rng.random() < self.pace, rng.random() < self.pace
        dut.drive_wdata_valid.value, dut.drive_rdata_ready.value = int(give), int(take)
        dut.drive_status_ready.value = int(accept)
        status = accept and value_of(dut.drive_status_valid)
        if give:
            dut.drive_wdata.value = int.from_bytes(head.lines[self.moved], "big")
        if give and value_of(dut.drive_wdata_ready):
            if not head.error and not head.beyond:
                at = head.block * 512 + LINE * self.moved
                self.image[at : at + LINE] = head.lines[self.moved]
            self._line(head)
        elif take and value_of(dut.drive_rdata_valid):
            assert head is not None and not head.write, "a line that nobody reads"
            at = head.block * 512 + LINE * self.moved
            expected = bytes(LINE) if head.beyond else bytes(self.image[at : at + LINE])
            assert value_of(dut.drive_rdata).to_bytes(LINE, "big") == expected, f"line {self.moved} of tag {head.tag}"
            self._line(head)
        if status:
            ended = self.open.popleft()
            assert ended not in self.moving, "a status before the last line"
            assert value_of(dut.drive_status_tag) == ended.tag, "statuses come in the order of the commands"
            assert bool(value_of(dut.drive_status_error)) == (ended.error or ended.beyond), f"tag {ended.tag}"

    def _line(self, head: Command) -> None:
        if self.moved == 0:
            self.first_line_at.append(self.now)
        self.moved += 1
        if self.moved == LINES_A_BLOCK * head.blocks:
            self.moving.popleft()
            self.moved = 0

    async def run(self, commands: list[Command], limit: int = 60_000) -> None:
        """Hand all over and wait for every status."""
        dut = self.dut
        self.waiting = deque(commands)
        deadline = self.now + limit
        while self.waiting or self.open:
            assert self.now < deadline, f"{len(self.waiting)} commands not taken, {len(self.open)} without status"
            offered = self.waiting[0] if self.waiting else None
            dut.drive_cmd_valid.value = int(offered is not None)
            if offered is not None:
                dut.drive_cmd_write.value, dut.drive_cmd_tag.value = int(offered.write), offered.tag
                dut.drive_cmd_block.value, dut.drive_cmd_blocks.value = offered.block, offered.blocks
            ready = value_of(dut.drive_cmd_ready)
            self._serve()
            if offered is not None and ready:
                command = self.waiting.popleft()
                self.open.append(command)
                if command.blocks:
                    self.moving.append(command)
                self.taken_at.append(self.now)
            self.most = max(self.most, len(self.open))
            await FallingEdge(dut.clk)
            self.now += 1
        dut.drive_cmd_valid.value = 0

    def command(self, write: bool, block: int, blocks: int) -> Command:
        lines = [self.rng.randbytes(LINE) for _ in range(LINES_A_BLOCK * blocks if write else 0)]
        return Command(write, self.rng.getrandbits(10), block, blocks, lines)

    async def move_image(self, request: Any, path: Path) -> int:
        """Raise the request, wait for image_done; gives image_error."""
        dut = self.dut
        dut.image_name.value = int.from_bytes(str(path).encode(), "big")
        request.value = 1
        await FallingEdge(dut.clk)
        await FallingEdge(dut.clk)
        assert value_of(dut.image_done)
        failed = value_of(dut.image_error)
        request.value = 0
        await FallingEdge(dut.clk)
        await FallingEdge(dut.clk)
        assert not value_of(dut.image_done)
        return failed


@cocotb.test()
async def equals_a_bytearray(dut: Any) -> None:
    """Random commands of 0 to 8 blocks, in and beyond the drive, on an image that was loaded; then it is saved."""
    host = Host(dut, 0.8)
    await host.start()
    host.image[:] = host.rng.randbytes(BLOCKS * 512)
    Path("in.img").write_bytes(host.image)
    assert await host.move_image(dut.load_image, Path("in.img")) == 0
    commands = []
    for _ in range(60):
        blocks = host.rng.choice((1, 8, host.rng.randrange(9)))
        block = host.rng.choice((0, BLOCKS - blocks, host.rng.randrange(BLOCKS), BLOCKS, 0xFFFF_FFFF))
        commands.append(host.command(host.rng.random() < 0.5, block, blocks))
    await host.run(commands)
    assert any(command.beyond for command in commands) and not all(command.beyond for command in commands)
    dut.save_blocks.value = BLOCKS
    assert await host.move_image(dut.save_image, Path("out.img")) == 0
    assert Path("out.img").read_bytes() == host.image


@cocotb.test()
async def latency_and_queue(dut: Any) -> None:
    """The first line LATENCY clocks after the command; those of waiting commands overlap; QUEUE of them can wait."""
    host = Host(dut, 1.0)
    await host.start()
    dut.save_blocks.value = BLOCKS  # what the drive holds from the test before
    assert await host.move_image(dut.save_image, Path("now.img")) == 0
    host.image[:] = Path("now.img").read_bytes()
    await host.run([host.command(False, 0, 1)])
    assert host.first_line_at[0] - host.taken_at[0] in (LATENCY, LATENCY + 1)
    host.taken_at, host.first_line_at, host.most = [], [], 0
    await host.run([host.command(False, block % BLOCKS, 1) for block in range(3 * QUEUE)])
    assert QUEUE <= host.most <= QUEUE + 1, f"{host.most} commands were open, the queue holds {QUEUE}"
    gaps = [two - one for one, two in zip(host.first_line_at[:QUEUE], host.first_line_at[1:QUEUE], strict=False)]
    assert max(gaps) <= LINES_A_BLOCK + 2, f"lines of commands in the queue {max(gaps)} clocks apart: latencies add up"


@cocotb.test()
async def chosen_commands_fail(dut: Any) -> None:
    """error_count commands of the chosen direction that touch error_block fail and change nothing; others do not."""
    host = Host(dut, 0.9)
    await host.start()
    host.image[:] = host.rng.randbytes(BLOCKS * 512)
    Path("errors.img").write_bytes(host.image)
    assert await host.move_image(dut.load_image, Path("errors.img")) == 0
    for on_write in (True, False):
        dut.error_block.value, dut.error_count.value, dut.error_on_write.value = 9, 2, int(on_write)
        places = [(8, 1), (9, 1), (5, 4), (5, 5), (8, 8), (10, 2)]  # the second and fourth touch block 9 first
        commands = [host.command(not on_write, block, blocks) for block, blocks in places]
        commands += [host.command(on_write, block, blocks) for block, blocks in places]
        for command in (commands[7], commands[9]):
            command.error = True
        await host.run(commands)
        assert value_of(dut.error_count) == 0
    await host.run([host.command(False, block, 8) for block in range(0, BLOCKS, 8)])
