# SPDX-License-Identifier: Apache-2.0
"""The picture of the console's page in docs/: a served array with two ports in the middle of its backups."""

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
            sides=[f"socket:{folder}/net"],
            volumes=["1M", "512K", "512K"],
            tasks=32,
            ports=2,
            name="screenshot_console",
        )
        with ServedProcess(options), in_background(attach(options.control()), TOKEN) as address:
            page = chromium.new_page()
            page.set_default_timeout(DEADLINE)
            page.goto(f"{address}#token={TOKEN}")

            def start(volume: int, copied: int, lba: int = 0) -> None:
                form = page.locator("#start")
                form.locator("[name=volume]").select_option(str(volume))
                form.get_by_label("Destination").fill("010300")
                form.get_by_label("First block").fill(str(lba))
                form.get_by_label("Copied so far").fill(str(copied))
                form.get_by_role("button", name="Start backup").click()

            for label, value in (("Load window", 16), ("Rebalance every", 16), ("Spread floor", 1 << 20)):
                page.locator("#load").get_by_label(label).fill(str(value))
            page.get_by_role("button", name="Set load").click()
            page.get_by_role("button", name="Set to this computer's time").click()
            start(1, 384, 1024)
            page.get_by_text("backup pointer 384").wait_for()
            page.locator("#job0").get_by_role("button", name="Pause").click()
            page.locator("#job0.paused").wait_for()
            start(0, 1280)
            page.get_by_text("backup pointer 1,280").wait_for()
            page.get_by_text("ports 0, 1").wait_for()
            page.get_by_label("only prepare").check()
            start(2, 1024)
            page.locator("#job2.prepared").wait_for()
            page.locator("#schedule [name=job]").select_option("2")
            page.get_by_label("Due").fill("2030-01-31T02:00:00")
            page.get_by_label("Repeated").select_option("86400")
            page.get_by_role("button", name="Set schedule").click()
            page.get_by_text("entry 0 is set").wait_for()
            page.get_by_label("new copy pointer (blocks)").and_(page.locator(":visible")).fill("1720")
            page.get_by_role("button", name="Set copy pointer").and_(page.locator(":visible")).click()
            page.get_by_text("copy pointer 1,720").wait_for()
            page.get_by_text("backup pointer 1,664").wait_for()
            picture = project_root() / PICTURE
            page.screenshot(path=picture, full_page=True)
    console.print(f"{picture}: {picture.stat().st_size:,} bytes", highlight=False, soft_wrap=True)
