# SPDX-License-Identifier: Apache-2.0
"""The source of the management registers: what is made from it is up to date, and mistakes in it are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from portplex.registers.generate import generated
from portplex.registers.model import Field, RegisterInfo
from portplex.registers.register_map import DEFAULT_PARAMETERS, REGISTERS, Register
from portplex.registers.render_verilog import render_verilog
from portplex.registers.source import SOURCE, read_source
from portplex.simulate import UsageError, project_root


@pytest.mark.fast
def test_generated_files_are_up_to_date() -> None:
    for path, text in generated().items():
        assert path.read_text() == text, f"{path.name}: run `portplex registers`"


@pytest.mark.fast
def test_map_equals_source() -> None:
    source = read_source()
    assert [r.name for r in source.registers] == list(REGISTERS)
    assert {p.name: p.default for p in source.parameters} == DEFAULT_PARAMETERS
    for register in source.registers:
        found = REGISTERS[register.name]
        assert Register[register.name] == register.address == found.address
        for field, same in zip(register.fields, found.fields, strict=True):
            assert field.limit(DEFAULT_PARAMETERS) == same.limit(DEFAULT_PARAMETERS), field.name


@pytest.mark.fast
def test_legal_values() -> None:
    """Ranges, steps and the bits that no field has, by hand."""
    chunk = REGISTERS["BACKUP_CHUNK"]
    legal = [word for word in range(300) if chunk.legal(word, DEFAULT_PARAMETERS)]
    assert legal == list(range(8, 129, 8)) and not chunk.legal(1 << 32 | 8, DEFAULT_PARAMETERS)
    control = RegisterInfo(name="C", address=0, fields=(Field(name="a", low=0, width=3, access="w", pulse=True),))
    assert [word for word in range(16) if control.legal(word, {})] == list(range(8)), "a bit that no field has"
    assert not REGISTERS["ID"].legal(0, DEFAULT_PARAMETERS), "only read"
    volume = REGISTERS["BACKUP_VOLUME"]
    assert volume.legal(4, {"VOLUMES": 5}) and not volume.legal(5, {"VOLUMES": 5})


@pytest.mark.fast
@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("step = 8; desc", "step = 6; desc", "BACKUP_CHUNK.blocks: step 6 must be a power of two"),
        ('port_name = "flush"; ', "", "FLUSH.flush: needs a port_name"),
        ('port_name = "cfg_backup_lun"', 'port_name = "status_clean"', "status_clean is used in another way"),
        (
            'port_name = "cfg_backup_lun"',
            'looked_up; port_name = "cfg_backup_lun"',
            "BACKUP_LUN.lun: looked_up, and is kept here",
        ),
        ("littleendian;", "littleendian", "what is wrong stands above"),
        ("} ID @ 0x0000;", "} PORT_ID @ 0x0000;", "two registers have the name PORT_ID"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = (project_root() / SOURCE).read_text()
    assert text.count(old) == 1
    path = tmp_path / "mistake.rdl"
    path.write_text(text.replace(old, new))
    with pytest.raises(UsageError, match=message):
        render_verilog(read_source(path))
