# SPDX-License-Identifier: Apache-2.0
"""The scoreboard: every frame against the rules, as it passes. A run that compared nothing has failed."""

from __future__ import annotations

from collections.abc import Callable

from pyuvm import uvm_subscriber

from portplex.framelink import Frame
from portplex.model.frame_rules import Direction, FrameRules
from portplex.uvm.items import ObservedFrame


class ScoreboardFailed(AssertionError):
    """What the scoreboard found, one line each."""


class FrameScoreboard(uvm_subscriber):
    """Feeds `FrameRules`; the check phase ends it and raises when anything was wrong or nothing was compared.

    A test that breaks frames on purpose sets `rules.strict_input` to False, and `skip` to a function that tells the
    frames the device is to discard; one that ends with traffic open sets `expect_end` to False.
    """

    def build_phase(self) -> None:
        self.rules = FrameRules()
        self.expect_end = True
        self.skip: Callable[[Frame, Direction], bool] = lambda frame, direction: False
        self._closed = False

    def write(self, item: ObservedFrame) -> None:
        if not self.skip(item.frame, item.direction):
            self.rules.observe(item.frame, item.direction)

    def close(self) -> None:
        """Traffic has ended; the check phase does this for a test that has not."""
        if self.expect_end and not self._closed:
            self.rules.finish()
        self._closed = True

    def problems(self) -> list[str]:
        """Violations as text."""
        return [f"{v.rule} at word {v.time}: {v.text}" for v in self.rules.violations]

    def check_phase(self) -> None:
        self.close()
        if self.rules.counts["compared"] == 0 or self.rules.counts["failed"]:
            found = "\n".join(self.problems()) or "no frame was compared"
            raise ScoreboardFailed(f"{self.rules.counts['failed']} violations:\n{found}")
