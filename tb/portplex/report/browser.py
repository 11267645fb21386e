# SPDX-License-Identifier: Apache-2.0
"""Debian's Chromium without a screen, for tests, measurements and pictures of the console's page."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator

from playwright.sync_api import BrowserContext, sync_playwright

from portplex.simulate import UsageError

# As root it has no sandbox; what else it would ask of the network at each start is not for us.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextlib.contextmanager
def browser(*, width: int = 1280, height: int = 900) -> Iterator[BrowserContext]:
    """A fresh profile; pages of `width` by `height`. UsageError without Chromium."""
    found = shutil.which("chromium")
    if found is None:
        raise UsageError("chromium is missing: `make setup` installs it where it may")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        try:
            yield chromium.new_context(viewport={"width": width, "height": height})
        finally:
            chromium.close()
