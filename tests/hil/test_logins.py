# SPDX-License-Identifier: Apache-2.0
"""A Linux kernel logs in with the simulated array in each of the three ways, loses its login, comes again, logs out;
only with PORTPLEX_HIL=1."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import pytest

from portplex.hil.control import ControlError
from portplex.hil.guest import Guest
from portplex.runs.serve import ServedProcess, ServeOptions

pytestmark = pytest.mark.skipif(not os.environ.get("PORTPLEX_HIL"), reason="make test-hil runs it")

SECONDS = 120.0


def state_with(served: ServedProcess, condition: Callable[[dict[str, Any]], object], what: str) -> dict[str, Any]:
    """The state as soon as it is so."""
    deadline = time.monotonic() + SECONDS
    while not condition(state := served.client.state()):
        assert time.monotonic() < deadline, f"waited {SECONDS:g} s for {what}: {state}"
        time.sleep(0.1)
    return state


def write_and_read(guest: Guest, disk: str, seek: int) -> None:
    """256 KiB past the guest's cache; the same comes back."""
    guest.check("dd if=/dev/urandom of=/tmp/data bs=64k count=4 2>/dev/null")
    guest.check(f"dd if=/tmp/data of={disk} bs=64k seek={seek} oflag=direct 2>/dev/null", SECONDS)
    guest.check(f"dd if={disk} bs=64k skip={seek} count=4 iflag=direct 2>/dev/null | cmp - /tmp/data", SECONDS)


@pytest.mark.parametrize("login", ["fabric", "vn2vn", "point-to-point"])
def test_login_work_logout_and_again(login, image, tmp_path):
    options = ServeOptions([f"socket:{tmp_path / 'net'}"], ["1M"] * 2, login=login, name=f"test_{login}")
    served = ServedProcess(options)
    with served, Guest(image, net=tmp_path / "net", log=tmp_path) as guest:
        for seek in (0, 8):
            guest.login(vn2vn=login == "vn2vn")
            first, second = guest.wait_for_disks(2, SECONDS)
            write_and_read(guest, first, seek)
            write_and_read(guest, second, seek)
            (host,) = served.client.state()["hosts"]
            assert (host["mac"], host["wwpn"]) == ("52:54:00:12:00:01", "2000525400120001")
            guest.logout()
            guest.wait_for("! ls /sys/class/fc_host/*", SECONDS, "the guest's host to go")
            state_with(served, lambda state: not state["logins"], "the array to hear of the logout")
            if login != "vn2vn":  # a neighbour is listed until its beacons are missed
                state_with(served, lambda state: not state["hosts"], "the host to be listed no longer")
        if login != "fabric":
            with pytest.raises(ControlError, match="without a fabric there is no backup disk"):
                served.client.order("backup", volume=0)
    summary = served.summary()
    assert not {"abts", "task_management", "not_allowed"} & summary["counts"].keys(), summary["counts"]
    if login != "vn2vn":
        assert summary["nodes"][0]["logouts"] == 2


def test_keep_alives_clear_virtual_link_logout(image, tmp_path):
    """Keep-alives hold the login. A guest that stands still is thrown out, is told so, and logs in again."""
    options = ServeOptions(
        [f"socket:{tmp_path / 'net'}"], ["1M"], name="test_keep_alive", tuning={"fka_ms": 1000, "e_d_tov_ms": 4000}
    )  # fmt: skip
    with ServedProcess(options) as served, Guest(image, net=tmp_path / "net", log=tmp_path) as guest:
        guest.login()
        (disk,) = guest.wait_for_disks(1, SECONDS)
        write_and_read(guest, disk, 0)
        seen = state_with(served, lambda state: state["nodes"][0].get("enode_keep_alives", 0) >= 5, "keep-alives")
        assert seen["nodes"][0]["logins"] == 1
        assert len(seen["hosts"]) == 1
        guest.machine.qmp("stop")
        state_with(
            served, lambda state: not state["hosts"] and not state["logins"], "the silent guest to be thrown out"
        )
        guest.machine.qmp("cont")
        state = state_with(served, lambda state: state["hosts"], "the guest to log in again")
        node = state["nodes"][0]
        assert (node["keep_alive_lost"], node["cleared"], node["logins"]) == (1, 1, 2)
        assert guest.wait_for_disks(1, SECONDS) == [disk]
        write_and_read(guest, disk, 4)
        guest.logout()
        state = state_with(served, lambda state: not state["hosts"] and not state["logins"], "the logout")
        assert state["nodes"][0]["logouts"] == 1
