# SPDX-License-Identifier: Apache-2.0
"""Age of what two viewers of the console's page see, while a register of a served array changes ten times a second.

python bench/run.py console_page
"""

from __future__ import annotations

import tempfile
import time

from figures import Figure
from portplex.console.array import attach
from portplex.hil.control import ControlClient
from portplex.registers.register_map import Register
from portplex.report.browser import browser
from portplex.runs.console import in_background
from portplex.runs.serve import ServedProcess, ServeOptions

TOKEN = "a-token-of-the-bench"
UPDATES, PERIOD = 100, 0.1  # seconds
SETTLE = 5.0

# Notes the wall time at which each value came to the screen.
_WATCH = """() => {
  window.seen = {};
  const time = document.getElementById("online-time");
  const note = () => requestAnimationFrame(() => {
    window.seen[time.textContent.replace(/,/g, "")] ??= Date.now() / 1000;
  });
  new MutationObserver(note).observe(time, { childList: true, characterData: true, subtree: true });
}"""


def ages(updates: int = UPDATES) -> list[float]:
    """Seconds from the array's answer to a write until a value as new is on screen, for each update and viewer. A
    value that was overwritten before it was shown counts until the next that was."""
    with tempfile.TemporaryDirectory() as folder:
        options = ServeOptions(sides=[f"socket:{folder}/net"], volumes=["1M"], tasks=32, ports=2, name="bench_console")
        with ServedProcess(options) as served, in_background(attach(options.control()), TOKEN) as address:
            writer = ControlClient(options.control())
            with browser() as chromium:
                assert chromium.browser is not None
                # A window for each: of two tabs, the one behind is drawn once a second.
                pages = [chromium.browser.new_context().new_page() for _ in range(2)]
                for page in pages:
                    page.goto(f"{address}#token={TOKEN}")
                    page.locator("main").wait_for()
                    page.evaluate(_WATCH)
                written: list[float] = []
                start = time.monotonic()
                for number in range(updates):
                    time.sleep(max(0.0, start + number * PERIOD - time.monotonic()))
                    writer.order("write", address=Register.ONLINE_TIME, value=100_000 + number)
                    written.append(time.time())
                time.sleep(SETTLE)
                found = []
                for page in pages:
                    seen = {int(value) - 100_000: at for value, at in page.evaluate("window.seen").items()}
                    for number, at in enumerate(written):
                        shown = [when for later, when in seen.items() if later >= number]
                        if not shown:
                            raise RuntimeError(f"update {number} never came to the screen")
                        found.append(max(0.0, min(shown) - at))
            writer.close()
            assert not served.client.state()["violations"]
            return found


def measure() -> list[Figure]:
    found = sorted(ages())
    print(f"    median {found[len(found) // 2]:.3f} s, p99 {found[len(found) * 99 // 100]:.3f} s")
    name = f"console page, 2 viewers, {UPDATES} updates at {1 / PERIOD:.0f} a second: oldest state on screen"
    return [Figure(name, found[-1], "s", "<= 1")]
