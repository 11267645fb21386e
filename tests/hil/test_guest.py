# SPDX-License-Identifier: Apache-2.0
"""The guest by itself: commands, and how it ends, with nobody at the other end of its network."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from portplex.hil.guest import Guest, GuestError
from portplex.hil.guest_image import build
from portplex.simulate import UsageError

PROGRAM = """
import signal, sys, time
from pathlib import Path
from portplex.hil.guest import Guest
from portplex.hil.guest_image import guest_image
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
with Guest(guest_image(), net=Path(sys.argv[1]), log=Path(sys.argv[2])) as guest:
    print(guest.pid, flush=True)
    time.sleep(60)
"""


def ended(pid: int, seconds: float = 10.0) -> bool:
    """Is this process gone, or a corpse, within so many seconds?"""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.05)
    return False


def test_commands_give_status_and_output(image, socket, tmp_path):
    with Guest(image, net=socket, log=tmp_path) as guest:
        assert guest.run("echo 'two words'; echo \"it's\" >&2; exit 3") == (3, "two words\nit's\n")
        assert guest.run("cat") == (0, "")  # nothing to read, nothing to wait for
        assert guest.check("seq 30000") == "".join(f"{n}\n" for n in range(1, 30001))
        assert guest.check("cat /sys/class/net/eth0/address") == "52:54:00:12:00:01\n"
        with pytest.raises(GuestError, match="`false` ended with status 1"):
            guest.check("false")
        pid = guest.pid
    assert ended(pid)


def test_shell_for_people(image, socket, tmp_path):
    """What is typed arrives, and leaving the shell leaves."""
    near, stdin = os.pipe()
    stdout, far = os.pipe()
    with Guest(image, net=socket, log=tmp_path) as guest:
        os.write(stdin, b"echo $((6 * 7)) in $(uname -s)\nexit\n")
        guest.interact(near, far)
        os.close(far)
        with os.fdopen(stdout, "rb") as said:
            text = said.read().decode()
    assert "42 in Linux" in text
    os.close(near)
    os.close(stdin)


def test_same_packages_give_the_same_image(image, tmp_path):
    (tmp_path / "packages").symlink_to(image.kernel.parent / "packages")
    again = build(tmp_path)
    assert again.versions == image.versions
    assert again.initramfs.read_bytes() == image.initramfs.read_bytes()
    assert again.kernel.read_bytes() == image.kernel.read_bytes()


def test_panic_is_said_with_the_last_lines(image, socket, tmp_path):
    guest = Guest(image, net=socket, log=tmp_path)
    with pytest.raises(GuestError, match="Kernel panic") as error, guest:
        pid = guest.pid
        guest.check("echo '<3>last words' >/dev/kmsg; echo c >/proc/sysrq-trigger")
    assert "last words" in str(error.value)
    assert str(tmp_path / "console.log") in str(error.value)
    assert ended(pid)


def test_hang_is_said_with_the_last_lines(image, socket, tmp_path):
    guest = Guest(image, net=socket, log=tmp_path)
    with pytest.raises(GuestError, match=r"waited 1 s for `.*sleep 1000` to end") as error, guest:
        pid = guest.pid
        guest.check("echo '<3>last words' >/dev/kmsg; sleep 1000", timeout=1)
    assert "last words" in str(error.value)
    assert ended(pid)


def test_no_gateway_is_said(image, tmp_path):
    with pytest.raises(UsageError, match=r"nowhere: is not there; start the gateway first"):
        Guest(image, net=tmp_path / "nowhere", log=tmp_path).start()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_guest_does_not_outlive_its_process(image, socket, tmp_path, number):
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(socket), str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert program.stdout is not None
    assert select.select([program.stdout], [], [], 60)[0], "the guest did not start"
    pid = int(program.stdout.readline())
    os.kill(program.pid, number)
    program.wait(20)
    assert ended(pid)
