# SPDX-License-Identifier: Apache-2.0
"""What the guest is made of, and what a user hears when it cannot be made or started. No guest runs here."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from portplex.hil.guest import Guest
from portplex.hil.guest_image import GuestImage, initramfs
from portplex.hil.guest_packages import Packages, needed
from portplex.runs.guest_shell import guest_shell
from portplex.runs.hil_story import run_story
from portplex.simulate import UsageError

pytestmark = pytest.mark.fast


def unpack(archive: bytes) -> list[tuple[str, int, bytes, list[int]]]:
    """Name, mode, data, header fields of each member, as initramfs buffer format of the kernel's documentation says."""
    members, at = [], 0
    while True:
        assert archive[at : at + 6] == b"070701"
        fields = [int(archive[at + 6 + 8 * n : at + 14 + 8 * n], 16) for n in range(13)]
        size, name_size = fields[6], fields[11]
        name = archive[at + 110 : at + 110 + name_size - 1].decode()
        assert archive[at + 110 + name_size - 1] == 0
        start = (at + 110 + name_size + 3) & ~3
        if name == "TRAILER!!!":
            return members
        members.append((name, fields[1], archive[start : start + size], fields))
        at = (start + size + 3) & ~3


def test_initramfs_is_what_the_kernel_reads() -> None:
    contents = {"init": b"#!/bin/sh\n", "bin": "", "bin/sh": "busybox", "bin/busybox": bytes(range(13))}
    members = unpack(initramfs(contents))
    assert [(name, data) for name, _, data, _ in members] == [
        ("bin", b""),  # a folder comes before what is in it
        ("bin/busybox", bytes(range(13))),
        ("bin/sh", b"busybox"),
        ("init", b"#!/bin/sh\n"),
    ]
    kinds = {name: (stat.S_IFMT(mode), stat.S_IMODE(mode)) for name, mode, _, _ in members}
    assert kinds["bin"] == (stat.S_IFDIR, 0o755)
    assert kinds["bin/sh"] == (stat.S_IFLNK, 0o777)
    assert kinds["init"] == (stat.S_IFREG, 0o755)
    assert len({fields[0] for *_, fields in members}) == 4, "two files with one inode number are one file"


def test_initramfs_has_no_owner_and_no_time() -> None:
    contents = {"b": b"2", "a": b"1"}
    archive = initramfs(contents)
    assert archive == initramfs(dict(reversed(contents.items())))
    assert all(fields[2:4] == [0, 0] and fields[5] == 0 for *_, fields in unpack(archive))


def test_needed_libraries_are_those_the_loader_sees() -> None:
    program = Path(sys.executable).resolve()
    seen = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    names = needed(program)
    assert "libc.so.6" in names
    assert all(name in seen for name in names)
    assert needed(Path(__file__)) == []


def fake_tools(folder: Path, monkeypatch: pytest.MonkeyPatch, **scripts: str) -> None:
    """A PATH with nothing but these shell scripts; an underscore in a name stands for a dash."""
    folder.mkdir()
    for name, script in scripts.items():
        path = folder / name.replace("_", "-")
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


def test_no_debian_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_tools(tmp_path / "bin", monkeypatch)
    with pytest.raises(UsageError, match=r"apt-get is not here.*Debian"):
        Packages(tmp_path / "packages", tmp_path / "root")
    fake_tools(tmp_path / "bin2", monkeypatch, apt_get="exit 0", dpkg="echo arm64")
    with pytest.raises(UsageError, match=r"'arm64'.*amd64"):
        Packages(tmp_path / "packages", tmp_path / "root")


def test_no_network_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing = "echo 'E: Failed to fetch x  Could not resolve host' >&2; exit 100"
    fake_tools(tmp_path / "bin", monkeypatch, apt_get=failing, dpkg="echo amd64")
    packages = Packages(tmp_path / "packages", tmp_path / "root")
    with pytest.raises(UsageError, match=r"apt-get download fio failed \(E: Failed to fetch.*network") as error:
        packages.add(["fio"])
    assert "\n" not in str(error.value)


def test_packages_that_are_there_are_not_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_tools(tmp_path / "bin", monkeypatch, apt_get="exit 100", dpkg="echo amd64", dpkg_deb="echo 1.0")
    packages = Packages(tmp_path / "packages", tmp_path / "root")
    (tmp_path / "packages" / "fio_1.0_amd64.deb").touch()
    packages.add(["fio"])
    assert packages.versions == {"fio": "1.0"}


def test_no_qemu_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is downloaded or built."""
    fake_tools(tmp_path / "bin", monkeypatch)
    monkeypatch.setenv("PORTPLEX_BUILD", str(tmp_path / "build"))
    image = GuestImage(tmp_path / "vmlinuz", tmp_path / "initramfs.cpio", {}, "key")
    console = Console(quiet=True)
    for start in (
        Guest(image, net=tmp_path / "net", log=tmp_path).start,
        lambda: run_story(console),
        lambda: guest_shell(None, ["1M"], console),
    ):
        with pytest.raises(UsageError, match=r"qemu-system-x86_64 is not here.*qemu-system-x86"):
            start()
    assert not (tmp_path / "build").exists()
