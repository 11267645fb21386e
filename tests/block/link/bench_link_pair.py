# SPDX-License-Identifier: Apache-2.0
"""Two real ends of a link over a channel that injects faults."""

from __future__ import annotations

import random
from typing import Any

import cocotb
from link_bench import LinkBench, Received, Sent, header_of

from portplex.fc.constants import ORDERED_SET_NAMES


async def pair(dut: Any, credit: int = 8, **start: Any) -> LinkBench:
    bench = LinkBench(dut, ends=2)
    await bench.start(**start)
    await both_active(bench)
    for end in range(2):
        await bench.login(credit, end)
    return bench


async def both_active(bench: LinkBench) -> None:
    await bench.until(lambda: bench.state(0) == bench.state(1) == "AC", "both ends active")
    await bench.clocks(60)
    assert bench.state(0) == bench.state(1) == "AC"


def traffic(bench: LinkBench, rng: random.Random, frames: int, longest: int = 60) -> list[list[Received]]:
    """Queue random frames at both ends; what each end must receive."""
    expected = []
    for end in bench.ends:
        sent = [
            Sent(header_of(n) + rng.randbytes(4 * rng.randrange(longest)), rng.random() < 0.5, rng.random() < 0.5)
            for n in range(frames)
        ]
        end.to_send.extend(sent)
        expected.insert(0, [Received(s.body, s.initiate, s.terminate) for s in sent])
    return expected


def check_wire(bench: LinkBench) -> None:
    """At least 6 words between frames, two IDLEs on each side of an R_RDY: on everything both ends have sent."""
    for end in bench.ends:
        names = [ORDERED_SET_NAMES[w.data] if w.k else "data" for w in end.wire]
        assert all(len(words) >= 6 for words in end.gaps())
        for place, name in enumerate(names[:-2]):
            if name == "R_RDY":
                assert names[place - 2 : place] == ["IDLE", "IDLE"]
                assert set(names[place + 1 : place + 3]) <= {"IDLE", "LR", "LRR", "NOS", "OLS"}


@cocotb.test()
async def initialises(dut: Any) -> None:
    """Both at once, one later than the other, after either went offline, after either asked for a link reset."""
    bench = await pair(dut, r_t_tov=20)
    for end in range(2):
        dut.link_enable.value = 2 - end  # the other one only
        await bench.until(lambda end=end: bench.state(end) == "OL1", "offline")
        await bench.clocks(600)
        assert bench.state(end) == "OL1"
        assert bench.state(1 - end) in ("OL2", "OL3")
        dut.link_enable.value = 3
        await both_active(bench)
        await bench.strobe("link_reset_request", end)
        await bench.until(lambda end=end: bench.state(end) != "AC", "link reset")
        await both_active(bench)
    dut.link_enable.value = 0
    await bench.clocks(600)
    assert bench.state(0) == bench.state(1) == "OL1"
    dut.link_enable.value = 3
    await both_active(bench)
    assert [end.downs for end in bench.ends] == [3, 3]


@cocotb.test()
async def random_traffic(dut: Any) -> None:
    rng = random.Random(cocotb.RANDOM_SEED)
    bench = await pair(dut)
    expected = traffic(bench, rng, 60)
    for end in bench.ends:
        end.answer_delay = rng.randrange(8)
    for _ in range(200):
        if all(len(end.received) == 60 for end in bench.ends):
            break
        for end in bench.ends:
            end.popping = rng.random() < 0.7
        await bench.clocks(50)
    for n, end in enumerate(bench.ends):
        assert end.received == expected[n]
        assert bench.counters(n) == {"good": 60, "sent": 60}
    await bench.clocks(120)
    assert bench.credit(0) == bench.credit(1) == 8, "credit never leaks"
    check_wire(bench)


