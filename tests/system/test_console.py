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
        os.environ.update(COLUMNS="100", LINES="60", TERM="xterm")
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
    """Two ports: a backup on both moves on the page, is paused for another one, and goes on."""
    require_tool("chromium")
    saved = os.urandom(512 * 128)
    (tmp_path / "disk.img").write_bytes(saved)
    side = f"/tmp/portplex-console-{os.getpid()}.sock"
    options = ServeOptions(
        sides=[f"socket:{side}"],
        volumes=["1M", str(tmp_path / "disk.img"), "64K"],
        save=tmp_path,
        tasks=TASKS,
        ports=2,
        name="test_console",
        tuning={"e_d_tov_ms": 100, "r_a_tov_ms": 200},  # a device that is not there is given up soon
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
            ports = [page.locator("#ports tbody tr").nth(number) for number in range(2)]
            for port, n_port_id in zip(ports, ("010100", "010200"), strict=True):
                port.get_by_text(n_port_id).wait_for()
                port.get_by_text("online", exact=True).wait_for()
            assert page.locator("#volumes tbody tr").count() == 3
            page.get_by_text("none yet").wait_for()
            page.locator("#fabric").get_by_text("backup disk").wait_for()
            other = chromium.new_page()
            other.goto(f"{address}#token={TOKEN}")
            other.locator("main").wait_for()
            assert TOKEN not in other.url
            page.bring_to_front()  # the browser draws one behind less often, and a click waits for that
            message = page.locator("#message")

            def start(button: str, volume: int = 1, *, to: str = "010300", lba: int = 1000, **more: str) -> None:
                form = page.locator("#start")
                form.locator("[name=volume]").select_option(str(volume))
                form.locator("[name=port_id]").fill(to)
                form.locator("[name=lba]").fill(str(lba))
                form.locator("[name=copy_pointer]").fill(more.get("copied", ""))
                form.locator("[name=ports]").select_option(more.get("port", ""))
                form.locator("[name=job]").select_option(more.get("job", ""))
                form.get_by_role("button", name=button).click()

            def press(button: str, job: int) -> None:
                page.locator(f"#job{job}").get_by_role("button", name=button).click()

            # Spread over both ports: a backup that waits for the copy, moving on every screen.
            for label, value in (("Load window", 16), ("Rebalance every", 16), ("Spread floor", 1 << 30)):
                page.locator("#load").get_by_label(label).fill(str(value))
            page.get_by_role("button", name="Set load").click()
            message.get_by_text("load settings are set").wait_for()
            start("Start backup", 0, lba=0, copied="256")
            message.get_by_text("backup of volume 0 is started").wait_for()
            for view in (page, other):
                view.locator("#job0.transfer").wait_for()
                view.get_by_text("copy pointer 256 of 2,048 blocks").wait_for()
                view.get_by_text("backup pointer 256").wait_for()
            for port in ports:
                port.get_by_text("online and backup").wait_for()
            page.locator("#placed").get_by_text("ports 0, 1").wait_for()
            page.get_by_label("new copy pointer (blocks)").fill("1024")
            page.get_by_role("button", name="Set copy pointer").click()
            for view in (page, other):
                view.get_by_text("backup pointer 1,024").wait_for()
            seen = facts(control, "ports")
            assert all(port["backup"] and port["backup_frames"] > 100 and port["credit"] for port in seen)

            # Another job waits, and goes while the first is paused; what cannot be has its reason.
            start("Start backup", 1, port="1")
            page.locator("#job1.queued").get_by_text("port 1").wait_for()
            start("Restore from it", 1)
            message.get_by_text("volume=1: job 1 is at work on it").wait_for()
            start("Start backup", 2, job="0")
            message.get_by_text("job=0: is transfer; for start backup must be one of idle, done").wait_for()
            terminal_shows(control, ["transfer", "010300/0/1000", "backup disk", "online and backup", "65,536"])
            press("Pause", 0)
            page.locator("#job0.paused").wait_for()
            for view in (page, other):
                view.locator("#job1.done").wait_for()
            shell(control, "backup", "restore", "--volume=2", "--to=010300", "--lba=1000")
            until(lambda: facts(control, "jobs")[2]["state"] == "done", "the restore does not end")
            assert "is paused; for pause" in shell(control, "backup", "pause", status=2)
            press("Resume", 0)
            page.locator("#job0.transfer").wait_for()
            start("Start backup", 0, lba=0, job="3")
            message.get_by_text("is copied up to 1024 only").wait_for()
            assert "must be 1024 to 2048" in shell(control, "copy-pointer", "8", status=2)
            shell(control, "copy-pointer", "2048")
            for view in (page, other):
                view.locator("#job0.done").wait_for()
                assert view.locator("#job0 .saved").evaluate("bar => bar.style.width") == "100%"

            # Verify finds what job 1 has put between, and nothing after another backup.
            start("Verify", 0, lba=0, job="3")
            page.locator("#job3.paused").get_by_text("sense E/1D/00").wait_for()
            press("Abort", 3)
            page.locator("#job3.aborted").wait_for()
            start("Start backup", 0, lba=0, job="3")
            page.locator("#job3.done").get_by_text("backup of volume 0").wait_for()
            start("Verify", 0, lba=0, job="3")
            page.locator("#job3.done").get_by_text("verify of volume 0").wait_for()

            # A device that is too small, one that is not there, the array itself, no such volume, no such port.
            start("Start backup", 0, lba=1, job="4")
            page.locator("#job4.failed").get_by_text("too small for the image").wait_for()
            start("Start backup", to="010900", job="5")
            page.locator("#job5.paused").get_by_text("not logged in, or out of reach").wait_for()
            press("Abort", 5)
            page.locator("#job5.aborted").wait_for()
            start("Start backup", to="010200")
            message.get_by_text("port_id=010200h: that is the array itself").wait_for()
            start("Start backup", copied="129")
            message.get_by_text("copy_pointer=129: must be 0 to 128").wait_for()
            page.get_by_label("usage of port 1").select_option("online_only")
            message.get_by_text("port 1: online only").wait_for()
            assert [port["usage"] for port in facts(control, "ports")] == ["both", "online_only"]
            start("Start backup", port="1")
            message.get_by_text("none of them may carry a backup").wait_for()
            assert "there are: 0, 1, 2" in shell(control, "backup", "start", "--volume=3", "--to=010300", status=2)
            assert "must be 0 to 1" in shell(control, "usage", "2", "both", status=2)
            assert "must be one of both" in shell(control, "usage", "1", "none", status=2)
            assert "must be 1 to 65535" in shell(control, "load", "--load-window=0", status=2)
            shell(control, "usage", "1", "backup_only")
            ports[1].get_by_text("idle").wait_for()

            # A prepared job starts at its time, not before, and not in the past.
            page.locator("#time [name=ticks_per_second]").fill("1")
            page.get_by_role("button", name="Set to this computer's time").click()
            message.get_by_text("the clock is set").wait_for()
            page.get_by_label("only prepare").check()
            start("Start backup", 1, job="6")
            page.locator("#job6.prepared").wait_for()
            form = page.locator("#schedule")
            form.locator("[name=job]").select_option("6")
            form.get_by_label("Due").fill("2026-01-01T00:00:00")
            form.get_by_role("button", name="Set schedule").click()
            message.get_by_text("(2026-01-01 00:00:00): must be after").wait_for()
            due = facts(control, "clock")["seconds"] + 500  # forty pass in a second, while the array is asked
            shell(control, "schedule", "set", "2", "--job=6", f"--due={due}")
            page.locator("#job6.done").wait_for()
            page.locator("#schedules tbody tr").nth(2).get_by_text("started").wait_for()
            entry = facts(control, "schedule")[2]
            assert (entry["enabled"], entry["job"]) == (False, 6)
            assert due <= entry["last"] <= due + 10
            shell(control, "schedule", "set", "1", "--job=6", "--due=2100-01-01", "--period=86400")
            page.get_by_label("clear entry 1").click()
            message.get_by_text("entry 1 is off").wait_for()
            assert "must be a time" in shell(control, "schedule", "set", "1", "--job=6", "--due=soon", status=2)
            assert "must be 1 to 65535" in shell(control, "clock", "--ticks-per-second=0", status=2)

            # Priority, by slider and by shell.
            page.get_by_label("backup first").check()
            page.get_by_role("slider").fill("25")
            page.get_by_role("button", name="Set priority").click()
            message.get_by_text("priority is set").wait_for()
            other.locator("#online-time").get_by_text("6,324").wait_for()
            now = facts(control, "priority")
            assert (now["mode"], now["percent"], now["backup_share"]) == ("backup_first", 25, 25.0)
            assert "must be 1 to 99" in shell(control, "priority", "--percent=100", status=2)
            shell(control, "priority", "--mode=online_first", "--quantum=32768")
            page.locator("#priority").get_by_label("online first").and_(page.locator(":checked")).wait_for()
            assert facts(control, "status")["clean"] in (True, False)
            shown = "".join(shell(control, part) for part in ("ports", "volumes", "fabric", "load", "schedule", "jobs"))
            assert "010200" in shown
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
