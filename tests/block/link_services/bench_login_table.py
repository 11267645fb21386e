# SPDX-License-Identifier: Apache-2.0
"""cocotb tests of login_table: a Python dictionary is the judge."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge

from portplex.bfm.pins import value_of

FIND, FIND_NAME, ADD, REMOVE, ROLES = range(5)


@dataclass
class Row:
    wwpn: int
    words: int
    initiator: bool = False
    target: bool = False


async def operate(dut: Any, client: str, op: int, port_id: int, row: Row) -> tuple[bool, bool, bool, int]:
    """One operation of client "a" or "b": hit, roles before it, N_Port_ID found. Ten clocks at most."""

    def signal(name: str) -> Any:
        return getattr(dut, f"{client}_{name}")

    signal("op").value = op
    signal("id").value = port_id
    signal("wwpn").value = row.wwpn
    signal("words").value = row.words
    signal("initiator").value = int(row.initiator)
    signal("target").value = int(row.target)
    signal("valid").value = 1
    for _ in range(10):
        await FallingEdge(dut.clk)
        if int(signal("done").value):
            break
    else:
        raise AssertionError(f"client {client}, operation {op}: no answer in 10 clocks")
    answer = (
        bool(value_of(dut.result_hit)),
        bool(value_of(dut.result_initiator)),
        bool(value_of(dut.result_target)),
        value_of(dut.result_id),
    )
    await FallingEdge(dut.clk)
    signal("valid").value = 0
    return answer


@cocotb.test()
async def table_equals_dictionary(dut: Any) -> None:
    rng = random.Random(cocotb.RANDOM_SEED)
    logins = value_of(dut.LOGINS)
    dut.rst.value = 1
    dut.clear.value = 0
    dut.lookup_valid.value = 0
    dut.lookup_id.value = 0
    for client in "ab":
        for name in ("valid", "op", "id", "wwpn", "words", "initiator", "target"):
            getattr(dut, f"{client}_{name}").value = 0
    Clock(dut.clk, 4, unit="ns").start()
    await FallingEdge(dut.clk)
    await FallingEdge(dut.clk)
    dut.rst.value = 0
    rows: dict[int, Row] = {}
    full = 0
    ports = list(range(0x010100, 0x010100 + logins + 8))
    filling = logins + 8
    for number in range(600):
        op = ADD if number < filling else rng.choice((FIND, FIND_NAME, ADD, ADD, ADD, REMOVE, ROLES, ROLES))
        if number == 400:
            dut.clear.value = 1
            await FallingEdge(dut.clk)
            dut.clear.value = 0
            rows.clear()
        port_id = ports[number] if number < filling else rng.choice(ports)
        row = Row(0x10000000C9000000 + port_id, rng.randrange(64, 513), rng.random() < 0.5, rng.random() < 0.5)
        hit, initiator, target, found = await operate(dut, rng.choice("ab"), op, port_id, row)
        there = rows.get(port_id)
        assert (initiator, target) == ((there.initiator, there.target) if there else (False, False))
        if op == ADD:
            assert hit == (there is not None or len(rows) < logins)
            full += not hit
            if hit:
                rows[port_id] = Row(
                    row.wwpn, row.words, *((there.initiator, there.target) if there else (False, False))
                )
        else:
            assert hit == (there is not None)
            if hit and op == FIND_NAME:
                assert found == port_id
            if there and op == REMOVE:
                del rows[port_id]
            elif there and op == ROLES:
                there.initiator, there.target = row.initiator, row.target
        asked = rng.choice(ports)
        dut.lookup_valid.value = 1
        dut.lookup_id.value = asked
        await FallingEdge(dut.clk)
        dut.lookup_valid.value = 0
        assert value_of(dut.lookup_done) == 1
        want = rows.get(asked)
        assert bool(value_of(dut.lookup_hit)) == (want is not None)
        if want:
            got = (
                value_of(dut.lookup_payload_words),
                bool(value_of(dut.lookup_initiator)),
                bool(value_of(dut.lookup_target)),
            )
            assert got == (want.words, want.initiator, want.target)
            assert value_of(dut.lookup_index) < logins
        assert value_of(dut.status_logins) == len(rows)
        await FallingEdge(dut.clk)
        assert value_of(dut.lookup_done) == 0
    assert full, "the table was never full"


@cocotb.test()
async def both_clients_at_once(dut: Any) -> None:
    """The responder goes first, the originator right after it, neither is lost."""
    dut.rst.value = 1
    Clock(dut.clk, 4, unit="ns").start()
    await FallingEdge(dut.clk)
    await FallingEdge(dut.clk)
    dut.rst.value = 0
    first = cocotb.start_soon(operate(dut, "a", ADD, 0x010203, Row(1, 128)))
    second = cocotb.start_soon(operate(dut, "b", ADD, 0x010204, Row(2, 256)))
    assert (await first)[0]
    assert (await second)[0]
    assert value_of(dut.status_logins) == 2
