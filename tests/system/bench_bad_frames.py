# SPDX-License-Identifier: Apache-2.0
"""Bad frames in the middle of write traffic (I12): each is discarded and counted, no volume changes by it, and the
traffic goes on. Classes of the error catalogue that touch link, frame, header and credit."""

from __future__ import annotations

from dataclasses import dataclass

import pyuvm

from portplex.bfm.fc_port import Fault
from portplex.fc.constants import ORDERED_SETS
from portplex.model.volume import Outcome
from portplex.nport.host_initiator import CommandFailed, HostInitiator, LogicalUnit
from portplex.nport.n_port import Timers
from portplex.scenario.injector import (
    Action,
    Outgoing,
    When,
    broken,
    is_command,
    is_write_data,
    lose,
    rewritten,
    twice,
)
from portplex.scsi.sense import SenseKey
from portplex.uvm.base_test import ArrayTest

WRITE_BLOCKS = 32
LAST_FRAME = WRITE_BLOCKS * 512 // 2048 - 1


@dataclass(frozen=True)
class Case:
    """One fault: which frame, what happens to it, and the counter that tells (None: nothing to count)."""

    name: str
    action: Action
    counter: str | None
    when: When = lambda header: is_write_data(header) and header.seq_cnt == 3
    retried: bool = True  # the write fails or is aborted, and is sent again


def first(header: object) -> bool:
    return is_write_data(header) and header.seq_cnt == 0  # type: ignore[arg-type,attr-defined]


def last(header: object) -> bool:
    return is_write_data(header) and header.seq_cnt == LAST_FRAME  # type: ignore[arg-type,attr-defined]


def resized(words: int) -> Action:
    """A good frame of another length: `words` words of payload."""

    def action(frame: Outgoing) -> None:
        frame.bad((frame.data + bytes(8))[: 24 + 4 * words])

    return action


def too_long(frame: Outgoing) -> None:
    frame.bad(frame.data[:24] + bytes(4 * 529), Fault())


def header_only(frame: Outgoing) -> None:
    frame.bad(frame.data[:24])


def runt(frame: Outgoing) -> None:
    frame.bad(fault=Fault(length=3))


def swapped() -> Action:
    """This frame after the next one."""
    kept: list[Outgoing] = []

    def action(frame: Outgoing) -> None:
        kept.append(frame)
        if len(kept) == 2:
            kept[1].bad()
            kept[0].good()

    return action


def sof(name: str) -> Action:
    return broken(Fault(sof=ORDERED_SETS[name]))


def eof(name: str) -> Action:
    return broken(Fault(eof=ORDERED_SETS[name]))


