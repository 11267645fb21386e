# SPDX-License-Identifier: Apache-2.0
"""cocotb tests of drive_controller with drive_model: Python is cache manager and back port, images are the judge."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge

from portplex.bfm.pins import value_of

SEGMENT, LINE = 4096, 16
BLOCKS, LATENCY = 256, 100
BASES, SIZES = (2, 16), (64, 128)  # in segments and blocks: volume 0 and 1

INPUTS = "drv_valid drv_write drv_tag drv_volume drv_segment drv_line drv_rsp_ready bk_ready bk_rdata bk_rdata_valid"


class Cache:
    def __init__(self, dut: Any, busy: float = 0.2) -> None:
        self.dut, self.busy = dut, busy
        self.rng = random.Random(cocotb.RANDOM_SEED)
        self.lines: dict[int, bytes] = {}
        self.requests: list[tuple[int, int, int, int, int]] = []  # write, tag, volume, segment, line
        self.answers: dict[int, int] = {}
        self.pipe: list[int | None] = [None, None]
        self.now = 0

    async def reset(self) -> None:
        dut = self.dut
        for name in INPUTS.split():
            getattr(dut, name).value = 0
        dut.cfg_volume_base.value = BASES[1] << 32 | BASES[0]
        dut.cfg_volume_blocks.value = SIZES[1] << 32 | SIZES[0]
        dut.rst.value = 1
        Clock(dut.clk, 4, unit="ns").start()
        for _ in range(3):
            await FallingEdge(dut.clk)
        dut.rst.value = 0
        await FallingEdge(dut.clk)

    async def step(self) -> None:
        dut = self.dut
        self.now += 1
        line = self.pipe.pop(0)
        dut.bk_rdata_valid.value = int(line is not None)
        if line is not None:
            dut.bk_rdata.value = int.from_bytes(self.lines.get(line, bytes(LINE)), "big")
        access = None
        ready = self.rng.random() >= self.busy
        dut.bk_ready.value = int(ready)
        if ready and value_of(dut.bk_valid):
            access = value_of(dut.bk_line)
            if value_of(dut.bk_write):
                self.lines[access] = value_of(dut.bk_wdata).to_bytes(LINE, "big")
                access = None
        self.pipe.append(access)
        ready = self.rng.random() >= self.busy
        dut.drv_rsp_ready.value = int(ready)
        if ready and value_of(dut.drv_rsp_valid):
            tag = value_of(dut.drv_rsp_tag)
            assert tag not in self.answers, f"tag {tag} answered twice"
            self.answers[tag] = value_of(dut.drv_rsp_error)
        dut.drv_valid.value = int(bool(self.requests))
        if self.requests:
            request = self.requests[0]
            dut.drv_write.value, dut.drv_tag.value, dut.drv_volume.value = request[:3]
            dut.drv_segment.value, dut.drv_line.value = request[3:]
            if value_of(dut.drv_ready):
                self.requests.pop(0)
        await FallingEdge(dut.clk)

    async def run(self, requests: list[tuple[int, int, int, int, int]], deadline: int = 20000) -> int:
        """Hand over the requests, wait for every answer; gives the clocks it took."""
        self.requests, self.answers = list(requests), {}
        start = self.now
        while len(self.answers) < len(requests):
            assert self.now < start + deadline, f"{len(self.answers)} of {len(requests)} answers in {deadline} clocks"
            await self.step()
        assert set(self.answers) == {tag for _, tag, *_ in requests}
        return self.now - start

    def segment(self, line: int) -> bytes:
        return b"".join(self.lines.get(line + i, bytes(LINE)) for i in range(256))

    def fill(self, line: int, data: bytes) -> None:
        for i in range(256):
            self.lines[line + i] = data[LINE * i : LINE * (i + 1)]

    async def image(self, request: Any, path: Path) -> int:
        """Load or save an image; gives image_error."""
        drive = self.dut.drive
        drive.image_name.value = int.from_bytes(str(path).encode(), "big")
        request.value = 1
        for level in (1, 0):
            for _ in range(20):
                await self.step()
                if int(drive.image_done.value) == level:
                    break
            assert int(drive.image_done.value) == level
            failed = int(drive.image_error.value)
            request.value = 0
        return failed


def drive_offset(volume: int, segment: int) -> int:
    return (BASES[volume] + segment) * SEGMENT


@cocotb.test()
async def stages_and_destages(dut: Any) -> None:
    cache = Cache(dut)
    await cache.reset()
    image = bytearray(cache.rng.randbytes(BLOCKS * 512))
    Path("in.bin").write_bytes(image)
    assert await cache.image(dut.drive.load_image, Path("in.bin")) == 0
    places = [(v, s) for v in (0, 1) for s in range(SIZES[v] // 8)]
    cache.rng.shuffle(places)
    requests = []
    for tag, (volume, segment) in enumerate(places):
        write = tag % 2
        requests.append((write, tag, volume, segment, 256 * tag))
        if write:
            data = cache.rng.randbytes(SEGMENT)
            cache.fill(256 * tag, data)
            image[drive_offset(volume, segment) : drive_offset(volume, segment) + SEGMENT] = data
    await cache.run(requests)
    assert not any(cache.answers.values())
    for write, tag, volume, segment, line in requests:
        if not write:
            start = drive_offset(volume, segment)
            assert cache.segment(line) == image[start : start + SEGMENT], f"tag {tag}"
    dut.drive.save_blocks.value = BLOCKS
    assert await cache.image(dut.drive.save_image, Path("out.bin")) == 0
    assert Path("out.bin").read_bytes() == image


@cocotb.test()
async def latencies_overlap_at_full_rate(dut: Any) -> None:
    for write in (0, 1):
        cache = Cache(dut, busy=0)
        await cache.reset()
        clocks = await cache.run([(write, t, 0, t, 256 * t) for t in range(8)])
        assert clocks < LATENCY + 8 * 256 + 60, f"8 segments took {clocks} clocks"


@cocotb.test()
async def errors_are_answered(dut: Any) -> None:
    cache = Cache(dut)
    await cache.reset()
    before = cache.rng.randbytes(BLOCKS * 512)
    Path("before.bin").write_bytes(before)
    await cache.image(dut.drive.load_image, Path("before.bin"))
    dut.drive.error_block.value = BASES[0] * 8 + 8 * 3 + 5  # in segment 3 of volume 0
    dut.drive.error_count.value = 1
    dut.drive.error_on_write.value = 1
    cache.fill(0, bytes(SEGMENT))
    await cache.run([(1, 1, 0, 3, 0), (0, 2, 0, 3, 256), (0, 3, 0, 8, 512), (0, 4, 2, 0, 512), (0, 5, 0, 2, 768)])
    assert cache.answers == {1: 1, 2: 0, 3: 1, 4: 1, 5: 0}  # 3 is beyond the volume, 4 names no volume
    start = drive_offset(0, 3)
    assert cache.segment(256) == before[start : start + SEGMENT], "a failed write must not change the drive"
    assert not any(line in cache.lines for line in range(512, 768))
    dut.cfg_volume_base.value = 30  # the volume reaches beyond the drive, which has 32 segments
    await cache.run([(0, 6, 0, 1, 0), (0, 7, 0, 2, 0)])
    assert cache.answers == {6: 0, 7: 1}


@cocotb.test()
async def image_errors_are_told(dut: Any) -> None:
    cache = Cache(dut)
    await cache.reset()
    assert await cache.image(dut.drive.load_image, Path("absent/none.bin")) == 1
    assert await cache.image(dut.drive.save_image, Path("absent/none.bin")) == 1
    dut.drive.save_blocks.value = BLOCKS + 1
    assert await cache.image(dut.drive.save_image, Path("much.bin")) == 1
