# SPDX-License-Identifier: Apache-2.0
"""The guest's kernel and initramfs, made of Debian packages under `sim_build/guest`.

The same packages and the same recipe give the same bytes: names sorted, times 0, owner 0. `image.json` beside them has
the version of every package.
"""

from __future__ import annotations

import hashlib
import json
import lzma
import re
import shlex
import stat
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from portplex.files import locked, write_whole
from portplex.hil import guest_packages
from portplex.hil.guest_packages import Packages
from portplex.simulate import UsageError, build_root

KERNEL_PACKAGE = "linux-image-amd64"
TOOL_PACKAGES = ("busybox-static", "e2fsprogs", "fio", "sg3-utils")
MODULES = shlex.split(
    "virtio_pci virtio_net virtio_console crc32c_generic crct10dif_generic sd_mod sg ext4 fcoe"
    " scsi_dh_alua dm-multipath"
)
_PROGRAMS = shlex.split("sbin/mke2fs sbin/e2fsck sbin/mkfs.ext4 sbin/fsck.ext4 sbin/tune2fs usr/bin/fio usr/bin/sg_*")
_FILES = ("bin/busybox", "etc/mke2fs.conf")
_LOADER = "lib64/ld-linux-x86-64.so.2"
_OPENED_LATER = ("libgcc_s.so.1",)  # by pthread_exit
_FOLDERS = shlex.split("bin dev etc lib lib64 mnt modules proc root sbin sys tmp usr usr/bin usr/sbin")


@dataclass(frozen=True)
class GuestImage:
    """`key` is the same for the same bytes."""

    kernel: Path
    initramfs: Path
    versions: Mapping[str, str]
    key: str


def guest_image(say: Callable[[str], None] = lambda _: None) -> GuestImage:
    """The image in `sim_build/guest`, built when it is not there or the recipe has changed. `say` gets progress lines.
    UsageError when a package cannot be had."""
    folder = build_root() / "guest"
    with locked(folder / ".lock"):
        recipe = _recipe()
        image = _read(folder, recipe)
        if image is None:
            say("building the guest image (packages are downloaded the first time)")
            image = build(folder, recipe)
            say(f"guest image: {image.initramfs}")
        return image


def _recipe() -> str:
    """Changes when anything of ours that shapes the image does."""
    here = Path(__file__)
    parts = (here, Path(guest_packages.__file__), here.with_name("guest_init.sh"))
    return hashlib.sha256(b"".join(part.read_bytes() for part in parts)).hexdigest()


def _read(folder: Path, recipe: str) -> GuestImage | None:
    try:
        facts = json.loads((folder / "image.json").read_text())
    except (OSError, ValueError):
        return None
    image = GuestImage(folder / "vmlinuz", folder / "initramfs.cpio", facts["versions"], facts["key"])
    whole = facts["recipe"] == recipe and image.kernel.is_file() and image.initramfs.is_file()
    return image if whole else None


def build(folder: Path, recipe: str = "") -> GuestImage:
    """Make the image in `folder`; packages are kept in `folder/packages` and used again."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        root = Path(name)
        packages = Packages(folder / "packages", root)
        packages.add((KERNEL_PACKAGE, *TOOL_PACKAGES))
        kernel_package = next(n for n in packages.depends(KERNEL_PACKAGE) if n.startswith("linux-image-"))
        packages.add((kernel_package,))
        kernel = next(iter((root / "boot").glob("vmlinuz-*"))).read_bytes()
        archive = initramfs(_contents(root, packages))
        versions = dict(sorted(packages.versions.items()))
    key = hashlib.sha256(kernel + archive).hexdigest()
    write_whole(folder / "vmlinuz", kernel)
    write_whole(folder / "initramfs.cpio", archive)
    facts = {"recipe": recipe, "key": key, "versions": versions}
    write_whole(folder / "image.json", json.dumps(facts, indent=2) + "\n")
    return GuestImage(folder / "vmlinuz", folder / "initramfs.cpio", versions, key)


def _contents(root: Path, packages: Packages) -> dict[str, bytes | str]:
    """File name to bytes; a symbolic link to its target as text; a folder to the empty text."""
    contents: dict[str, bytes | str] = dict.fromkeys(_FOLDERS, "")
    contents["init"] = Path(__file__).with_name("guest_init.sh").read_bytes()
    programs = [path for pattern in _PROGRAMS for path in sorted(root.glob(pattern))]
    libraries = packages.add_libraries(programs, _OPENED_LATER)
    for path in (*programs, *(root / name for name in _FILES)):
        contents[str(path.relative_to(root))] = path.read_bytes()
    for path in libraries:
        contents[f"lib/{path.name}"] = path.read_bytes()
    contents[_LOADER] = (root / _LOADER).read_bytes()
    order = []
    for path in _with_dependencies(root):
        name = path.name.split(".")[0] + ".ko"
        data = path.read_bytes()
        contents[f"modules/{name}"] = lzma.decompress(data) if path.suffix == ".xz" else data
        order.append(name)
    contents["modules/order"] = "".join(f"{name}\n" for name in order).encode()
    return contents


def _with_dependencies(root: Path) -> list[Path]:
    """Files of MODULES and of what they depend on, in the order in which they can be loaded."""
    files = {path.name.split(".")[0].replace("-", "_"): path for path in (root / "lib/modules").rglob("*.ko*")}
    order: dict[str, Path] = {}

    def visit(name: str) -> None:
        if name in order:
            return
        path = files.get(name)
        if path is None:
            raise UsageError(f"kernel module {name}: the kernel package has no such module")
        data = path.read_bytes()
        data = lzma.decompress(data) if path.suffix == ".xz" else data
        depends = re.search(rb"\0depends=([^\0]*)\0", data)
        for other in depends.group(1).decode().split(",") if depends else []:
            if other:
                visit(other.replace("-", "_"))
        order[name] = path

    for module in MODULES:
        visit(module.replace("-", "_"))
    return list(order.values())


def initramfs(contents: Mapping[str, bytes | str]) -> bytes:
    """A cpio archive ("newc", as the kernel's buffer-format document describes it): bytes are files, text is the
    target of a symbolic link or, when empty, a folder. Every file may be run; owner and times are 0."""
    archive = bytearray()

    def member(number: int, name: str, mode: int, data: bytes) -> None:
        fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        archive.extend(b"070701" + "".join(f"{field:08X}" for field in fields).encode() + name.encode() + b"\0")
        archive.extend(bytes(-len(archive) % 4))
        archive.extend(data)
        archive.extend(bytes(-len(archive) % 4))

    for number, name in enumerate(sorted(contents), start=1):
        data = contents[name]
        if isinstance(data, bytes):
            member(number, name, stat.S_IFREG | 0o755, data)
        elif data:
            member(number, name, stat.S_IFLNK | 0o777, data.encode())
        else:
            member(number, name, stat.S_IFDIR | 0o755, b"")
    member(0, "TRAILER!!!", 0, b"")
    return bytes(archive)
