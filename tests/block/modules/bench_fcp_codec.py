# SPDX-License-Identifier: Apache-2.0
"""fcp_codec against scapy: what it reads out of information units, and what scapy reads out of those it writes."""

from __future__ import annotations

import random
from typing import Any

import cocotb
from cocotb.triggers import Timer

from portplex.fc.fcp import FCP_CMND, FCP_RSP, FCP_RSP_INFO, FCP_XFER_RDY

CMND, XFER_RDY, RSP, READ_DATA, WRITE_DATA, TASK_SET_FULL = 0, 1, 2, 3, 4, 8
SETTLE = 1  # ns
COMMANDS = (  # operation, first bytes of the CDB, flags read and write, whether data moves
    (9, b"\x2a\0", 0, 1, 1),  # TI_WRITE: WRITE(10)
    (10, b"\x28\0", 1, 0, 1),  # TI_READ: READ(10)
    (12, b"\x2f\2", 0, 1, 1),  # TI_VERIFY: VERIFY(10), BYTCHK 1
    (13, b"\x2f\0", 0, 0, 0),  # TI_PROBE: VERIFY(10), BYTCHK 0
)


def fixed_sense(
    key: int, asc: int, ascq: int, length: int = 18, information: int | None = None, segment: int = 0
) -> bytes:
    head = bytes([0x70 | 0x80 * (information is not None), 0, key]) + (information or 0).to_bytes(4, "big")
    return (head + b"\x0a" + segment.to_bytes(4, "big") + bytes([asc, ascq])).ljust(18, b"\0")[:length]


