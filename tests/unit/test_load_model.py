# SPDX-License-Identifier: Apache-2.0
"""Properties of the load tables' model: windows neither lose nor repeat, access is what neighbours in time are."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from portplex.model.load import LIMIT, Command, LoadWindow, PortLoad, controller_load

COMMANDS = st.builds(
    Command,
    write=st.booleans(),
    volume=st.integers(0, 1),
    lba=st.sampled_from((0, 8, 16, 24)),
    blocks=st.sampled_from((0, 8, 16)),
)
LOADS = st.builds(PortLoad, io=st.integers(0, LIMIT), amount=st.integers(0, LIMIT), sequential=st.booleans())


def run(windows: list[list[Command]]) -> list[PortLoad]:
    port, loads = LoadWindow(), []
    for commands in windows:
        for command in commands:
            port.command(command)
        loads.append(port.end())
    return loads


@given(windows=st.lists(st.lists(COMMANDS, max_size=5), max_size=6))
def test_windows_neither_lose_nor_repeat(windows: list[list[Command]]) -> None:
    loads = run(windows)
    assert [load.io for load in loads] == list(map(len, windows))
    read = sum(c.blocks for commands in windows for c in commands if not c.write)
    written = sum(c.blocks for commands in windows for c in commands if c.write)
    assert sum(load.amount for load in loads) == 512 * (read + 4 * written)


@given(windows=st.lists(st.lists(COMMANDS, max_size=5), max_size=6))
def test_access_is_that_of_the_latest_command(windows: list[list[Command]]) -> None:
    """Cutting the same commands into one window each tells every command's access; a window has its last one's."""
    everything = [command for commands in windows for command in commands]
    single = [load.sequential for load in run([[command] for command in everything])]
    assert single[:1] in ([], [False])
    for (before, after), sequential in zip(pairwise(everything), single[1:], strict=True):
        same = (after.volume, after.write) == (before.volume, before.write)
        assert sequential == (same and after.lba == before.lba + before.blocks)
    position = 0
    for commands, load in zip(windows, run(windows), strict=True):
        position += len(commands)
        assert load.sequential == (bool(commands) and single[position - 1])


@given(ports=st.lists(LOADS, max_size=4))
def test_totals_stop_at_the_largest_number(ports: list[PortLoad]) -> None:
    total = controller_load(ports)
    assert total.io == min(sum(p.io for p in ports), LIMIT)
    assert total.amount == min(sum(p.amount for p in ports), LIMIT)


def test_an_amount_stops_at_the_largest_number() -> None:
    huge = Command(write=True, volume=0, lba=0, blocks=LIMIT)
    assert run([[huge, huge], []]) == [PortLoad(2, LIMIT), PortLoad()]
