# SPDX-License-Identifier: Apache-2.0
"""The picture of the console's page in docs/: a served array in the middle of a backup."""

from __future__ import annotations

import tempfile
from pathlib import Path

from rich.console import Console

from portplex.console.array import attach
from portplex.report.browser import browser
from portplex.runs.console import in_background
from portplex.runs.serve import ServedProcess, ServeOptions
from portplex.simulate import project_root

PICTURE = Path("docs") / "images" / "console.png"
TOKEN = "a-token-for-the-picture"
DEADLINE = 60_000  # ms


def take_picture(console: Console) -> None:
    """Draw docs/images/console.png. UsageError without Chromium."""
    with browser(height=640) as chromium, tempfile.TemporaryDirectory() as folder:
        options = ServeOptions(
            sides=[f"socket:{folder}/net"], volumes=["1M", "512K", "512K"], tasks=32, name="screenshot_console"
        )
        with ServedProcess(options), in_background(attach(options.control()), TOKEN) as address:
            page = chromium.new_page()
            page.set_default_timeout(DEADLINE)
            page.goto(f"{address}#token={TOKEN}")
            form = page.locator("#start")
            form.get_by_label("Volume").select_option("0")
            form.get_by_label("Destination").fill("010200")
            form.get_by_label("Copied so far").fill("1280")
            form.get_by_role("button", name="Start backup").click()
            page.get_by_text("backup pointer 1,280").wait_for()
            page.get_by_label("new copy pointer (blocks)").fill("1720")
            page.get_by_role("button", name="Set copy pointer").click()
            page.get_by_text("copy pointer 1,720").wait_for()
            page.get_by_text("backup pointer 1,664").wait_for()
            picture = project_root() / PICTURE
            page.screenshot(path=picture, full_page=True)
    console.print(f"{picture}: {picture.stat().st_size:,} bytes", highlight=False, soft_wrap=True)