@cocotb.test()
async def one_credit(dut: Any) -> None:
    rng = random.Random(cocotb.RANDOM_SEED)
    bench = await pair(dut, credit=1)
    expected = traffic(bench, rng, 12)
    await bench.until(lambda: all(len(end.received) == 12 for end in bench.ends), "all frames", 8000)
    assert [end.received for end in bench.ends] == expected
    for n in range(2):
        sent = iter(bench.ends[n].frames())
        answers = [t for t, w in enumerate(bench.ends[1 - n].wire) if w.k and ORDERED_SET_NAMES[w.data] == "R_RDY"]
        next(sent)
        for frame, answer in zip(sent, answers, strict=False):
            assert frame.start > answer, "a frame before the R_RDY for the one before it"


@cocotb.test()
async def lost_r_rdys_are_healed_by_link_reset(dut: Any) -> None:
    rng = random.Random(cocotb.RANDOM_SEED)
    bench = await pair(dut, credit=4, e_d_tov=10)
    dut.drop_r_rdy.value = 2
    bench.ends[0].to_send.extend(Sent(header_of(n) + rng.randbytes(16)) for n in range(10))
    await bench.until(lambda: bench.ends[0].resets == 1, "link reset after E_D_TOV", 2000)
    dut.drop_r_rdy.value = 0
    await both_active(bench)
    await bench.until(lambda: bench.ends[0].done == 10, "the rest", 3000)
    await bench.clocks(200)
    assert [r.body[14:16] for r in bench.ends[1].received] == [bytes([0, n]) for n in range(10)]
    assert bench.credit(0) == 4
    assert (bench.ends[1].resets, bench.ends[1].downs) == (1, 0)


@cocotb.test()
async def bit_errors_lose_only_their_frames(dut: Any) -> None:
    rng = random.Random(cocotb.RANDOM_SEED)
    bench = await pair(dut)
    expected = traffic(bench, rng, 50)
    for _ in range(200):
        if all(end.done == 50 for end in bench.ends):
            break
        await bench.clocks(rng.randrange(100, 300))
        dut.flip.value = 1 << rng.randrange(64)
        await bench.clocks(1)
        dut.flip.value = 0
    await bench.clocks(300)
    lost_in_all = 0
    for n, end in enumerate(bench.ends):
        counters = bench.counters(n)
        lost = counters.get("crc", 0)
        lost_in_all += lost
        assert counters.pop("crc", 0) + counters["good"] == 50
        assert set(counters) == {"good", "sent"}, counters
        rest = iter(expected[n])
        assert all(frame in rest for frame in end.received), "in order, none changed"
        assert len(end.received) == 50 - lost
        assert bench.credit(1 - n) == 8, "R_RDY also for discarded frames"
    assert lost_in_all > 0, "no error was injected"


@cocotb.test()
async def cut_cable_and_recovery(dut: Any) -> None:
    rng = random.Random(cocotb.RANDOM_SEED)
    bench = await pair(dut, r_t_tov=6, e_d_tov=200)
    for direction in (1, 2, 3):
        traffic(bench, rng, 20)
        await bench.clocks(rng.randrange(100, 300))
        dut.cut.value = direction
        hears = [bool(direction & 2), bool(direction & 1)]
        downs = [end.downs for end in bench.ends]
        await bench.until(
            lambda downs=downs: all(e.downs > d for e, d in zip(bench.ends, downs, strict=True)), "link down"
        )
        for n in range(2):
            assert not hears[n] or bench.counters(n)["loss_of_sync"] >= 1
        dut.cut.value = 0
        for end in bench.ends:
            end.to_send.clear()
            end.offering = False
        await both_active(bench)
        assert bench.credit(0) == bench.credit(1) == 1, "the login is gone with the link"
        for n in range(2):
            await bench.login(8, n)
            bench.ends[n].received.clear()
        expected = traffic(bench, rng, 10)
        await bench.until(lambda: all(len(end.received) == 10 for end in bench.ends), "traffic again", 4000)
        assert [end.received for end in bench.ends] == expected
    assert all(bench.counters(n)["link_failure"] >= 3 for n in range(2))
