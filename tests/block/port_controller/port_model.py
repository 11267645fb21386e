# SPDX-License-Identifier: Apache-2.0
"""What stands around the port controller in its bench: link, cache contents and array, frame by frame."""

from __future__ import annotations

import random
import struct
from collections import defaultdict, deque
from collections.abc import Callable
from typing import Any, NamedTuple

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, Lock, RisingEdge, Timer

from portplex.bfm.pins import value_of
from portplex.fc.header import Header

MY_ID = 0x010E00
SEND, RECEIVE, RESPOND, RELEASE, ABORT_TASK, LOGIN, WRITE, READ, LOGOUT = 0, 1, 2, 3, 4, 8, 9, 10, 11
VERIFY, PROBE = 12, 13
SEGMENT = 4096
COUNTERS = {
    "bad_header": 0,
    "not_logged_in": 1,
    "unknown_exchange": 2,
    "sequence_error": 3,
    "wrong_d_id": 4,
    "abts_sent": 7,
    "abts_received": 8,
    "timeouts": 9,
    "backup_frames": 10,
    "online_frames": 11,
    "host_requests": 12,
    "refused": 13,
}


class Frame(NamedTuple):
    header: Header
    payload: bytes
    initiate: bool
    terminate: bool
    time: int  # clock in which the link took the frame
    underrun: bool


class Request(NamedTuple):
    op: int
    task: int
    port_id: int
    lun: int
    cdb: bytes
    length: int
    read: bool
    write: bool
    attribute: int
    task_management: int


class Done(NamedTuple):
    op: int
    task: int
    slot: int
    status: int
    scsi_status: int
    sense: int


def pattern(length: int, seed: int) -> bytes:
    return random.Random(seed).randbytes(length)


def cmnd(write: bool, length: int, *, tag: int = 0, task_management: int = 0, lun: int = 0) -> bytes:
    """FCP_CMND, 32 bytes; `tag` stands in the last two bytes of the CDB, where the array model finds it."""
    cdb = bytes([0x2A if write else 0x28]) + bytes(13) + tag.to_bytes(2, "big")
    return lun.to_bytes(8, "big") + bytes([0, 0, task_management, 1 if write else 2]) + cdb + length.to_bytes(4, "big")


