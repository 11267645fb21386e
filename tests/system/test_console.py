# SPDX-License-Identifier: Apache-2.0
"""The management console before a served array: page in headless Chromium, shell commands, terminal view."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from portplex.cli import cli
from portplex.console.array import attach
from portplex.report.browser import browser
from portplex.runs.console import in_background
from portplex.runs.serve import ServedProcess, ServeOptions
from portplex.simulate import SimulationFailed, UsageError

SECONDS = 60
TOKEN = "a-token-of-the-tests"
TASKS = 32  # with small volumes the build of the other system tests


def shell(control: Path, *arguments: str, status: int = 0) -> str:
    """What `portplex array` prints, or its message when it is to end with `status`. In a thread, since Playwright has
    the loop of this one, and in this process, since there are many."""

    def run() -> tuple[int, str]:
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            try:
                cli(["array", "--control", str(control), *arguments], standalone_mode=False)
            except UsageError as error:
                return 2, str(error)
            except SimulationFailed as error:
                return 1, str(error)
        return 0, output.getvalue()

    with ThreadPoolExecutor(1) as thread:
        ended, text = thread.submit(run).result(SECONDS)
    assert ended == status, text
    return text


def facts(control: Path, *arguments: str) -> Any:
    return json.loads(shell(control, *arguments, "--json"))


def until(look: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + SECONDS
    while not look():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def terminal_shows(control: Path, wanted: list[str]) -> str:
    """The terminal view in a terminal of its own until everything wanted has been shown, then Ctrl-C."""
    child, terminal = pty.fork()
    if not child:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background jobs ignore it
        os.environ.update(COLUMNS="100", LINES="50", TERM="xterm")
        os.execv(
            sys.executable,
            [sys.executable, "-m", "portplex", "console", "--terminal", "--control", str(control)],
        )
    shown = ""
    end = time.monotonic() + SECONDS

    def read() -> bytes:
        """What comes next; nothing when the terminal is gone."""
        ready, _, _ = select.select([terminal], [], [], max(0.0, end - time.monotonic()))
        assert ready, f"nothing more within {SECONDS} s: {shown[-3000:]}"
        try:
            return os.read(terminal, 65536)
        except OSError:
            return b""

    try:
        while not all(text in shown for text in wanted):
            assert time.monotonic() < end, shown[-3000:]
            shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown + read().decode(errors="replace"))
        os.kill(child, signal.SIGINT)
        while read():
            assert time.monotonic() < end, "the terminal view goes on after Ctrl-C"
    except BaseException:
        os.kill(child, signal.SIGKILL)
        raise
    finally:
        os.close(terminal)
        _, ended = os.waitpid(child, 0)
    assert ended == 0
    return shown


def test_page_shell_and_terminal_of_a_served_array(tmp_path: Path, require_tool: Callable[[str], None]) -> None:
    require_tool("chromium")
    saved = os.urandom(512 * 128)
    (tmp_path / "disk.img").write_bytes(saved)
    side = f"/tmp/portplex-console-{os.getpid()}.sock"
    options = ServeOptions(
        sides=[f"socket:{side}"],
        volumes=["1M", str(tmp_path / "disk.img"), "64K"],
        save=tmp_path,
        tasks=TASKS,
        name="test_console",
    )
    control = options.control()
    with browser() as chromium, in_background(attach(control), TOKEN) as address:
        with ServedProcess(options) as served:
            page = chromium.new_page()
            page.set_default_timeout(SECONDS * 1000)
            asked: list[str] = []
            errors: list[str] = []
            page.on("request", lambda request: asked.append(request.url))
            page.on("pageerror", lambda error: errors.append(str(error)))

            # Without a token there is nothing to see; with it, everything.
            page.goto(address)
            page.get_by_text("the token is missing or wrong").wait_for()
            assert not page.locator("main").is_visible()
            page.get_by_label("Token").fill("not-this-one-surely")
            page.get_by_role("button", name="Open").click()
            page.get_by_text("the token is missing or wrong").wait_for()
            page.get_by_label("Token").fill(TOKEN)
            page.get_by_role("button", name="Open").click()
            page.locator("main").wait_for()
            assert page.locator("#live").inner_text() == "live"
            assert "online\tAC\t010100" in page.locator("#ports").inner_text()
            assert page.locator("#volumes tr").count() == 3
            page.get_by_text("none yet").wait_for()
            assert "backup disk" in page.locator("#fabric-ports").inner_text()
            other = chromium.new_page()
            other.goto(f"{address}#token={TOKEN}")
            other.locator("main").wait_for()
            assert TOKEN not in other.url

            # What cannot be is refused with its reason, and the array goes on.
            def start(destination: str, volume: str = "1", copied: str = "", button: str = "Start backup") -> None:
                form = page.locator("#start")
                form.get_by_label("Volume").select_option(volume)
                form.get_by_label("Destination").fill(destination)
                form.get_by_label("Copied so far").fill(copied)
                form.get_by_role("button", name=button).click()

            message = page.locator("#message")
            start("010900")
            message.get_by_text("010900h: is not logged in with the fabric").wait_for()
            start("010100")
            message.get_by_text("that is the array itself").wait_for()
            start("010200", copied="129")
            message.get_by_text("copy_pointer=129: must be 0 to 128").wait_for()

            # A backup that waits for the copy, told by page and shell; both pointers move on every screen.
            start("010200", copied="32")
            message.get_by_text("backup of volume 1 is started").wait_for()
            page.locator("#job0.transfer").wait_for()
            for view in (page, other):
                view.get_by_text("copy pointer 32 of 128 blocks").wait_for()
            start("010200", volume="0")
            message.get_by_text("job 0 is under way, of volume 1").wait_for()
            start("010200")
            message.get_by_text("volume=1: job 0 is at work on it").wait_for()
            assert "is at work on it" in shell(control, "backup", "restore", "--volume=1", "--to=010200", status=2)
            assert "must be 32 to 128" in shell(control, "copy-pointer", "8", status=2)
            (job,) = facts(control, "jobs")
            assert (job["volume"], job["copy_pointer"], job["capacity"]) == (1, 32, 128)
            terminal_shows(control, ["transfer", "010200/0/0", "backup disk", "online and backup", "65,536"])
            assert "online and backup" in page.locator("#ports").inner_text()
            page.get_by_label("new copy pointer (blocks)").fill("128")
            page.get_by_role("button", name="Set copy pointer").click()
            for view in (page, other):
                view.locator("#job0.done").wait_for()
                view.get_by_text("backup pointer 128").wait_for()
                assert view.locator("#job0 .saved").evaluate("bar => bar.style.width") == "100%"

            # Back into another volume, from the shell; a third job is ended half way, from the page.
            shell(control, "backup", "restore", "--volume=2", "--to=010200")
            until(lambda: facts(control, "jobs")[0]["state"] == "done", "the restore does not end")
            shell(control, "backup", "start", "--volume=0", "--to=010200", "--copy-pointer=0")
            page.locator("#job0.transfer").wait_for()
            page.get_by_role("button", name="Abort").click()
            page.locator("#job0.aborted").wait_for()
            assert "is not under way" in shell(control, "backup", "abort", status=2)
            assert "there are: 0, 1, 2" in shell(control, "backup", "start", "--volume=3", "--to=010200", status=2)

            # Priority, by slider and by shell.
            page.get_by_label("backup first").check()
            page.get_by_role("slider").fill("25")
            page.get_by_role("button", name="Set", exact=True).click()
            message.get_by_text("priority is set").wait_for()
            other.locator("#online-time").get_by_text("50,592").wait_for()
            assert facts(control, "priority")["mode"] == "backup_first"
            assert "must be 1 to 99" in shell(control, "priority", "--share=100", status=2)
            shell(control, "priority", "--mode=online_first", "--quantum=32768")
            page.locator("#priority").get_by_label("online first").and_(page.locator(":checked")).wait_for()
            assert facts(control, "status")["clean"] in (True, False)
            shown = shell(control, "ports") + shell(control, "volumes") + shell(control, "fabric")
            assert "010100" in shown
            assert served.client.state()["violations"] == 0

        # The array goes, and the page says so; what it loaded was ours alone.
        page.locator("#live.off").wait_for()
        assert "nobody answers" in shell(control, "status", status=1)
        assert not errors
        assert {url.split("/")[2] for url in asked} == {address.split("/")[2]}
        assert TOKEN not in "".join(asked)
    assert (tmp_path / "volume2.img").read_bytes() == (tmp_path / "volume1.img").read_bytes() == saved


def test_no_array_no_address_no_token_file(tmp_path: Path) -> None:
    """Mistakes are one message and status 2."""
    assert shutil.which("python3")
    command = [sys.executable, "-m", "portplex", "console"]
    for arguments, text in (
        (["--control", str(tmp_path / "none"), "--token-file", str(tmp_path / "none")], "cannot be read"),
        (["--control", str(tmp_path / "none"), "--port", "70000"], "0 to 65535"),
        ([], "no array is running here"),
    ):
        done = subprocess.run(
            [*command, *arguments],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
            env={**os.environ, "PORTPLEX_BUILD": str(tmp_path)},
        )
        assert done.returncode == 2
        assert text in done.stderr
        assert "Traceback" not in done.stderr