def flips(*bits: int) -> Action:
    """Flip bits of the payload, counted from its first."""
    masks: dict[int, int] = {}
    for bit in bits:
        masks[7 + bit // 32] = masks.get(7 + bit // 32, 0) ^ 1 << bit % 32
    return broken(Fault(flips=masks))


class _Faults(ArrayTest):
    """Each case alone, in a write of 16 KiB, while a second host writes and reads."""

    hosts = 2
    breaks_frames = True
    e_d_tov = 20
    r_a_tov = 40
    cases: tuple[Case, ...] = ()

    async def scenario(self) -> None:
        units = await self.ready()
        victim, other = self.rig.hosts
        for host in self.rig.hosts:
            host.timers = Timers(e_d_tov=30_000, r_a_tov=15_000, link_service=200_000, command=30_000)
        for number, case in enumerate(self.cases):
            await self.one(case, victim, units[victim][0], other, units[other][1], 64 * (number % 4))
        self.facts["cases"] = len(self.cases)

    async def one(
        self, case: Case, victim: HostInitiator, unit: LogicalUnit, other: HostInitiator, second: LogicalUnit, lba: int
    ) -> None:
        before = await self.management.counters()
        hits = self.injector.hits
        self.injector.once(
            lambda header: header.s_id == victim.n_port_id and case.when(header),
            case.action,
            2 if case.name == "swapped" else 1,
        )
        beside = self.begin(self.write(other, second, 0, 64))
        retries = victim.counts["retries"]
        ended = await self.write(victim, unit, lba, WRITE_BLOCKS)
        retried = victim.counts["retries"] - retries
        if isinstance(ended, CommandFailed):
            sense = ended.result.sense
            self.expect(sense is not None and sense.key == SenseKey.ABORTED_COMMAND, f"{case.name}: {ended}")
            ended, retried = await self.write(victim, unit, lba, WRITE_BLOCKS), 1
        self.expect(ended is None, f"{case.name}: the write ended {ended}")
        self.expect(await beside is None, f"{case.name}: the other host's write ended {beside.result()}")
        self.expect(self.injector.hits > hits, f"{case.name}: no frame was broken")
        after = await self.management.counters()
        moved = {name: after[name] - before[name] for name in after if after[name] != before[name]}
        if case.counter is not None:
            self.expect(case.counter in moved, f"{case.name}: {case.counter} did not move, but {moved}")
        self.facts[case.name] = moved
        self.expect(bool(retried) == case.retried, f"{case.name}: the write was tried again {retried} times; {moved}")
        await self.verify(victim, unit, lba - lba % 64, 64)
        await self.verify(other, second, 0, 64)
        await self.tasks_free()

    async def write(self, host: HostInitiator, unit: LogicalUnit, lba: int, blocks: int) -> Exception | None:
        model = self.rig.models[unit.lun]
        data = self.rig.random.randbytes(512 * blocks)
        write = model.begin_write(lba, data)
        try:
            await host.write(unit, lba, data)
        except Exception as error:
            model.end_write(write, Outcome.UNKNOWN)
            return error
        model.end_write(write)
        return None

    async def verify(self, host: HostInitiator, unit: LogicalUnit, lba: int, blocks: int) -> None:
        model = self.rig.models[unit.lun]
        model.check_read(model.begin_read(lba, blocks), await host.read(unit, lba, blocks))
        self.rig.compared_blocks += blocks


@pyuvm.test()
class OneOfEachClass(_Faults):
    """The short version, for the slower simulator."""

    cases = (
        Case("one bit", flips(100), "invalid_crc"),
        Case("RX_ID of no exchange", rewritten(rx_id=0x0FFF), "unknown_exchange"),
        Case("data frame sent twice", twice, "sequence_error", retried=False),
    )


@pyuvm.test()
class BadDelimiters(_Faults):
    """SOF and EOF: wrong, missing, of the wrong kind, in the wrong form."""

    unanswered = 1  # an unknown SOF is no frame
    cases = (
        Case("SOFn3 as first", sof("SOFn3"), "sequence_error", first),
        Case("SOFi3 inside", sof("SOFi3"), "sequence_error"),
        Case("SOF of class 2", sof("SOFi2"), "bad_sof"),
        Case("SOF unknown", broken(Fault(sof=0xBCB51111)), "bad_sof"),
        Case("EOFa", eof("EOFa_NEG"), "bad_eof"),
        Case("EOFni", eof("EOFni_NEG"), "bad_eof"),
        Case("EOFt inside", eof("EOFt_NEG"), "header_dropped"),
        Case("EOFn at the end", eof("EOFn_NEG"), "header_dropped", last),
        Case("EOF of the other disparity", broken(Fault(wrong_disparity=True)), "bad_eof"),
    )


@pyuvm.test()
class BadFrameContents(_Faults):
    """CRC, length, K characters."""

    cases = (
        Case("one bit", flips(100), "invalid_crc"),
        Case("two bits", flips(5, 16000), "invalid_crc"),
        Case("three bits", flips(0, 77, 8191), "invalid_crc"),
        Case("burst of 32 bits", broken(Fault(flips={40: 0xFFFFFFFF})), "invalid_crc"),
        Case("bit in the header", broken(Fault(flips={5: 0x00010000})), "invalid_crc"),
        Case("bit in the CRC", broken(Fault(crc_xor=0x80)), "invalid_crc"),
        Case("bit in a command", broken(Fault(flips={8: 0x100})), "invalid_crc", is_command),
        Case("too long", too_long, "too_long"),
        Case("truncated", broken(Fault(length=100)), "invalid_crc"),
        Case("runt", runt, "truncated"),
        Case("header only", header_only, "header_dropped"),
        Case("one word short", resized(511), "sequence_error"),
        Case("K character inside", broken(Fault(k_flags={20: 1})), "bad_length"),
    )


@pyuvm.test()
class BadHeaders(_Faults):
    """Header fields that cannot be, in frames whose CRC is right."""

    cases = (
        Case("D_ID of somebody else", rewritten(d_id=0x010F00), "wrong_d_id"),
        Case("S_ID of nobody", rewritten(s_id=0x0A0A0A), "not_logged_in"),
        Case("R_CTL unknown", rewritten(r_ctl=0x0F), "header_dropped"),
        Case("TYPE unknown", rewritten(type=0x05), "header_dropped"),
        Case("OX_ID of no exchange", rewritten(ox_id=0x7777), "unknown_exchange"),
        Case("RX_ID of no exchange", rewritten(rx_id=0x0FFF), "unknown_exchange"),
        Case("F_CTL of a responder", rewritten(f_ctl=0x800008), "unknown_exchange"),
        Case("F_CTL all inverted", rewritten(f_ctl=0xFFFFF7), "header_dropped"),
        Case("DF_CTL with optional headers", rewritten(df_ctl=0x20), "header_dropped"),
        Case("SEQ_ID of another sequence", rewritten(seq_id=0xEE), "sequence_error"),
        Case("SEQ_CNT gap", rewritten(seq_cnt=5), "sequence_error"),
        Case("SEQ_CNT repeated", rewritten(seq_cnt=2), "sequence_error"),
        Case("relative offset wrong", rewritten(parameter=0x10000), "sequence_error"),
        Case("relative offset repeated", rewritten(parameter=0), "sequence_error"),
    )


@pyuvm.test()
class BadOrder(_Faults):
    """Frames lost, sent twice, in another order."""

    cases = (
        Case("data frame lost", lose, "sequence_error"),
        Case("last data frame lost", lose, None, last),
        Case("command lost", lose, None, is_command),
        Case("data frame sent twice", twice, "sequence_error", retried=False),
        Case("swapped", swapped(), "sequence_error", lambda h: is_write_data(h) and h.seq_cnt in (3, 4)),
    )


@pyuvm.test()
class BadCredit(_Faults):
    """R_RDYs lost, too many, and a frame sent without credit."""

    cases = ()
    unanswered = 64

    async def scenario(self) -> None:
        units = await self.ready()
        (victim, other), rig = self.rig.hosts, self.rig
        for host in rig.hosts:
            host.timers = Timers(e_d_tov=60_000, r_a_tov=30_000, link_service=200_000, command=60_000)
        port = self.device.fc_port

        # an R_RDY that answers no frame is ignored: the array must not send beyond its credit afterwards (I5)
        port.extra_r_rdy(3)
        await self.verify(victim, units[victim][0], 0, 128)
        self.expect(not port.stats.bad["no_credit"], "surplus R_RDYs were taken as credit")

        # all credit lost: after E_D_TOV without credit the array resets the link, which restores it
        resets = port.resets
        port.drop_r_rdy(16)
        for _ in range(3):
            ended = await self.write(victim, units[victim][0], 0, 64)
            self.logger.info("a write while R_RDYs are lost: %s", ended)
        await self.verify(victim, units[victim][0], 0, 128)
        self.expect(port.resets > resets, "no link reset although every R_RDY was lost")

        # frames sent without credit: taken or discarded as overrun, never anything else
        for lba in (0, 64):
            self.injector.once(is_write_data, lambda frame: frame.good(fault=Fault(no_credit=True)), 24)
            ended = await self.write(victim, units[victim][0], lba, 64)
            self.logger.info("a write that ignores credit: %s", ended)
        await self.verify(victim, units[victim][0], 0, 128)
        await self.write(other, units[other][1], 0, 64)
        await self.verify(other, units[other][1], 0, 64)
