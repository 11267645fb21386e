# SPDX-License-Identifier: Apache-2.0
"""The scoreboard: every frame against the rules, as it passes. A run that compared nothing has failed."""

from __future__ import annotations

from collections.abc import Callable

from pyuvm import ConfigDB, uvm_subscriber

from portplex.device import Device
from portplex.framelink import Frame
from portplex.model.frame_rules import Direction, FrameRules
from portplex.uvm.items import ObservedFrame


class ScoreboardFailed(AssertionError):
    """What the scoreboard found, one line each."""


class FrameScoreboard(uvm_subscriber):
    """Feeds `FrameRules`, one for each port of the device; `rules` are those of port 0. The check phase ends them and
    raises when anything was wrong or nothing was compared.

    A test that breaks frames on purpose sets `rules.strict_input` to False, and `skip` to a function that tells the
    frames the device is to discard; one that ends with traffic open sets `expect_end` to False.
    """

    def build_phase(self) -> None:
        self.device: Device = ConfigDB().get(self, "", "DEVICE")
        self.port_rules = [FrameRules() for _ in self.device.ports]
        self.rules = self.port_rules[0]
        self.expect_end = True
        self.skip: Callable[[Frame, Direction], bool] = lambda frame, direction: False
        self._closed = False

    def write(self, item: ObservedFrame) -> None:
        if not self.skip(item.frame, item.direction):
            self.port_rules[item.port].observe(item.frame, item.direction)

    def close(self) -> None:
        """Traffic has ended; the check phase does this for a test that has not."""
        if self.expect_end and not self._closed:
            for rules in self.port_rules:
                rules.finish()
        self._closed = True

    def problems(self) -> list[str]:
        """Violations as text."""
        return [
            f"{v.rule} at word {v.time}, port {port}: {v.text}"
            for port, rules in enumerate(self.port_rules)
            for v in rules.violations
        ]

    @property
    def compared(self) -> int:
        return sum(rules.counts["compared"] for rules in self.port_rules)

    @property
    def failed(self) -> int:
        return sum(rules.counts["failed"] for rules in self.port_rules)

    def check_phase(self) -> None:
        self.close()
        if self.compared == 0 or self.failed:
            found = "\n".join(self.problems()) or "no frame was compared"
            raise ScoreboardFailed(f"{self.failed} violations:\n{found}")
