# SPDX-License-Identifier: Apache-2.0
"""sequence_builder: information unit and descriptor of every kind of sequence, basic link services against scapy."""

from __future__ import annotations

import random
from typing import Any

import cocotb
from clocked import Clocked, number
from task_model import Kind
from txd import unpack_descriptor

from portplex.fc.bls import BA_ACC, BA_RJT

FCP, BLS = 0x08, 0x00
RCTL = {Kind.ABTS: 0x81, Kind.BA_ACC: 0x84, Kind.BA_RJT: 0x85}
DATA = (Kind.READ_DATA, Kind.WRITE_DATA)


class Bench:
    """The requester, a codec that answers in the same clock, and the RAM that is written."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.rng = random.Random(cocotb.RANDOM_SEED)
        self.clocked = Clocked(dut, self)
        self.unit: list[int] = []
        self.written: dict[int, int] = {}
        self.descriptors: list[tuple[int, int]] = []
        self.done = 0

    def drive(self) -> None:
        index = number(self.dut.codec_index)
        self.dut.codec_word.value = self.unit[index] if index < len(self.unit) else 0xDEADBEEF

    def sample(self) -> None:
        dut = self.dut
        if number(dut.iu_write):
            self.written[number(dut.iu_wr_addr)] = number(dut.iu_wr_data)
        if number(dut.descriptor_write):
            self.descriptors.append((number(dut.descriptor_wr_row), number(dut.descriptor_wr_data)))
            assert number(dut.done), "armed before the requester is told"
        self.done += number(dut.done)

    async def start(self) -> None:
        names = (
            "start kind row initiator abts_from_responder d_id ox_id rx_id seq_id tag payload_words slot position "
            "offset length codec_word codec_words codec_r_ctl codec_f_ctl"
        )
        await self.clocked.start(**dict.fromkeys(names.split(), 0))

    async def build(self, **given: int) -> dict[str, int]:
        """One sequence with random fields; returns them after `done`."""
        dut, rng = self.dut, self.rng
        fields = {
            "kind": rng.choice(list(Kind)), "row": rng.randrange(260), "initiator": rng.randrange(2),
            "abts_from_responder": rng.randrange(2), "d_id": rng.randrange(1 << 24), "ox_id": rng.randrange(1 << 16),
            "rx_id": rng.randrange(1 << 16), "seq_id": rng.randrange(256), "tag": rng.randrange(16),
            "payload_words": rng.randrange(16, 513), "slot": rng.randrange(512), "position": 4 * rng.randrange(1 << 15),
            "offset": rng.randrange(1 << 32), "length": rng.randrange(1, 65537), "codec_r_ctl": rng.randrange(256),
            "codec_f_ctl": rng.randrange(1 << 24), "codec_words": rng.randrange(16),
        } | given  # fmt: skip
        self.unit = [rng.randrange(1 << 32) for _ in range(fields["codec_words"])]
        self.written.clear()
        self.descriptors.clear()
        self.done = 0
        for name, value in fields.items():
            getattr(dut, name).value = value
        dut.start.value = 1
        await self.clocked.clock()
        dut.start.value = 0
        deadline = self.clocked.now + 25
        while not self.done:
            assert self.clocked.now < deadline, "no end"
            await self.clocked.clock()
        await self.clocked.clocks(3)
        assert self.done == 1 and len(self.descriptors) == 1
        return fields


@cocotb.test()
async def every_kind(dut: Any) -> None:
    """Payload in the row of the sequence and nowhere else, and each field of the descriptor."""
    bench = Bench(dut)
    await bench.start()
    for kind in [*Kind] * 12:
        f = await bench.build(kind=kind)
        basic = kind in RCTL
        if kind == Kind.BA_ACC:  # the whole exchange: no last SEQ_ID, SEQ_CNT 0 to FFFFh
            answer = BA_ACC(seq_id_validity=0, last_seq_id=0, ox_id=f["ox_id"], rx_id=f["rx_id"])
            assert (answer.low_seq_cnt, answer.high_seq_cnt) == (0, 0xFFFF)
            payload = bytes(answer)
        elif kind == Kind.BA_RJT:
            payload = bytes(BA_RJT(reason=3, explanation=3))  # logical error, invalid OX_ID and RX_ID
        else:
            words = [] if basic or kind in DATA else bench.unit
            payload = b"".join(word.to_bytes(4, "big") for word in words)
        expected = {16 * f["row"] + i: int.from_bytes(payload[4 * i :][:4], "big") for i in range(len(payload) // 4)}
        assert bench.written == expected, kind.name
        data = kind in DATA
        descriptor = {
            "r_ctl": RCTL.get(kind, f["codec_r_ctl"]),
            "type": BLS if basic else FCP,
            "f_ctl": f["codec_f_ctl"] if not basic else 0x090000 if kind == Kind.ABTS else reply_f_ctl(f),
            "d_id": f["d_id"], "ox_id": f["ox_id"], "rx_id": f["rx_id"],
            "parameter": f["offset"] if data else 0,  # ABTS: 0, the whole exchange
            "length": f["length"] if data else len(payload),
            "from_cache": int(data), "initiator": f["initiator"], "tag": f["tag"],
            "seq_id_given": int(kind in (Kind.BA_ACC, Kind.BA_RJT)),
        }  # fmt: skip
        if data:
            descriptor |= {"slot": f["slot"], "position": f["position"], "max_words": f["payload_words"]}
        if descriptor["seq_id_given"]:
            descriptor["seq_id"] = f["seq_id"]
        row, written = bench.descriptors[0]
        assert row == f["row"]
        got = unpack_descriptor(written)
        assert {name: got[name] for name in descriptor} == descriptor, kind.name
        assert data or got["max_words"] >= 15, "an information unit is one frame"


def reply_f_ctl(fields: dict[str, int]) -> int:
    """Last sequence of the exchange, last frame; bit 23 tells whether it comes from the exchange's responder."""
    return 0x180000 if fields["abts_from_responder"] else 0x980000


@cocotb.test()
async def one_after_the_other(dut: Any) -> None:
    """Nothing of a sequence is left in the next one, whatever their kinds and lengths; a reset in between ends one."""
    bench = Bench(dut)
    await bench.start()
    for words in (15, 0, 1, 14, 3):
        f = await bench.build(kind=Kind.RSP, codec_words=words)
        assert sorted(bench.written) == [16 * f["row"] + i for i in range(words)]
    dut.kind.value, dut.codec_words.value, dut.start.value = Kind.RSP, 12, 1
    await bench.clocked.clock()
    dut.start.value = 0
    await bench.clocked.clocks(3)
    dut.rst.value = 1
    await bench.clocked.clocks(2)
    bench.descriptors.clear()
    dut.rst.value = 0
    await bench.clocked.clocks(20)
    assert not bench.descriptors, "armed after a reset"
    await bench.build(kind=Kind.CMND, codec_words=8)