async def present(dut: Any, payload: bytes) -> None:
    """The first 12 words of a payload, as rx_dispatch hands them over."""
    payload = payload.ljust(-(-len(payload) // 4) * 4, b"\0")
    dut.rx_words.value = len(payload) // 4
    dut.rx_payload.value = int.from_bytes(payload[:48].ljust(48, b"\0"), "big")
    await Timer(SETTLE, "ns")


@cocotb.test()
async def reads_commands(dut: Any) -> None:
    rng = random.Random(cocotb.RANDOM_SEED)
    for _ in range(300):
        cdb, extra = rng.randbytes(16), rng.randbytes(rng.choice((0, 0, 16, 4)))
        flags = {n: rng.randrange(2) for n in ("read", "write", "clear_aca", "target_reset", "lun_reset")}
        attribute, length, lun = rng.randrange(8), rng.randrange(1 << 32), rng.randrange(1 << 14)
        unit = FCP_CMND(
            lun=lun, attribute=attribute, cdb=cdb, fcp_dl=length, additional_cdb=extra, priority=rng.randrange(16),
            additional_cdb_words=len(extra) // 4, **flags,
        )  # fmt: skip
        payload = bytes(unit)
        cut = rng.choice((0, 0, 4))
        await present(dut, payload[: len(payload) - cut])
        assert int(dut.cmnd_ok.value) == (cut == 0 and len(extra) in (0, 16)), f"{len(extra)} more, {cut} cut off"
        if not int(dut.cmnd_ok.value):
            continue
        assert int(dut.cmnd_lun.value) == lun << 48 and int(dut.cmnd_attribute.value) == attribute
        assert (int(dut.cmnd_read.value), int(dut.cmnd_write.value)) == (flags["read"], flags["write"])
        assert int(dut.cmnd_task_management.value) == payload[10]
        assert int(dut.cmnd_cdb.value) == int.from_bytes(cdb, "big") and int(dut.cmnd_length.value) == length


@cocotb.test()
async def reads_answers(dut: Any) -> None:
    rng = random.Random(cocotb.RANDOM_SEED)
    for _ in range(200):
        offset, burst = rng.randrange(1 << 32), rng.randrange(1 << 32)
        await present(dut, bytes(FCP_XFER_RDY(relative_offset=offset, burst_length=burst)))
        assert int(dut.xfer_ok.value)
        assert (int(dut.xfer_offset.value), int(dut.xfer_length.value)) == (offset, burst)
        key, asc, ascq, code = rng.randrange(16), rng.randrange(256), rng.randrange(256), rng.choice((0, 0, 4, 9))
        information = rng.choice((0, 4, 8))
        status, under, over = rng.choice((0, 2, 8, 0x28)), rng.randrange(2), rng.randrange(2)
        sense = fixed_sense(key, asc, ascq, rng.choice((18, 18, 14, 13))) if rng.random() < 0.6 else b""
        info = bytes([0, 0, 0, code]).ljust(information, b"\0")[:information]
        head = bytes(FCP_RSP(status=status, resid_under=under, resid_over=over, residual=rng.randrange(1 << 32)))[:16]
        flags = head[10] | (2 if sense else 0) | (1 if information else 0)
        payload = head[:10] + bytes([flags]) + head[11:] + len(sense).to_bytes(4, "big")
        payload += information.to_bytes(4, "big") + info + sense
        dissected = FCP_RSP(payload)
        assert dissected.sense_valid == bool(sense) and dissected.rsp_info_length == information
        await present(dut, payload)
        assert int(dut.rsp_ok.value) and int(dut.rsp_status.value) == status
        assert int(dut.rsp_residual.value) == (under or over)
        assert int(dut.rsp_failed.value) == bool(information and code)
        expected = key << 16 | asc << 8 | ascq if len(sense) >= 14 else 0
        assert int(dut.rsp_sense.value) == expected, f"{information} bytes of information, {len(sense)} of sense"
    for words in range(7):
        await present(dut, bytes(4 * words))
        assert int(dut.rsp_ok.value) == (words >= 6) and int(dut.xfer_ok.value) == (words == 3)
    for wrong in (1, 3, 5, 12, 1 << 31):
        await present(dut, bytes(10) + b"\x01\0" + bytes(8) + wrong.to_bytes(4, "big") + bytes(20))
        assert not int(dut.rsp_ok.value), f"RSP_INFO of {wrong} bytes"


async def written(dut: Any, kind: int, **fields: int) -> bytes:
    """The information unit the encoder makes."""
    dut.tx_kind.value = kind
    for name, value in fields.items():
        getattr(dut, f"tx_{name}").value = value
    payload = b""
    dut.tx_index.value = 0
    await Timer(SETTLE, "ns")
    for index in range(int(dut.tx_words.value)):
        dut.tx_index.value = index
        await Timer(SETTLE, "ns")
        payload += int(dut.tx_word.value).to_bytes(4, "big")
    return payload


def header(dut: Any) -> tuple[int, int]:
    return int(dut.tx_r_ctl.value), int(dut.tx_f_ctl.value)


@cocotb.test()
async def writes_what_scapy_reads(dut: Any) -> None:
    rng = random.Random(cocotb.RANDOM_SEED)
    for _ in range(200):
        lun, lba, blocks = rng.randrange(1 << 14), rng.randrange(1 << 32), rng.randrange(1, 129)
        op, begin, read, write, moves = rng.choice(COMMANDS)
        payload = await written(dut, CMND, lun=lun, op=op, lba=lba, length=512 * blocks)
        cdb = begin + lba.to_bytes(4, "big") + b"\0" + blocks.to_bytes(2, "big") + b"\0"
        unit = FCP_CMND(lun=lun, read=read, write=write, cdb=cdb.ljust(16, b"\0"), fcp_dl=512 * blocks * moves)
        assert payload == bytes(unit) and header(dut) == (0x06, 0x290000)

        offset, burst = rng.randrange(1 << 32), rng.randrange(1 << 17)
        payload = await written(dut, XFER_RDY, offset=offset, length=burst)
        assert payload == bytes(FCP_XFER_RDY(relative_offset=offset, burst_length=burst))
        assert header(dut) == (0x05, 0x890000)

        status = rng.choice((0, 2, 2, 8, 0x28))
        key, asc, ascq = rng.choice((10, rng.randrange(16))), rng.randrange(256), rng.randrange(256)
        segment = rng.randrange(1 << 16)
        under, over, code_valid, code = (rng.randrange(2) for _ in range(4))
        residual, information = rng.randrange(1 << 32), rng.choice((None, rng.randrange(1 << 32)))
        payload = await written(
            dut, rng.choice((RSP, TASK_SET_FULL)), status=status, residual=residual, residual_under=under,
            residual_over=over, code_valid=code_valid, code=9 * code, information=information or 0, offset=segment,
            sense=(information is not None) << 23 | key << 16 | asc << 8 | ascq,
        )  # fmt: skip
        in_copy = segment if key == 10 else 0  # COPY ABORTED
        sense = fixed_sense(key, asc, ascq, information=information, segment=in_copy) if status == 2 else b""
        info = bytes(FCP_RSP_INFO(bytes([0, 0, 0, 9 * code, 0, 0, 0, 0]))) if code_valid else b""
        expected = bytes(FCP_RSP(status=status, resid_under=under, resid_over=over, residual=residual))[:16]
        expected = expected[:10] + bytes([expected[10] | (2 if sense else 0) | code_valid]) + expected[11:]
        expected += len(sense).to_bytes(4, "big") + len(info).to_bytes(4, "big") + info + sense
        fill = -len(expected) % 4
        assert payload == expected + bytes(fill)
        assert header(dut) == (0x07, 0x990000 | fill)
        back = FCP_RSP(payload)
        assert (back.status, back.residual, back.resid_under, back.resid_over) == (status, residual, under, over)
    for kind, f_ctl in ((READ_DATA, 0x880008), (WRITE_DATA, 0x090008)):
        await written(dut, kind)
        assert header(dut) == (0x01, f_ctl)
