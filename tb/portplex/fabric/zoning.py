# SPDX-License-Identifier: Apache-2.0
"""Zoning: which ports may see each other, by WWPN."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


class Zoning:
    """A zone set. Two ports may talk when some zone holds both. `Zoning.open()` lets everybody talk to everybody."""

    def __init__(self, zones: Mapping[str, Iterable[int]] | None = None) -> None:
        self.zones = None if zones is None else {name: frozenset(members) for name, members in zones.items()}
        for name, members in (self.zones or {}).items():
            for wwpn in members:
                if not 0 < wwpn < 1 << 64:
                    raise ValueError(f"zone {name}: WWPN {wwpn:#x}: must be 1 to {(1 << 64) - 1:#x}")

    @classmethod
    def open(cls) -> Zoning:
        return cls(None)

    def allows(self, one: int, other: int) -> bool:
        """May the ports with these WWPNs talk? A port may always talk to itself."""
        if self.zones is None or one == other:
            return True
        return any(one in members and other in members for members in self.zones.values())
