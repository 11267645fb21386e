# SPDX-License-Identifier: Apache-2.0
"""Commands of a host through the whole array: answers of every length, residuals, every transfer command."""

from __future__ import annotations

import struct

import pyuvm

from portplex.model.volume import Outcome
from portplex.scsi import cdb
from portplex.uvm.base_test import ArrayTest


@pyuvm.test()
class AnswersOfEveryLength(ArrayTest):
    """INQUIRY with every allocation length from 1 to 96, and REQUEST SENSE with 18: a prefix of the long answer, byte
    for byte, with the fill bytes of the last word counted in F_CTL."""

    async def scenario(self) -> None:
        units = await self.ready()
        host = self.rig.hosts[0]
        whole = (await host.command(self.rig.array_id, 0, cdb.inquiry(length=96), data_in=96)).data
        self.expect(whole[8:16] == b"PORTPLEX", f"vendor {whole[8:16]!r}")
        for length in range(1, 97):
            result = await host.command(self.rig.array_id, 0, cdb.inquiry(length=length), data_in=length)
            want = whole[: min(length, len(whole))]
            self.expect(result.data == want, f"INQUIRY of {length} bytes: {result.data.hex()}")
        sense = await host.command(self.rig.array_id, 0, bytes((3, 0, 0, 0, 18, 0)), data_in=18)
        self.expect(len(sense.data) == 18 and sense.data[0] & 0x7F == 0x70, f"REQUEST SENSE: {sense.data.hex()}")
        self.expect(bool(units), "no units")


@pyuvm.test()
class ResidualsAreCounted(ArrayTest):
    """FCP_DL larger or smaller than the command's own length: the residual says by how much, the data is right."""

    async def scenario(self) -> None:
        units = await self.ready()
        host = self.rig.hosts[0]
        unit = units[host][0]
        image = self.rig.images[0]
        under = await host.command(unit.target, 0, cdb.read(8, 2), data_in=4096)
        self.expect(under.data == image[4096:5120], "read with a longer FCP_DL: wrong data")
        self.expect(under.residual == 3072, f"read with a longer FCP_DL: residual {under.residual}")
        over = await host.command(unit.target, 0, cdb.read(8, 8), data_in=1024)
        self.expect(over.data == image[4096:5120], "read with a shorter FCP_DL: wrong data")
        self.expect(over.residual == -3072, f"read with a shorter FCP_DL: residual {over.residual}")


@pyuvm.test()
class EveryTransferCommand(ArrayTest):
    """READ and WRITE with 6, 10, 12 and 16 bytes reach the same blocks; what one wrote the others read."""

    async def scenario(self) -> None:
        units = await self.ready()
        host = self.rig.hosts[0]
        unit, model = units[host][0], self.rig.models[0]
        writes = {
            "WRITE(6)": lambda lba, n: struct.pack(">BBHBB", 0x0A, 0, lba, n, 0),
            "WRITE(10)": lambda lba, n: struct.pack(">BBIBHB", 0x2A, 0, lba, 0, n, 0),
            "WRITE(12)": lambda lba, n: struct.pack(">BBIIBB", 0xAA, 0, lba, n, 0, 0),
            "WRITE(16)": lambda lba, n: struct.pack(">BBQIBB", 0x8A, 0, lba, n, 0, 0),
        }
        reads = {
            "READ(6)": lambda lba, n: struct.pack(">BBHBB", 0x08, 0, lba, n, 0),
            "READ(10)": lambda lba, n: struct.pack(">BBIBHB", 0x28, 0, lba, 0, n, 0),
            "READ(12)": lambda lba, n: struct.pack(">BBIIBB", 0xA8, 0, lba, n, 0, 0),
            "READ(16)": lambda lba, n: struct.pack(">BBQIBB", 0x88, 0, lba, n, 0, 0),
        }
        for number, (name, build) in enumerate(writes.items()):
            lba, data = 16 * number + 3, self.rig.random.randbytes(5 * 512)
            write = model.begin_write(lba, data)
            result = await host.command(unit.target, 0, build(lba, 5), data_out=data)
            model.end_write(write, Outcome.DONE)
            self.expect(result.status == 0, f"{name}: status {result.status:02x}")
            for reader, ask in reads.items():
                found = await host.command(unit.target, 0, ask(lba, 5), data_in=len(data))
                self.expect(found.data == data, f"{reader} after {name}: wrong data")
