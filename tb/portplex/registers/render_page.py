# SPDX-License-Identifier: Apache-2.0
"""The registers as a page of the documentation."""

from __future__ import annotations

from portplex.registers.model import Field, RegisterInfo
from portplex.registers.source import SOURCE, RegisterMap

HEAD = f"""\
<!-- SPDX-License-Identifier: Apache-2.0 -->
<!-- Generated from {SOURCE} by `portplex registers`; a test keeps both equal. -->
# Management registers

AXI4-Lite slave `s_axil_*`, 16-bit byte address, 32-bit data; addresses in hex. These answer SLVERR and change nothing:
a value out of its range, a bit that no field has, an address that is not here or not a multiple of 4, a write of less
than a word, a write to a register that is only read (ro). A register that is only written (wo) reads as 0.

A register with a store word has its value in the management information store too ([contracts](contracts.md), section
10), whichever of the two is written. After a reset these come from the store; a word that is not legal, and a table
with all its words at 0, get the reset values.

Made from the same source: `hdl/array/management_registers.v` and the Python map `portplex.registers.register_map`.
"""


def _bits(field: Field) -> str:
    return f"[{field.low + field.width - 1}:{field.low}]" if field.width > 1 else f"[{field.low}]"


def _range(field: Field) -> str:
    """Legal values where they are not all that fit."""
    narrowed = field.minimum or field.maximum is not None or field.maximum_is or field.step > 1
    if "w" not in field.access or not narrowed:
        return ""
    highest = field.maximum_is
    if not highest:
        limit = field.limit({})
        highest = str(limit) if limit < 1 << 20 else f"{limit:X}h"
    step = f", a multiple of {field.step}" if field.step > 1 else ""
    return f"{field.minimum} to {highest}{step}"


def _field(field: Field, alone: bool) -> str:
    head = "" if alone and field.low == 0 and field.width == 32 else f"{_bits(field)} {field.name}"
    texts = [text for text in (field.description, _range(field)) if text]
    return ": ".join(text for text in (head, "; ".join(texts)) if text)


def _address(register: RegisterInfo) -> str:
    text = f"{register.address:04X}"
    for letter, dimension in zip("nm", register.dimensions, strict=False):
        text += f" + {dimension.stride:X}{letter}"
    return text


def _meaning(register: RegisterInfo) -> str:
    alone = len(register.fields) == 1
    texts = [register.description, *(_field(field, alone) for field in register.fields)]
    if register.elements:
        texts.append(", ".join(f"{number} {name}" for number, name in enumerate(register.elements)))
    return "<br>".join(text for text in texts if text)


def _reset(register: RegisterInfo) -> str:
    if "w" not in register.access or register.access == "wo":
        return ""
    return f"{register.reset:X}h" if register.reset > 0xFFFFFF else str(register.reset)


def _store(register: RegisterInfo) -> str:
    if register.store_word is None:
        return ""
    return f"{register.store_word:03X}{' + n' if register.dimensions else ''}"


def render_page(source: RegisterMap) -> str:
    """Text of `docs/registers.md`."""
    sections: dict[str, list[RegisterInfo]] = {}
    for register in source.registers:
        sections.setdefault(register.section, []).append(register)
    lines: list[str] = []
    for section, registers in sections.items():
        lines += ["", f"## {section}", ""]
        sizes = {
            f"{letter} below {d.size_is} (at most {d.size})" if d.size_is else f"{letter} below {d.size}": None
            for register in registers
            for letter, d in zip("nm", register.dimensions, strict=False)
        }
        if sizes:
            lines += [f"Arrays: {', '.join(sizes)}.", ""]
        lines += ["| address | name | | reset | store | fields and legal values |", "|---|---|---|---|---|---|"]
        for register in registers:
            cells = (_address(register), f"`{register.name}`", register.access, _reset(register), _store(register))
            lines.append(f"| {' | '.join(cells)} | {_meaning(register)} |")
    window = source.window
    last = window.address + 4 * window.words - 4
    lines += [
        "",
        f"## {window.section}",
        "",
        f"{window.address:04X} to {last:04X}, `{window.name}`, rw. {window.description}",
    ]
    return HEAD + "\n".join([*lines, ""])
