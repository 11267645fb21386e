# SPDX-License-Identifier: Apache-2.0
"""cocotb tests of the port controller, the link services replaced by a fixed login table."""

from __future__ import annotations

import itertools
import os
import struct
from typing import Any

import cocotb
from cocotb.triggers import FallingEdge
from port_model import (
    ABORT_TASK,
    LOGIN,
    LOGOUT,
    PROBE,
    READ,
    RECEIVE,
    RELEASE,
    RESPOND,
    SEND,
    VERIFY,
    WRITE,
    Frame,
    Port,
    Request,
    cmnd,
    pattern,
    rsp,
)

from portplex.bfm.pins import value_of
from portplex.scsi.sense import LBA_OUT_OF_RANGE, MISCOMPARE

HOST = 0x010001
DEVICE = 0x020001
TASKS = int(os.environ.get("PORT_TASKS", "32"))


def without_seq_id(frame: Frame) -> str:
    return str(frame.header._replace(seq_id=0).pack().hex())


@cocotb.test()
async def known_answers(dut: Any) -> None:
    """Frames 6 to 12 of the protocol facts; SEQ_ID is the port's own, RX_ID its task number (0, then 1)."""
    port = Port(dut)
    await port.start()
    data = bytes((7 * i + 3) % 256 for i in range(4096))
    await port.set_list(0, [3, 4])
    command = bytes.fromhex("0000000000000000000000012a00000010000000080000000000000000001000")
    await port.push(6, HOST, 0x290000, command, ox_id=0x10, seq_id=3)
    request = await port.request()
    assert (request.op, request.port_id, request.length, request.write, request.read) == (0, HOST, 4096, True, False)
    assert request.cdb == command[12:28] and request.lun == 0
    task = request.task
    await port.instruct(RECEIVE, task=task, slot=0, length=4096)
    frame = await port.frame(HOST, 0x10)
    assert without_seq_id(frame) == f"0501000100010e0008890000000000000010{task:04x}00000000"
    assert frame.payload.hex() == "000000000000100000000000"
    await port.push_data(HOST, data, ox_id=0x10, rx_id=task, offset=0, responder=False, seq_id=5)
    assert (await port.completion(RECEIVE, task=task)).status == 0
    assert await port.load([3, 4], 0, 4096) == data
    await port.instruct(RESPOND, task=task)
    frame = await port.frame(HOST, 0x10)
    assert without_seq_id(frame) == f"0701000100010e0008990000000000000010{task:04x}00000000"
    assert frame.payload == bytes(24)
    await port.drained()

    # our own WRITE(10) is frame 6 turned round, its data frames 8 and 9
    await port.instruct(WRITE, slot=0, length=4096, port_id=DEVICE, lba=0x1000)
    frame = (await port.wait(lambda: [f for f in port.log if f.header.r_ctl == 6], "FCP_CMND"))[0]
    own = frame.header.ox_id
    assert without_seq_id(frame) == f"0602000100010e000829000000000000{own:04x}ffff00000000"
    assert frame.payload == command
    await port.push(5, DEVICE, 0x890000, struct.pack(">III", 0, 4096, 0), ox_id=own, rx_id=0x8010)
    port.frames[DEVICE, own].popleft()
    frames, sent, base = await port.sequence(DEVICE, own)
    assert sent == data and base == 0
    assert without_seq_id(frames[0]) == f"0102000100010e000800000800000000{own:04x}801000000000"
    assert without_seq_id(frames[1]) == f"0102000100010e000809000800000001{own:04x}801000000800"
    await port.push(7, DEVICE, 0x990000, bytes(24), ox_id=own, rx_id=0x8010)
    assert (await port.completion(WRITE, slot=0)).status == 0

    # ABTS of a command the array still holds: BA_ACC after the array has let go
    await port.command(HOST, 0x11, cmnd(False, 512))
    task = (await port.request()).task
    await port.abts(HOST, 0x11, 0xFFFF)
    abort = await port.request()
    assert (abort.op, abort.task) == (1, task)
    await port.instruct(RELEASE, task=task)
    frame = await port.frame(HOST, 0x11)
    assert frame.header.pack().hex() == f"8401000100010e0000980000770000000011{task:04x}00000000"
    assert frame.payload.hex() == f"000000000011{task:04x}0000ffff"
    await port.drained()