class Port:
    """The bench: every wait has a deadline in clocks."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.frames: dict[tuple[int, int], deque[Frame]] = defaultdict(deque)  # by (D_ID, OX_ID)
        self.log: list[Frame] = []
        self.requests: deque[Request] = deque()
        self.done: list[Done] = []
        self.on_request: Callable[[Request], Any] | None = None
        self.on_command: Callable[[Frame], Any] | None = None
        self.rng = random.Random(cocotb.RANDOM_SEED)
        self.push_lock = Lock()
        self.ti_lock = Lock()
        self.memory_lock = Lock()

    async def start(self, *, e_d_tov: int = 2000, r_a_tov: int = 100) -> None:
        dut = self.dut
        for name in [
            "in_push",
            "in_header",
            "in_payload",
            "in_words",
            "in_sof_initiate",
            "in_eof_terminate",
            "link_down_event",
            "link_reset_event",
            "mem_write",
            "mem_addr",
            "mem_wdata",
            "list_write",
            "list_addr",
            "list_line",
            "cfg_wwnn",
            "prefer_backup",
            "ti_valid",
            "ti_op",
            "ti_task",
            "ti_slot",
            "ti_offset",
            "ti_length",
            "ti_relative_offset",
            "ti_port_id",
            "ti_lun",
            "ti_lba",
            "ti_status",
            "ti_sense",
            "ti_residual",
            "ti_residual_under",
            "ti_residual_over",
            "ti_rsp_code_valid",
            "ti_rsp_code",
            "done_ready",
        ]:
            getattr(dut, name).value = 0
        dut.hr_ready.value = 1
        dut.out_enable.value = 1
        dut.cfg_e_d_tov_ticks.value = e_d_tov
        dut.cfg_r_a_tov_ticks.value = r_a_tov
        dut.rst.value = 1
        Clock(dut.clk, 4, unit="ns").start()
        await self.clocks(4)
        dut.rst.value = 0
        await self.clocks(300)  # the table is emptied row by row
        for pump in (self._frame_pump, self._request_pump, self._done_pump):
            cocotb.start_soon(pump())

    async def clocks(self, count: int) -> None:
        await Timer(4 * count, "ns")
        await FallingEdge(self.dut.clk)

    async def wait(self, condition: Callable[[], Any], what: str, clocks: int = 60000) -> Any:
        for _ in range(clocks // 8):
            result = condition()
            if result:
                return result
            await Timer(32, "ns")
        raise AssertionError(f"{what}: did not come within {clocks} clocks")

    # ---- pumps ----

    async def _frame_pump(self) -> None:
        dut = self.dut
        while True:
            await dut.out_count.value_change
            await FallingEdge(dut.clk)
            words = value_of(dut.out_words)
            payload = value_of(dut.out_payload).to_bytes(2112, "big")[: 4 * words]
            header = Header.unpack(value_of(dut.out_header).to_bytes(24, "big"))
            frame = Frame(
                header,
                payload,
                bool(value_of(dut.out_sof_initiate)),
                bool(value_of(dut.out_eof_terminate)),
                value_of(dut.out_time),
                bool(value_of(dut.out_underrun)),
            )
            self.log.append(frame)
            assert header.s_id == MY_ID or header.type == 1
            assert not frame.underrun, f"payload came late: {header}"
            assert frame.terminate == bool(header.f_ctl & 0x080000), f"End_Sequence and EOF differ: {header}"
            assert frame.initiate == (header.seq_cnt == 0), f"SOF and SEQ_CNT differ: {header}"
            if header.r_ctl == 6 and self.on_command:
                cocotb.start_soon(self.on_command(frame))
            else:
                self.frames[header.d_id, header.ox_id].append(frame)

    async def _request_pump(self) -> None:
        dut = self.dut
        while True:
            await RisingEdge(dut.hr_valid)
            await FallingEdge(dut.clk)
            v = {n: value_of(getattr(dut, f"hr_{n}")) for n in Request._fields}
            request = Request(
                v["op"],
                v["task"],
                v["port_id"],
                v["lun"],
                v["cdb"].to_bytes(16, "big"),
                v["length"],
                bool(v["read"]),
                bool(v["write"]),
                v["attribute"],
                v["task_management"],
            )
            if self.on_request:
                cocotb.start_soon(self.on_request(request))
            else:
                self.requests.append(request)

    async def _done_pump(self) -> None:
        dut = self.dut
        while True:
            if not value_of(dut.done_valid):
                await RisingEdge(dut.done_valid)
            await FallingEdge(dut.clk)
            self.done.append(Done(*(value_of(getattr(dut, f"done_{n}")) for n in Done._fields)))
            dut.done_ready.value = 1
            await FallingEdge(dut.clk)
            dut.done_ready.value = 0

    # ---- link ----

    async def push(
        self,
        r_ctl: int,
        s_id: int,
        f_ctl: int,
        payload: bytes = b"",
        *,
        type: int = 8,
        ox_id: int = 0xFFFF,
        rx_id: int = 0xFFFF,
        seq_id: int = 0,
        seq_cnt: int = 0,
        parameter: int = 0,
        d_id: int = MY_ID,
        df_ctl: int = 0,
        initiate: bool = True,
        terminate: bool = True,
    ) -> None:
        dut = self.dut
        header = Header(r_ctl, d_id, 0, s_id, type, f_ctl, seq_id, df_ctl, seq_cnt, ox_id, rx_id, parameter)
        async with self.push_lock:
            for _ in range(20000):
                await FallingEdge(dut.clk)
                if value_of(dut.in_room):
                    break
            else:
                raise AssertionError("the port does not take frames")
            dut.in_header.value = int.from_bytes(header.pack(), "big")
            dut.in_payload.value = int.from_bytes(payload.ljust(2112, b"\0"), "big")
            dut.in_words.value = len(payload) // 4
            dut.in_sof_initiate.value = int(initiate)
            dut.in_eof_terminate.value = int(terminate)
            dut.in_push.value = 1
            await FallingEdge(dut.clk)
            dut.in_push.value = 0

    async def push_data(
        self,
        s_id: int,
        data: bytes,
        *,
        ox_id: int,
        rx_id: int,
        offset: int,
        responder: bool,
        seq_id: int,
        **change: Any,
    ) -> None:
        """One sequence of FCP_DATA."""
        size = 2048
        for count, start in enumerate(range(0, len(data), size)):
            last = start + size >= len(data)
            f_ctl = (0x880008 if responder else 0x090008) if last else (0x800008 if responder else 0x000008)
            await self.push(
                1,
                s_id,
                f_ctl,
                data[start : start + size],
                ox_id=ox_id,
                rx_id=rx_id,
                seq_id=seq_id,
                seq_cnt=count,
                parameter=offset + start,
                initiate=count == 0,
                terminate=last,
                **change,
            )

    async def frame(self, d_id: int, ox_id: int, clocks: int = 60000) -> Frame:
        queue = self.frames[d_id, ox_id]
        await self.wait(lambda: queue, f"frame to {d_id:06x} OX_ID {ox_id:04x}", clocks)
        return queue.popleft()

    async def sequence(self, d_id: int, ox_id: int) -> tuple[list[Frame], bytes, int]:
        """Frames of one data sequence, its payload and first relative offset; order and headers are checked."""
        frames = [await self.frame(d_id, ox_id)]
        while not frames[-1].terminate:
            frames.append(await self.frame(d_id, ox_id))
        base = offset = frames[0].header.parameter
        for count, frame in enumerate(frames):
            assert (
                frame.header.r_ctl == 1
                and frame.header.seq_cnt == count
                and frame.header.seq_id == frames[0].header.seq_id
            )
            assert frame.header.parameter == offset, f"relative offset {frame.header.parameter}, expected {offset}"
            assert len(frame.payload) <= 2048
            offset += len(frame.payload)
        return frames, b"".join(f.payload for f in frames), base

    # ---- array ----

    async def instruct(self, op: int, **fields: int) -> None:
        dut = self.dut
        async with self.ti_lock:
            await FallingEdge(dut.clk)
            dut.ti_op.value = op
            for name in [
                "task",
                "slot",
                "offset",
                "length",
                "relative_offset",
                "port_id",
                "lun",
                "lba",
                "status",
                "sense",
                "residual",
                "residual_under",
                "residual_over",
            ]:
                getattr(dut, f"ti_{name}").value = fields.get(name, 0)
            dut.ti_rsp_code_valid.value = fields.get("rsp_code_valid", 0)
            dut.ti_rsp_code.value = fields.get("rsp_code", 0)
            dut.ti_valid.value = 1
            for _ in range(20000):
                await Timer(1, "ns")
                ready = value_of(dut.ti_ready)
                await FallingEdge(dut.clk)
                if ready:
                    break
            else:
                raise AssertionError(f"transfer instruction {op} not taken")
            dut.ti_valid.value = 0

    async def completion(
        self, op: int, *, task: int | None = None, slot: int | None = None, clocks: int = 60000
    ) -> Done:
        def find() -> Done | None:
            for done in self.done:
                if done.op == op and task in (None, done.task) and slot in (None, done.slot):
                    self.done.remove(done)
                    return done
            return None

        result = await self.wait(find, f"completion of op {op}, task {task}, slot {slot}", clocks)
        assert isinstance(result, Done)
        return result

    async def request(self, clocks: int = 20000) -> Request:
        await self.wait(lambda: self.requests, "host request", clocks)
        return self.requests.popleft()

    # ---- cache ----

    async def set_list(self, slot: int, segments: list[int]) -> None:
        async with self.memory_lock:
            for index, segment in enumerate(segments):
                await FallingEdge(self.dut.clk)
                self.dut.list_addr.value = slot << 5 | index
                self.dut.list_line.value = segment * 256
                self.dut.list_write.value = 1
            await FallingEdge(self.dut.clk)
            self.dut.list_write.value = 0

    def _place(self, segments: list[int], offset: int) -> int:
        return segments[offset // SEGMENT] * SEGMENT + offset % SEGMENT

    async def store(self, segments: list[int], offset: int, data: bytes) -> None:
        """Write whole lines; `offset` and the length are widened to lines with zeros."""
        lead = offset % 16
        data = bytes(lead) + data + bytes(-(lead + len(data)) % 16)
        async with self.memory_lock:
            for i in range(0, len(data), 16):
                await FallingEdge(self.dut.clk)
                self.dut.mem_addr.value = self._place(segments, offset - lead + i) // 16
                self.dut.mem_wdata.value = int.from_bytes(data[i : i + 16], "big")
                self.dut.mem_write.value = 1
            await FallingEdge(self.dut.clk)
            self.dut.mem_write.value = 0

    async def load(self, segments: list[int], offset: int, length: int) -> bytes:
        lead = offset % 16
        result = b""
        async with self.memory_lock:
            for i in range(0, lead + length, 16):
                await FallingEdge(self.dut.clk)
                self.dut.mem_addr.value = self._place(segments, offset - lead + i) // 16
                await FallingEdge(self.dut.clk)
                result += value_of(self.dut.mem_rdata).to_bytes(16, "big")
        return result[lead : lead + length]

    # ---- counters ----

    def count(self, name: str) -> int:
        return value_of(self.dut.port_counters) >> (32 * COUNTERS[name]) & 0xFFFFFFFF

    async def counted(self, name: str, before: int, by: int = 1) -> None:
        await self.wait(
            lambda: self.count(name) == before + by, f"counter {name} at {before + by}, is {self.count(name)}", 4000
        )

    async def drained(self, clocks: int = 20000) -> None:
        """Nothing leaks: every context is free again (I8)."""
        await self.wait(lambda: value_of(self.dut.status_open_tasks) == 0, "all contexts free", clocks)

    # ---- whole exchanges ----

    async def command(self, host: int, ox_id: int, payload: bytes) -> None:
        await self.push(6, host, 0x290000, payload, ox_id=ox_id, seq_id=ox_id & 0xFF)

    async def abts(self, host: int, ox_id: int, rx_id: int, *, f_ctl: int = 0x090000) -> None:
        await self.push(0x81, host, f_ctl, type=0, ox_id=ox_id, rx_id=rx_id, seq_id=0x77)

    async def answered(self, host: int, ox_id: int) -> tuple[int, bytes]:
        """FCP_RSP: SCSI status and the payload."""
        frame = await self.frame(host, ox_id)
        assert frame.header.r_ctl == 7, f"expected FCP_RSP: {frame.header}"
        assert frame.initiate and frame.terminate
        return frame.payload[11], frame.payload


def rsp(status: int = 0, *, flags: int = 0, residual: int = 0, sense: bytes = b"") -> bytes:
    flags |= 2 if sense else 0
    return (
        bytes(10)
        + bytes([flags, status])
        + struct.pack(">III", residual, len(sense), 0)
        + sense
        + bytes(-len(sense) % 4)
    )
