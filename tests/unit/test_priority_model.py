# SPDX-License-Identifier: Apache-2.0
"""From the user's precedence ratio to priority table 670 and back."""

from __future__ import annotations

import asyncio

import pytest

from portplex.management import Management, PriorityMode
from portplex.model.priority import precedence_table
from portplex.registers.register_map import Register


class Words:
    """Registers that hold what is written."""

    def __init__(self) -> None:
        self.held: dict[int, int] = {}

    async def read(self, address: int) -> int:
        return self.held.get(address, 0)

    async def write(self, address: int, value: int) -> None:
        self.held[address] = value


@pytest.mark.parametrize("backup_first", [False, True])
def test_every_ratio_is_the_tables_share(backup_first: bool) -> None:
    """Within a thousandth of the smaller share, with turns of four frames or more for both kinds."""
    for percent in range(1, 100):
        table = precedence_table(percent, backup_first=backup_first)
        share, smaller = 100 * table.backup_share(), min(percent, 100 - percent)
        assert abs(share - percent) < smaller / 1000, f"{percent} %: {table} gives {share}"
        assert table.quantum % 2048 == 0 and table.quantum >= 4 * 2048 and table.online_time >= 4 * 527
        assert min(table.quantum_words(), table.online_time) < 5 * 527 + 1, "no longer a period than it takes"
        assert table.backup_first == backup_first


@pytest.mark.parametrize("percent", [-1, 0, 100, 101])
def test_impossible_ratio_is_refused(percent: int) -> None:
    with pytest.raises(ValueError, match=f"percent={percent}.*1 to 99"):
        precedence_table(percent, backup_first=False)
    words = Words()
    with pytest.raises(ValueError, match="1 to 99"):
        asyncio.run(Management(words).set_precedence(percent))
    assert words.held == {}


def test_precedence_sets_the_table_and_is_kept() -> None:
    words = Words()
    management = Management(words)

    async def story() -> None:
        assert await management.precedence() == 0
        table = await management.set_precedence(30, PriorityMode.BACKUP_FIRST)
        assert await management.precedence() == 30
        assert words.held == {
            Register.PRIORITY_MODE: 1,
            Register.BACKUP_QUANTUM: table.quantum,
            Register.ONLINE_TIME: table.online_time,
            Register.STORE + 4 * 0x0B3: 30,
        }

    asyncio.run(story())
