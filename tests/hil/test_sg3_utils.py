# SPDX-License-Identifier: Apache-2.0
"""sg3-utils in the guest as an independent client of the simulated array's SCSI target; only with PORTPLEX_HIL=1."""

from __future__ import annotations

import os

import pytest

from portplex.hil.guest import Guest
from portplex.runs.serve import ServedProcess, ServeOptions

pytestmark = pytest.mark.skipif(not os.environ.get("PORTPLEX_HIL"), reason="make test-hil runs it")

# Command (the disk is put at its end), exit status as sg3_utils(8) has them, something of its output.
COMMANDS = [
    ("sg_turs", 0, ""),
    ("sg_inq", 0, "PQual=0  PDT=0"),
    ("sg_vpd -p 0", 0, "Logical block provisioning"),
    ("sg_vpd -p 0x80", 0, "Unit serial number:"),
    ("sg_vpd -p 0x83", 0, "designator type: NAA"),
    ("sg_vpd -p 0xb0", 0, "Maximum compare and write length: 1 blocks"),
    ("sg_vpd -p 0xb1", 0, "Non-rotating medium"),
    ("sg_vpd -p 0xb2", 0, "Unmap command supported (LBPU): 1"),
    ("sg_readcap", 0, "Number of logical blocks=32768"),
    ("sg_readcap -l", 0, "Number of logical blocks=32768"),
    ("sg_luns", 0, "3 lun entries"),
    ("sg_requests", 0, "No Sense"),
    ("sg_modes", 0, "MODE SENSE(10)"),
    ("sg_modes -6", 0, "MODE SENSE(6)"),
    ("sg_opcodes", 0, "Persistent reserve out"),
    ("sg_verify --lba=0 --count=8", 0, ""),
    ("sg_verify -S --lba=0 --count=8", 0, ""),
    ("sg_verify --lba=32768 --count=1", 22, "LBA out of range"),
    ("sg_sync", 0, ""),
    ("sg_sync -S", 0, ""),
    ("sg_start --stop", 0, ""),
    ("sg_turs", 2, ""),
    ("sg_requests", 0, "Not Ready"),
    ("sg_start --start", 0, ""),
    ("sg_turs", 0, ""),
    ("sg_copy_results -p", 0, "Maximum segment descriptor count: 8"),
    ("sg_copy_results -s -l 5", 5, ""),  # a copy that nobody has started
    ("sg_rtpg", 0, "asymmetric access state : 0x00"),
    ("sg_persist -k", 0, "NO registered"),
    ("sg_persist --out --register --param-sark=123", 0, ""),
    ("sg_persist -k", 0, "0x123"),
    ("sg_persist --out --register --param-rk=123 --param-sark=0", 0, ""),
    ("sg_write_same --10 --in=/tmp/ones --lba=8 --num=4 --xferlen=512", 0, ""),
    ("sg_write_same --16 --in=/tmp/ones --lba=12 --num=4 --xferlen=512", 0, ""),
    ("sg_compare_and_write --in=/tmp/swap --lba=8 --num=1", 0, ""),
    ("sg_compare_and_write --in=/tmp/swap --lba=8 --num=1", 14, ""),
    ("sg_unmap --lba=15 --num=1 --force", 0, ""),
    ("sg_prevent", 9, "Invalid opcode"),
    ("sg_read_buffer", 9, "Invalid opcode"),
    ("sg_reset -d", 0, ""),
    ("sg_turs", 6, "Unit Attention"),
    ("sg_turs", 0, ""),
]


def test_sg3_utils_as_a_client(image, tmp_path):
    wrong = []
    options = ServeOptions([f"socket:{tmp_path / 'net'}"], ["16M"] * 3, name="sg3_utils")
    with ServedProcess(options), Guest(image, net=tmp_path / "net", log=tmp_path) as guest:
        guest.login()
        disk = guest.wait_for_disks(3)[0]
        guest.check("head -c 512 /dev/zero | tr '\\0' 1 >/tmp/ones; (cat /tmp/ones; head -c 512 /dev/zero) >/tmp/swap")
        for command, status, text in COMMANDS:
            found = guest.run(f"{command} {disk}")
            if found.status != status or text not in found.output:
                wrong.append((command, found))
        blocks = guest.check(f"dd if={disk} skip=8 count=8 iflag=direct 2>/dev/null | od -A d -t x1")
    assert wrong == []
    # Blocks 8 (swapped) and 15 (unmapped) are zeros again, those between hold the pattern.
    zeros, ones = " 00" * 16, " 31" * 16
    assert blocks.splitlines() == [
        f"0000000{zeros}", "*", f"0000512{ones}", "*", f"0003584{zeros}", "*", "0004096"
    ]  # fmt: skip
