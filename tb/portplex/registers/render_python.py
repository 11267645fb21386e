# SPDX-License-Identifier: Apache-2.0
"""The registers as a Python module: addresses by name, and what each register takes."""

from __future__ import annotations

import dataclasses

from portplex.registers.model import Dimension, Field, RegisterInfo
from portplex.registers.source import SOURCE, RegisterMap

HEAD = f'''\
# SPDX-License-Identifier: Apache-2.0
# Generated from {SOURCE} by `portplex registers`; a test keeps both equal.
"""The management registers: byte address of the first element, and everything else a console has to know."""

from __future__ import annotations

from enum import IntEnum

from portplex.registers.model import Dimension, Field, RegisterInfo

# fmt: off
'''


def _call(thing: Field | Dimension | RegisterInfo) -> str:
    """The constructor's call, without what has its default value and without text for readers."""
    given = []
    for item in dataclasses.fields(thing):
        value = getattr(thing, item.name)
        if item.name in ("description", "section") or value == item.default:
            continue
        if item.name == "address" or (item.name == "store_word" and value is not None):
            given.append(f"{item.name}=0x{value:04X}")
        elif item.name in ("fields", "dimensions"):
            inner = "".join(f"        {_call(each)},\n" for each in value)
            given.append(f"{item.name}=(\n{inner}    )")
        else:
            given.append(f"{item.name}={value!r}".replace("'", '"'))
    return f"{type(thing).__name__}({', '.join(given)})"


def render_python(source: RegisterMap) -> str:
    """Text of `tb/portplex/registers/register_map.py`."""
    registers = source.registers
    names = {register.name: register.address for register in registers} | {source.window.name: source.window.address}
    lines = ["", "class Register(IntEnum):", '    """Byte addresses; of an array, of its first element."""', ""]
    lines += [f"    {name} = 0x{address:04X}" for name, address in sorted(names.items(), key=lambda item: item[1])]
    lines += ["", "", "# HDL parameters: the defaults."]
    values = ", ".join(f'"{parameter.name}": {parameter.default}' for parameter in source.parameters)
    lines += [f"DEFAULT_PARAMETERS: dict[str, int] = {{{values}}}", "", "REGISTERS: dict[str, RegisterInfo] = {"]
    lines += [f'    "{register.name}": {_call(register)},' for register in registers]
    return HEAD + "\n".join([*lines, "}", ""])