class Array:
    """Serves every host command: reads from and writes to a slot, in pieces; answers ABORT with RELEASE."""

    def __init__(self, port: Port, pieces: int = 2) -> None:
        self.port = port
        self.pieces = pieces
        self.places: dict[int, tuple[int, list[int], int]] = {}  # by tag: slot, segments, offset
        self.aborted = 0
        port.on_request = self.serve

    async def serve(self, request: Request) -> None:
        port = self.port
        if request.op == 1:
            self.aborted += 1
            await port.instruct(RELEASE, task=request.task)
            return
        slot, _, offset = self.places[int.from_bytes(request.cdb[14:16], "big")]
        op = RECEIVE if request.write else SEND
        step = max(512, request.length // self.pieces // 512 * 512)
        at = 0
        status = 0
        while at < request.length and status == 0:
            size = min(step, request.length - at)
            place = offset + at
            # an instruction begins in the slot's first segment: later pieces have a list of their own
            await port.instruct(
                op,
                task=request.task,
                slot=slot + 64 * (place // 4096),
                offset=place % 4096,
                length=size,
                relative_offset=at,
            )
            status = (await port.completion(op, task=request.task)).status
            at += size
        if status != 1:
            await port.instruct(RESPOND, task=request.task, status=2 if status else 0, sense=0x0B4700 if status else 0)


async def place(port: Port, array: Array, number: int, segments: list[int], offset: int) -> None:
    """Slot `number` for the array; also the lists that begin at its later segments."""
    array.places[number] = (number, segments, offset)
    for first in range(len(segments)):
        await port.set_list(number + 64 * first, segments[first:])


async def host_write(port: Port, host: int, ox_id: int, tag: int, data: bytes) -> int:
    await port.command(host, ox_id, cmnd(True, len(data), tag=tag))
    while True:
        frame = await port.frame(host, ox_id)
        if frame.header.r_ctl == 7:
            return int(frame.payload[11])
        assert frame.header.r_ctl == 5, frame.header
        offset, length, _ = struct.unpack(">III", frame.payload)
        piece = data[offset : offset + length]
        await port.push_data(
            host, piece, ox_id=ox_id, rx_id=frame.header.rx_id, offset=offset, responder=False, seq_id=ox_id & 0xFF
        )


async def host_read(port: Port, host: int, ox_id: int, tag: int, length: int) -> bytes:
    await port.command(host, ox_id, cmnd(False, length, tag=tag))
    data = b""
    while len(data) < length:
        _, piece, base = await port.sequence(host, ox_id)
        assert base == len(data)
        data += piece
    status, _ = await port.answered(host, ox_id)
    assert status == 0
    return data


class Device:
    """A disk: writes in bursts of at most `burst` bytes, reads in one sequence."""

    def __init__(self, port: Port, burst: int = 4096) -> None:
        self.port = port
        self.burst = burst
        self.capacity = 1 << 20
        self.blocks: dict[int, bytes] = {}
        port.on_command = self.serve

    async def serve(self, frame: Frame) -> None:
        port, device, ox_id = self.port, frame.header.d_id, frame.header.ox_id
        rx_id = 0x8000 | ox_id
        cdb, length = frame.payload[12:28], int.from_bytes(frame.payload[28:32], "big")
        lba = int.from_bytes(cdb[2:6], "big")
        blocks = int.from_bytes(cdb[7:9], "big")
        answer = bytes(24)
        if cdb[:2] == b"\x2f\0":  # VERIFY of the medium: no data
            assert frame.payload[11] == 0 and length == 0
            if lba + blocks > self.capacity:
                answer = rsp(2, sense=LBA_OUT_OF_RANGE.pack())
        elif cdb[0] in (0x2A, 0x2F):
            assert frame.payload[11] == 1 and blocks * 512 == length and cdb[1] == (0 if cdb[0] == 0x2A else 2)
            data = b""
            while len(data) < length:
                size = min(self.burst, length - len(data))
                await port.push(5, device, 0x890000, struct.pack(">III", len(data), size, 0), ox_id=ox_id, rx_id=rx_id)
                frames, piece, base = await port.sequence(device, ox_id)
                assert base == len(data) and len(piece) == size and all(f.header.rx_id == rx_id for f in frames)
                data += piece
            if cdb[0] == 0x2A:
                self.blocks |= {lba + i: data[512 * i : 512 * i + 512] for i in range(blocks)}
            elif any(self.blocks[lba + i] != data[512 * i : 512 * i + 512] for i in range(blocks)):
                answer = rsp(2, sense=MISCOMPARE.pack())
        else:
            assert cdb[0] == 0x28 and frame.payload[11] == 2 and blocks * 512 == length
            data = b"".join(self.blocks[lba + i] for i in range(length // 512))
            await port.push_data(device, data, ox_id=ox_id, rx_id=rx_id, offset=0, responder=True, seq_id=9)
        fill = 2 if len(answer) > 24 else 0  # 18 bytes of sense
        await port.push(7, device, 0x990000 | fill, answer, ox_id=ox_id, rx_id=rx_id)


@cocotb.test()
async def both_roles_at_once(dut: Any) -> None:
    """Hosts read and write while the array writes to and reads from a device: every byte right, nothing left open."""
    port = Port(dut)
    await port.start()
    array = Array(port)
    device = Device(port)
    rng = port.rng
    jobs = []

    async def host_job(number: int, segments: list[int]) -> None:
        host = 0x010001 + number
        for turn in range(2):
            length = rng.choice((512, 2048, 4096, 5120))
            offset = rng.randrange(0, 2048, 4)
            await place(port, array, number, segments, offset)
            data = pattern(length, number * 10 + turn)
            assert await host_write(port, host, 0x100 + number, number, data) == 0
            assert await port.load(segments, offset, length) == data, f"host {number} wrote {length} at {offset}"
            assert await host_read(port, host, 0x100 + number, number, length) == data, (
                f"host {number} read {length} bytes at {offset}"
            )

    async def backup_job(number: int, segments: list[int]) -> None:
        slot = 32 + number
        for turn in range(2):
            length = rng.choice((512, 4096, 6144))
            offset = rng.randrange(0, 2048, 512)
            await port.set_list(slot, segments)
            data = pattern(length, 1000 + number * 10 + turn)
            await port.store(segments, offset, data)
            await port.instruct(WRITE, slot=slot, offset=offset, length=length, port_id=DEVICE, lba=1000 * number)
            assert (await port.completion(WRITE, slot=slot)).status == 0
            await port.store(segments, offset, bytes(length))
            await port.instruct(READ, slot=slot, offset=offset, length=length, port_id=DEVICE, lba=1000 * number)
            assert (await port.completion(READ, slot=slot)).status == 0
            assert await port.load(segments, offset, length) == data, f"backup {number}, {length} bytes at {offset}"

    pool = list(range(32))
    rng.shuffle(pool)
    hosts = 1 if TASKS < 4 else 4
    for n in range(hosts):
        jobs.append(cocotb.start_soon(host_job(n, [pool.pop() for _ in range(3)])))
    if TASKS > 1:
        for n in range(2):
            jobs.append(cocotb.start_soon(backup_job(n, [pool.pop() for _ in range(3)])))
    for job in jobs:
        await job
    assert len(device.blocks) > 0 or TASKS == 1
    await port.drained()
    assert port.count("sequence_error") == 0 and port.count("timeouts") == 0 and port.count("bad_header") == 0


@cocotb.test()
async def frames_leave_without_gap(dut: Any) -> None:
    """Read data and backup data together: a frame starts when the one before it allows, whatever the alignment."""
    port = Port(dut)
    await port.start()
    for slot, segments in ((0, [1, 7, 3, 9]), (1, [12, 2, 20, 5])):
        await port.set_list(slot, segments)
    await port.command(HOST, 1, cmnd(False, 8192))
    task = (await port.request()).task
    for offset in (0, 4, 2564, 4092):
        data = pattern(8192, offset)
        await port.store([1, 7, 3, 9], offset, data)
        await port.store([12, 2, 20, 5], offset, data)
        start = len(port.log)
        await port.instruct(WRITE, slot=1, offset=offset, length=8192, port_id=DEVICE)
        own = (await port.wait(lambda s=start: port.log[s:], "FCP_CMND"))[0].header.ox_id
        await port.frame(DEVICE, own)
        start = len(port.log)
        await port.instruct(SEND, task=task, slot=0, offset=offset, length=8192)
        await port.push(5, DEVICE, 0x890000, struct.pack(">III", 0, 8192, 0), ox_id=own, rx_id=0x8000)
        assert (await port.sequence(HOST, 1))[1] == data, f"offset {offset}"
        assert (await port.sequence(DEVICE, own))[1] == data, f"offset {offset}"
        frames = port.log[start:]
        assert len(frames) == 8
        gaps = [b.time - a.time - len(a.payload) // 4 - 15 for a, b in itertools.pairwise(frames)]
        assert gaps == [0] * 7, f"idle words between frames at offset {offset}: {gaps}"
        assert len({f.header.seq_id for f in frames}) == 2
        await port.push(7, DEVICE, 0x990000, bytes(24), ox_id=own, rx_id=0x8000)
        assert (await port.completion(WRITE, slot=1)).status == 0
        assert (await port.completion(SEND, task=task)).status == 0
    await port.instruct(RESPOND, task=task)
    assert (await port.answered(HOST, 1))[0] == 0
    await port.drained()


@cocotb.test()
async def data_is_taken_at_line_rate(dut: Any) -> None:
    """A received data frame costs at most 12 clocks over its payload words."""
    port = Port(dut)
    await port.start()
    segments = [4, 11, 6, 2, 9]
    await port.set_list(0, segments)
    await port.command(HOST, 1, cmnd(True, 16384))
    task = (await port.request()).task
    worst = 0
    for offset in (0, 2568, 4092):
        data = pattern(14336, offset)
        await port.instruct(RECEIVE, task=task, slot=0, offset=offset, length=14336)
        await port.frame(HOST, 1)
        times: list[int] = []

        async def watch(times: list[int] = times) -> None:
            while True:
                await dut.in_popped.value_change
                await FallingEdge(dut.clk)
                times.append(value_of(dut.in_pop_time))

        watcher = cocotb.start_soon(watch())
        await port.push_data(HOST, data, ox_id=1, rx_id=task, offset=0, responder=False, seq_id=1)
        assert (await port.completion(RECEIVE, task=task)).status == 0
        await port.clocks(8)
        watcher.cancel()
        assert await port.load(segments, offset, 14336) == data, f"offset {offset}"
        worst = max([worst, *(b - a - 512 for a, b in itertools.pairwise(times))])
    assert worst <= 12, f"{worst} clocks over the payload"
    dut._log.info("worst overhead of a data frame: %d clocks", worst)


@cocotb.test()
async def bursts_of_a_write(dut: Any) -> None:
    """FCP_XFER_RDY in several bursts; one that does not fit ends in ABTS and no GOOD."""
    port = Port(dut)
    await port.start()
    await port.set_list(5, [3, 9, 14])
    data = pattern(8192, 5)
    await port.store([3, 9, 14], 512, data)
    device = Device(port, burst=1536)
    await port.instruct(WRITE, slot=5, offset=512, length=8192, port_id=DEVICE, lba=77)
    assert (await port.completion(WRITE, slot=5)).status == 0
    assert b"".join(device.blocks[77 + i] for i in range(16)) == data
    port.on_command = None
    for number, (offset, length) in enumerate(((512, 512), (0, 8196), (0, 0), (0, 510))):
        errors = port.count("sequence_error")
        slot = 6 + number
        await port.set_list(slot, [3, 9, 14])
        await port.instruct(WRITE, slot=slot, length=8192, port_id=DEVICE)
        own = (await port.wait(lambda n=number + 1: [f for f in port.log if f.header.r_ctl == 6][n : n + 1], "CMND"))[
            0
        ].header.ox_id
        await port.frame(DEVICE, own)
        await port.push(5, DEVICE, 0x890000, struct.pack(">III", offset, length, 0), ox_id=own, rx_id=0x8000)
        abts = await port.frame(DEVICE, own)
        assert (abts.header.r_ctl, abts.header.type, abts.header.f_ctl, abts.payload) == (0x81, 0, 0x090000, b"")
        await port.push(
            0x84, DEVICE, 0x980000, struct.pack(">IHHI", 0, own, 0x8000, 0xFFFF), type=0, ox_id=own, rx_id=0x8000
        )
        assert (await port.completion(WRITE, slot=slot)).status == 5
        await port.counted("sequence_error", errors)
    await port.drained(60000)


@cocotb.test()
async def bad_frames_change_nothing(dut: Any) -> None:
    """Each class of header error: the frame is dropped and counted, the burst goes on with the right one."""
    port = Port(dut)
    await port.start()
    segments = [8, 2]
    await port.set_list(0, segments)
    await port.command(HOST, 9, cmnd(True, 4096))
    task = (await port.request()).task
    await port.instruct(RECEIVE, task=task, slot=0, length=4096)
    await port.frame(HOST, 9)
    data = pattern(4096, 9)
    right = {
        "r_ctl": 1,
        "s_id": HOST,
        "f_ctl": 0x000008,
        "payload": data[:2048],
        "ox_id": 9,
        "rx_id": task,
        "seq_id": 5,
        "terminate": False,
    }
    wrong: list[tuple[str, dict[str, Any]]] = [
        ("wrong_d_id", {"d_id": 0x010E01}),
        ("unknown_exchange", {"s_id": 0x010002}),
        ("not_logged_in", {"s_id": 0x050001}),
        ("bad_header", {"r_ctl": 2}),
        ("bad_header", {"type": 0x28}),
        ("unknown_exchange", {"ox_id": 10}),
        ("unknown_exchange", {"rx_id": task + 1}),
        ("unknown_exchange", {"rx_id": 0xFFFF}),
        ("unknown_exchange", {"f_ctl": 0x800008}),
        *(
            ("bad_header", {"f_ctl": 0x000008 ^ bit})
            for bit in (1 << 22, 1 << 21, 1 << 20, 1 << 19, 1 << 18, 1 << 16, 1 << 3, 1)
        ),
        ("bad_header", {"df_ctl": 0x20}),
        ("bad_header", {"payload": b""}),
        ("sequence_error", {"seq_cnt": 1}),
        ("sequence_error", {"initiate": False}),
        ("sequence_error", {"parameter": 4}),
        ("sequence_error", {"parameter": 0xFFFFFFFC}),
    ]
    for name, change in wrong:
        before = port.count(name)
        await port.push(**{**right, **change})
        await port.counted(name, before)
    await port.push(**right)
    second = {
        **right,
        "f_ctl": 0x090008,
        "payload": data[2048:],
        "seq_cnt": 1,
        "parameter": 2048,
        "initiate": False,
        "terminate": True,
    }
    for change in (
        {"seq_cnt": 0},
        {"seq_cnt": 2},
        {"seq_id": 6},
        {"parameter": 0},
        {"initiate": True},
        {"payload": data[:2052]},
        {"f_ctl": 0x000008, "terminate": False},
        right,
    ):
        before = port.count("sequence_error")
        await port.push(**{**second, **change})
        await port.counted("sequence_error", before)
    assert not port.done, "a bad frame ended the burst"
    await port.push(**second)
    assert (await port.completion(RECEIVE, task=task)).status == 0
    assert await port.load(segments, 0, 4096) == data
    before = port.count("sequence_error")
    await port.command(HOST, 9, cmnd(True, 4096))  # the exchange is open: a command sent twice is one command
    await port.counted("sequence_error", before)
    for name, change in (
        ("not_logged_in", {"s_id": 0x050001}),
        ("not_logged_in", {"s_id": DEVICE}),
        ("bad_header", {"terminate": False}),
        ("bad_header", {"payload": bytes(28)}),
        ("bad_header", {"f_ctl": 0x090000}),
        ("bad_header", {"rx_id": 3}),
        ("bad_header", {"payload": bytes(11) + b"\x0d" + bytes(20)}),
    ):
        before = port.count(name)
        await port.push(
            **{"r_ctl": 6, "s_id": 0x010003, "f_ctl": 0x290000, "payload": cmnd(False, 512), "ox_id": 0x40, **change}
        )
        await port.counted(name, before)
    await port.clocks(200)
    assert not port.requests and value_of(dut.status_open_tasks) == 1
    await port.instruct(RESPOND, task=task)
    assert (await port.answered(HOST, 9))[0] == 0
    await port.drained()


@cocotb.test()
async def responses(dut: Any) -> None:
    """FCP_RSP with sense, residual and RSP_INFO, byte by byte; and the same read back from a device."""
    port = Port(dut)
    await port.start()
    cases: list[tuple[dict[str, int], str, int]] = [
        (
            {"status": 2, "sense": 0x052400},
            "0" * 16
            + "00000202"
            + "00000000"
            + "00000012"
            + "00000000"
            + "700005000000000a00000000240000000000"
            + "0000",
            2,
        ),
        ({"residual": 100, "residual_under": 1}, "0" * 16 + "00000800" + "00000064" + "00000000" * 2, 0),
        ({"status": 8, "residual": 7, "residual_over": 1}, "0" * 16 + "00000408" + "00000007" + "00000000" * 2, 0),
        (
            {"rsp_code_valid": 1, "rsp_code": 5},
            "0" * 16 + "00000100" + "00000000" * 2 + "00000008" + "0000000500000000",
            0,
        ),
        (  # sense with INFORMATION
            {"status": 2, "sense": 0x8E1D00, "lba": 0x123401FF},
            "0" * 16
            + "00000202"
            + "00000000"
            + "00000012"
            + "00000000"
            + "f0000e123401ff0a000000001d0000000000"
            + "0000",
            2,
        ),
    ]
    for number, (fields, expected, fill) in enumerate(cases):
        await port.command(
            HOST, number, cmnd(False, 0, task_management=0x10 if number == 3 else 0, lun=0x0003000000000000)
        )
        request = await port.request()
        assert request.op == (2 if number == 3 else 0) and request.lun == 0x0003000000000000
        await port.instruct(RESPOND, task=request.task, **fields)
        frame = await port.frame(HOST, number)
        assert frame.payload.hex() == expected and frame.header.f_ctl == 0x990000 | fill
    await port.set_list(1, [5])
    sense = bytes.fromhex("70000300000000000a00000000110400000000")[:18]
    sense = bytes.fromhex("700003000000000a00000000110400000000")
    for number, (payload, status, scsi, key) in enumerate(
        (
            (rsp(2, sense=sense), 4, 2, 0x031104),
            (rsp(0x28), 4, 0x28, 0),
            (rsp(flags=8, residual=512), 4, 0, 0),
            (rsp(), 5, 0, 0),
        )
    ):
        await port.instruct(READ, slot=1, length=512, port_id=DEVICE)
        own = (await port.wait(lambda n=number: [f for f in port.log if f.header.r_ctl == 6][n : n + 1], "CMND"))[
            0
        ].header.ox_id
        await port.push(7, DEVICE, 0x990000 | (-len(sense) % 4 if number == 0 else 0), payload, ox_id=own, rx_id=0x8000)
        done = await port.completion(READ, slot=1)
        assert (done.status, done.scsi_status, done.sense) == (status, scsi, key)
    await port.drained()


@cocotb.test()
async def verifies(dut: Any) -> None:
    """VERIFY(10): the device compares data that the array sends, and is asked how far it reaches without any."""
    port = Port(dut)
    await port.start()
    await port.set_list(3, [7, 2, 11])
    data = pattern(8192, 9)
    await port.store([7, 2, 11], 512, data)
    device = Device(port, burst=4096)
    await port.instruct(WRITE, slot=3, offset=512, length=8192, port_id=DEVICE, lba=50)
    assert (await port.completion(WRITE, slot=3)).status == 0
    await port.instruct(VERIFY, slot=3, offset=512, length=8192, port_id=DEVICE, lba=50)
    assert (await port.completion(VERIFY, slot=3)).status == 0
    device.blocks[57] = bytes(512)
    await port.instruct(VERIFY, slot=3, offset=512, length=8192, port_id=DEVICE, lba=50)
    done = await port.completion(VERIFY, slot=3)
    assert (done.status, done.scsi_status, done.sense) == (4, 2, 0x0E1D00)
    device.capacity = 1000
    for lba, expected in ((999, (0, 0, 0)), (1000, (4, 2, 0x052100))):
        await port.instruct(PROBE, slot=3, length=512, port_id=DEVICE, lba=lba)
        done = await port.completion(PROBE, slot=3)
        assert (done.status, done.scsi_status, done.sense) == expected
    await port.drained()


@cocotb.test()
async def aborts(dut: Any) -> None:
    """ABTS in every state of a target task, of an unknown exchange, and from a device."""
    port = Port(dut)
    await port.start()
    await port.set_list(0, [1, 2, 3, 4, 5])
    for number, state in enumerate(("wait", "send", "receive", "receiving", "respond", "twice")):
        ox_id = 0x20 + number
        write = state.startswith("receiv")
        await port.command(HOST, ox_id, cmnd(write, 16384))
        task = (await port.request()).task
        if state == "send":
            await port.instruct(SEND, task=task, slot=0, length=16384)
            await port.frame(HOST, ox_id)
        if write:
            await port.instruct(RECEIVE, task=task, slot=0, length=16384)
            await port.frame(HOST, ox_id)
        if state == "receiving":
            await port.push(1, HOST, 0x000008, bytes(2048), ox_id=ox_id, rx_id=task, terminate=False)
        if state == "respond":
            dut.out_enable.value = 0
            await port.instruct(RESPOND, task=task)
            await port.clocks(50)
        await port.abts(HOST, ox_id, 0xFFFF if number % 2 else task)
        abort = await port.request()
        assert (abort.op, abort.task) == (1, task)
        if state == "twice":
            await port.abts(HOST, ox_id, task)
        if state in ("send", "receive", "receiving"):
            assert (await port.completion(SEND if state == "send" else RECEIVE, task=task)).status == 1
        # what crosses the abort is answered or ignored
        await port.instruct(SEND, task=task, slot=0, length=512)
        assert (await port.completion(SEND, task=task)).status == 1
        await port.instruct(RESPOND, task=task)
        dut.out_enable.value = 1
        await port.clocks(1500)
        port.frames[HOST, ox_id].clear()
        await port.instruct(RELEASE, task=task)
        frame = await port.frame(HOST, ox_id)
        assert frame.header.r_ctl == 0x84 and frame.header.rx_id == task and frame.header.seq_id == 0x77
        await port.drained()
        await port.clocks(200)
        assert not port.frames[HOST, ox_id] and not port.done and not port.requests
    for rx_id in (0xFFFF, 0, TASKS, 0x1234):
        await port.abts(HOST, 0x99, rx_id)
        frame = await port.frame(HOST, 0x99)
        assert (frame.header.r_ctl, frame.payload.hex(), frame.header.f_ctl) == (0x85, "00030300", 0x980000)
    await port.instruct(WRITE, slot=0, length=512, port_id=DEVICE)
    own = (await port.wait(lambda: [f for f in port.log if f.header.r_ctl == 6], "CMND"))[-1].header.ox_id
    await port.frame(DEVICE, own)
    await port.abts(DEVICE, own, 0x8000, f_ctl=0x890000)
    assert (await port.completion(WRITE, slot=0)).status == 1
    frame = await port.frame(DEVICE, own)
    assert (frame.header.r_ctl, frame.header.f_ctl) == (0x84, 0x180000)
    await port.drained()


@cocotb.test()
async def timeouts(dut: Any) -> None:
    """Nothing comes: ABTS, bounded; the OX_ID rests until R_A_TOV; a host that sends no data ends its burst."""
    port = Port(dut)
    await port.start(e_d_tov=40, r_a_tov=100)
    await port.set_list(0, [1])
    # an answered and an unanswered ABTS
    for answer in (0x84, 0x85, None):
        timeouts, sent = port.count("timeouts"), port.count("abts_sent")
        start = len(port.log)
        await port.instruct(READ, slot=0, length=512, port_id=DEVICE)
        own = (await port.wait(lambda s=start: port.log[s:], "CMND"))[0].header.ox_id
        await port.frame(DEVICE, own)
        abts = await port.frame(DEVICE, own, 6000)
        assert abts.header.r_ctl == 0x81 and abts.header.rx_id == 0xFFFF
        assert not port.done
        # data that comes now is not taken
        before = port.count("unknown_exchange")
        await port.push_data(DEVICE, bytes(512), ox_id=own, rx_id=0x8000, offset=0, responder=True, seq_id=1)
        await port.counted("unknown_exchange", before)
        if answer:
            await port.push(
                answer, DEVICE, 0x980000, bytes(12 if answer == 0x84 else 4), type=0, ox_id=own, rx_id=0xFFFF
            )
        else:
            assert (await port.frame(DEVICE, own, 6000)).header.r_ctl == 0x81
        assert (await port.completion(READ, slot=0, clocks=8000)).status == 2
        assert value_of(dut.status_open_tasks) == 1, "the X_ID was given back before R_A_TOV"
        await port.drained(8000)
        assert port.count("timeouts") == timeouts + (1 if answer else 3)
        assert port.count("abts_sent") == sent + (1 if answer else 2)
    await port.command(HOST, 1, cmnd(True, 4096))
    task = (await port.request()).task
    await port.instruct(RECEIVE, task=task, slot=0, length=4096)
    await port.frame(HOST, 1)
    await port.push(1, HOST, 0x000008, bytes(2048), ox_id=1, rx_id=task, terminate=False)
    assert (await port.completion(RECEIVE, task=task, clocks=8000)).status == 2
    before = port.count("unknown_exchange")
    await port.push(1, HOST, 0x090008, bytes(2048), ox_id=1, rx_id=task, seq_cnt=1, parameter=2048, initiate=False)
    await port.counted("unknown_exchange", before)
    await port.instruct(RESPOND, task=task, status=2, sense=0x0B4B04)
    assert (await port.answered(HOST, 1))[0] == 2
    await port.drained()


@cocotb.test()
async def the_array_ends_a_task(dut: Any) -> None:
    """ABORT from the array: a transfer under way ends with status 1, the array is asked to let go, the host hears
    nothing."""
    port = Port(dut)
    await port.start()
    await port.set_list(0, [1])
    for number, op in enumerate((None, RECEIVE, SEND)):
        await port.command(HOST, number, cmnd(op is RECEIVE, 4096))
        task = (await port.request()).task
        if op is RECEIVE:
            await port.instruct(RECEIVE, task=task, slot=0, length=4096)
            await port.frame(HOST, number)
        elif op is SEND:
            dut.out_enable.value = 0
            await port.instruct(SEND, task=task, slot=0, length=4096)
        await port.instruct(ABORT_TASK, task=task)
        request = await port.request()
        assert (request.op, request.task) == (1, task)
        if op is not None:
            assert (await port.completion(op, task=task)).status == 1
        dut.out_enable.value = 1
        await port.instruct(ABORT_TASK, task=task)  # once is enough
        await port.instruct(RELEASE, task=task)
        await port.drained()
        assert not [f for f in port.log if f.header.r_ctl == 7 and f.header.ox_id == number]


@cocotb.test()
async def preference_and_turns(dut: Any) -> None:
    """The preferred class goes first, the other only where it leaves room; inside a class tasks take turns (I7)."""
    port = Port(dut)
    await port.start()
    await port.set_list(0, [1, 2, 3, 4, 5])
    hosts = min(4, TASKS - 2)
    tasks = []
    for n in range(hosts):
        await port.command(HOST + n, 1, cmnd(False, 8192))
        tasks.append((await port.request()).task)
    owns = []
    for n in range(2):
        await port.set_list(10 + n, [1, 2, 3, 4, 5])
        await port.instruct(WRITE, slot=10 + n, length=8192, port_id=DEVICE)
        owns.append(
            (await port.wait(lambda k=n: [f for f in port.log if f.header.r_ctl == 6][k : k + 1], "CMND"))[
                0
            ].header.ox_id
        )
    for prefer in (1, 0):
        dut.out_enable.value = 0
        dut.prefer_backup.value = prefer
        start = len(port.log)
        for own in owns:
            await port.push(
                5, DEVICE, 0x890000, struct.pack(">III", 0 if prefer else 4096, 4096, 0), ox_id=own, rx_id=0x8000
            )
        for task in tasks:
            await port.instruct(SEND, task=task, slot=0, length=8192)
        await port.clocks(400)
        assert value_of(dut.online_waiting) == 1
        dut.out_enable.value = 1
        total = 4 + 4 * hosts
        await port.wait(lambda s=start, t=total: len(port.log) >= s + t, "all frames")
        order = [f.header.d_id for f in port.log[start:]]
        backup_at = [i for i, d in enumerate(order) if d == DEVICE]
        assert backup_at == (list(range(4)) if prefer else list(range(total - 4, total))), (
            f"prefer_backup={prefer}: {[hex(d) for d in order]}"
        )
        online = [d for d in order if d != DEVICE]
        for i in range(0, len(online), hosts):
            assert len(set(online[i : i + hosts])) == hosts, "a ready task waited longer than one round"
        for task in tasks:
            assert (await port.completion(SEND, task=task)).status == 0
    assert port.count("backup_frames") == 2 + 8 and port.count("online_frames") == 8 * hosts
    for own in owns:
        await port.push(7, DEVICE, 0x990000, bytes(24), ox_id=own, rx_id=0x8000)
    for n in range(2):
        assert (await port.completion(WRITE, slot=10 + n)).status == 0
    for n, task in enumerate(tasks):
        port.frames[HOST + n, 1].clear()
        await port.instruct(RESPOND, task=task)
        assert (await port.answered(HOST + n, 1))[0] == 0
    await port.drained()


@cocotb.test()
async def task_set_full(dut: Any) -> None:
    """With no context left a command gets TASK SET FULL; the array can still start a task, and the other way round."""
    port = Port(dut)
    await port.start()
    reserve = TASKS // 8 if TASKS >= 8 else 1 if TASKS >= 2 else 0
    tasks = []
    for n in range(TASKS - reserve):
        await port.command(HOST, n, cmnd(False, 512))
        tasks.append((await port.request()).task)
    assert len(set(tasks)) == TASKS - reserve
    await port.command(HOST, 0x500, cmnd(False, 1024))
    status, payload = await port.answered(HOST, 0x500)
    assert status == 0x28 and payload[10] == 8 and payload[12:16] == (1024).to_bytes(4, "big")
    assert port.count("refused") == 1 and not port.requests
    await port.set_list(300, [1])
    if reserve:
        device = Device(port)
        await port.instruct(WRITE, slot=300, length=512, port_id=DEVICE)
        assert (await port.completion(WRITE, slot=300)).status == 0
        assert len(device.blocks) == 1
        port.on_command = None
    for n, task in enumerate(tasks):
        await port.instruct(RESPOND, task=task)
        assert (await port.answered(HOST, n))[0] == 0
    await port.drained()
    # the array takes what it can get; the rest of its work waits, a host still finds a context
    wanted = min(TASKS + 2, 40)
    for n in range(wanted):
        await port.set_list(n, [1])
        await port.instruct(WRITE, slot=n, length=512, port_id=DEVICE)
    await port.clocks(3000)
    given = min(wanted, TASKS - reserve)
    assert value_of(dut.status_open_tasks) == given
    if reserve:
        await port.command(HOST, 1, cmnd(False, 512))
        await port.instruct(RESPOND, task=(await port.request()).task)
        assert (await port.answered(HOST, 1))[0] == 0
    before = 1 if reserve else 0  # the FCP_CMND of the write above
    for n in range(before, before + wanted):
        await port.wait(
            lambda k=n: len([f for f in port.log if f.header.r_ctl == 6]) > k,
            "next FCP_CMND",
        )
        frame = [f for f in port.log if f.header.r_ctl == 6][n]
        await port.push(7, DEVICE, 0x990000, rsp(8), ox_id=frame.header.ox_id, rx_id=0x8000)
    for n in range(wanted):
        assert (await port.completion(WRITE, slot=n)).scsi_status == 8
    await port.drained()


@cocotb.test()
async def logins_and_logouts(dut: Any) -> None:
    """LOGIN and LOGOUT of figure 13; logout and loss of the link end all tasks they concern; link services go first."""
    port = Port(dut)
    await port.start()
    for op in (LOGIN, LOGOUT):
        await port.instruct(op, slot=9, port_id=DEVICE)
        assert (await port.completion(op, slot=9)).status == 0
    dut.cfg_wwnn.value = 3 << 56
    await port.instruct(LOGIN, slot=9, port_id=DEVICE)
    assert (await port.completion(LOGIN, slot=9)).status == 3
    await port.instruct(WRITE, slot=9, length=512, port_id=0x010005)
    assert (await port.completion(WRITE, slot=9)).status == 7, "a host that is no target"
    await port.set_list(0, [1, 2, 3, 4])
    for all_of_them in (False, True):
        await port.command(HOST, 1, cmnd(False, 8192))
        first = (await port.request()).task
        await port.command(HOST + 1, 1, cmnd(False, 8192))
        second = (await port.request()).task
        await port.instruct(WRITE, slot=9, length=512, port_id=0x030001)
        await port.wait(lambda: value_of(dut.status_open_tasks) == 3, "three tasks")
        await port.instruct(SEND, task=first, slot=0, length=8192)
        await port.clocks(300)
        if all_of_them:
            dut.out_enable.value = 0
            dut.link_down_event.value = 1
            await port.clocks(1)
            dut.link_down_event.value = 0
            dut.cfg_wwnn.value = 3 << 24
        else:
            dut.cfg_wwnn.value = 1 << 25 | HOST
        await port.wait(lambda n=2 if all_of_them else 1: len(port.requests) == n, "ABORT to the array", 4000)
        assert {r.task for r in port.requests} == ({first, second} if all_of_them else {first})
        assert all(r.op == 1 for r in port.requests)
        port.requests.clear()
        assert (await port.completion(SEND, task=first)).status == 1
        if all_of_them:
            assert (await port.completion(WRITE, slot=9)).status == 6
        dut.out_enable.value = 1
        dut.cfg_wwnn.value = 0
        await port.clocks(1000)
        port.frames.clear()
        await port.instruct(RELEASE, task=first)
        if all_of_them:
            await port.instruct(RELEASE, task=second)
        else:
            await port.clocks(5)
            dut.cfg_wwnn.value = 1 << 25 | 0x030001
            assert (await port.completion(WRITE, slot=9)).status == 7
            dut.cfg_wwnn.value = 0
            await port.instruct(RESPOND, task=second)
            assert (await port.answered(HOST + 1, 1))[0] == 0
        await port.drained()
        await port.clocks(300)
        assert not port.frames[HOST, 1], "an answer to a peer that has left"
    # a link reset loses what is under way: the exchange ends by its host's ABTS, link services are served at once
    await port.command(HOST, 2, cmnd(False, 8192))
    task = (await port.request()).task
    await port.instruct(SEND, task=task, slot=0, length=8192)
    await port.clocks(700)
    dut.link_reset_event.value = 1
    await port.clocks(1)
    dut.link_reset_event.value = 0
    await port.push(0x22, HOST, 0x290000, bytes(16), type=1, ox_id=7)
    frame = await port.frame(HOST, 7, 1500)
    assert frame.header.r_ctl == 0x23 and frame.payload.hex() == "02000000"
    assert (await port.completion(SEND, task=task)).status == 0
    await port.abts(HOST, 2, task)
    assert (await port.request()).op == 1
    await port.instruct(RELEASE, task=task)
    await port.drained()
