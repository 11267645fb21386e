# SPDX-License-Identifier: Apache-2.0
"""Reads `hdl/array/management_registers.rdl`. Needs systemrdl-compiler; the simulations and the console do not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from itertools import pairwise
from pathlib import Path
from typing import Any

from systemrdl.compiler import RDLCompiler
from systemrdl.messages import RDLCompileError
from systemrdl.node import AddressableNode, FieldNode, MemNode, RegfileNode, RegNode

from portplex.registers.model import Dimension, Field, RegisterInfo
from portplex.simulate import UsageError, project_root

SOURCE = "hdl/array/management_registers.rdl"


class Kind(Enum):
    """What the hardware makes of a field."""

    SETTING = "kept here, shown at a port"
    INTERNAL = "kept here, shown nowhere"
    STROBE = "a port is high for a clock"
    STATUS = "read from a port"
    VALUE = "read from an expression"
    CONSTANT = "read as its reset value"
    EVENT = "set by a port, cleared by a write"
    ARGUMENT = "handed to the unit that takes the register's command"


@dataclass(frozen=True)
class Wiring:
    """Where the hardware has a field: bits of a port from `low` on, or an expression."""

    kind: Kind
    port: str
    low: int
    value_is: str
    enable: tuple[str, str] | None  # of an interrupt: register and field
    looked_up: bool = False  # the port has the word of the register that is looked up, whichever element that is


@dataclass(frozen=True)
class Window:
    """The management information store, as addresses."""

    name: str
    address: int
    words: int
    section: str
    description: str


@dataclass(frozen=True)
class Parameter:
    """A parameter of the hardware."""

    name: str
    default: int
    legal: str


@dataclass(frozen=True)
class RegisterMap:
    """Everything of the source: registers by address, and the wiring of each field by (register, field)."""

    parameters: tuple[Parameter, ...]
    registers: tuple[RegisterInfo, ...]
    wiring: dict[tuple[str, str], Wiring]
    strobes: dict[str, str]  # port that tells of a write, by register
    window: Window


def read_source(path: Path | None = None) -> RegisterMap:
    """Compile and check the source; UsageError says what is wrong with it."""
    compiler = RDLCompiler()
    path = path or project_root() / SOURCE
    try:
        compiler.compile_file(str(path))
        top = compiler.elaborate().top
    except RDLCompileError as error:
        raise UsageError(f"{path}: {error} (what is wrong stands above)") from None
    reader = _Reader()
    reader.walk(top)
    if reader.window is None:
        raise UsageError("the registers have no memory: a window to the store is needed")
    parameters = tuple(_parameter(text) for text in top.get_property("parameters").split(";"))
    registers = tuple(sorted(reader.registers.values(), key=lambda register: register.address))
    return RegisterMap(parameters, registers, reader.wiring, reader.strobes, reader.window)


def _parameter(text: str) -> Parameter:
    head, legal = text.split(":")
    name, default = head.split()
    return Parameter(name, int(default), legal.strip())


class _Reader:
    def __init__(self) -> None:
        self.registers: dict[str, RegisterInfo] = {}
        self.wiring: dict[tuple[str, str], Wiring] = {}
        self.strobes: dict[str, str] = {}
        self.window: Window | None = None
        self.section = ""

    def walk(self, top: AddressableNode) -> None:
        nodes = list(top.children())
        alike: dict[str, list[RegfileNode]] = {}
        for node in nodes:
            if isinstance(node, RegfileNode):
                alike.setdefault(str(node.type_name), []).append(node)
        for node in nodes:
            self.section = node.get_property("section", default=self.section)
            if isinstance(node, RegNode):
                self._register(node, node.raw_absolute_address, ())
            elif isinstance(node, RegfileNode) and node is alike[str(node.type_name)][0]:
                dimension = self._dimension(node, alike[str(node.type_name)])
                for register in node.registers():
                    address = node.raw_absolute_address + register.raw_address_offset
                    self._register(register, address, (dimension,))
            elif isinstance(node, MemNode):
                words = node.get_property("mementries")
                text = node.get_property("desc") or ""
                self.window = Window(node.inst_name, node.raw_absolute_address, words, self.section, text)

    @staticmethod
    def _dimension(node: RegfileNode, alike: list[RegfileNode]) -> Dimension:
        """Instances of one type form an array, as SystemRDL has no array with something else between its elements."""
        size_is = node.get_property("size_parameter", default="")
        if node.array_dimensions and node.array_stride:
            return Dimension(size=node.array_dimensions[0], stride=node.array_stride, size_is=size_is)
        starts = [other.raw_absolute_address for other in alike]
        strides = {b - a for a, b in pairwise(starts)}
        if len(strides) != 1:
            raise UsageError(f"{', '.join(n.inst_name for n in alike)}: must stand at equal distances")
        return Dimension(size=len(alike), stride=strides.pop(), size_is=size_is)

    def _register(self, node: RegNode, address: int, outer: tuple[Dimension, ...]) -> None:
        if node.inst_name in self.registers:
            raise UsageError(f"two registers have the name {node.inst_name}")
        dimensions = outer
        if node.array_dimensions and node.array_stride:
            size_is = node.get_property("size_parameter", default="")
            dimensions += (Dimension(size=node.array_dimensions[0], stride=node.array_stride, size_is=size_is),)
        command = node.get_property("command", default="")
        if strobe := node.get_property("write_strobe", default=""):
            self.strobes[node.inst_name] = strobe
        self.registers[node.inst_name] = RegisterInfo(
            name=node.inst_name,
            address=address,
            fields=tuple(self._field(node.inst_name, field, command) for field in node.fields()),
            dimensions=dimensions,
            command=command,
            store_word=node.get_property("store_word", default=None),
            store_stride=node.get_property("store_stride", default=1),
            store_table=node.get_property("store_table", default=0),
            elements=tuple(node.get_property("elements", default="").split()),
            section=self.section,
            description=node.get_property("desc") or "",
        )

    def _field(self, register: str, node: FieldNode, command: str) -> Field:
        def given(name: str, default: Any) -> Any:
            return node.get_property(name, default=default)

        where = f"{register}.{node.inst_name}"
        if not node.is_sw_readable and not node.is_sw_writable:
            raise UsageError(f"{where}: software can neither read nor write it")
        access = "r" * node.is_sw_readable + "w" * node.is_sw_writable
        field = Field(name=node.inst_name, low=node.low, width=node.width, access=access)
        field = replace(field, reset=given("reset", 0), pulse=given("singlepulse", False), step=given("step", 1))
        field = replace(field, minimum=given("minimum", 0), maximum=given("maximum", None))
        field = replace(field, maximum_is=given("maximum_is", ""), width_is=given("width_is", ""))
        field = replace(field, clears=given("woclr", False), description=given("desc", ""))
        if field.step & (field.step - 1):
            raise UsageError(f"{where}: step {field.step} must be a power of two")
        port, value_is = given("port_name", ""), given("value_is", "")
        kind = self._kind(node, field, bool(command), bool(value_is))
        with_port = (Kind.SETTING, Kind.STROBE, Kind.STATUS, Kind.EVENT)
        if bool(port) != (kind in with_port or (kind is Kind.ARGUMENT and "r" in access)):
            raise UsageError(f"{where}: {'has a' if port else 'needs a'} port_name, and is {kind.value}")
        enable = node.get_property("enable") if kind is Kind.EVENT else None
        if kind is Kind.EVENT and not isinstance(enable, FieldNode):
            raise UsageError(f"{where}: an interrupt needs a field that enables it")
        by = (enable.parent.inst_name, enable.inst_name) if isinstance(enable, FieldNode) else None
        looked_up = given("looked_up", False)
        if looked_up and kind not in (Kind.STATUS, Kind.ARGUMENT):
            raise UsageError(f"{where}: looked_up, and is {kind.value}")
        self.wiring[register, field.name] = Wiring(kind, port, given("port_low", 0), value_is, by, looked_up)
        return field

    @staticmethod
    def _kind(node: FieldNode, field: Field, command: bool, value: bool) -> Kind:
        if command and "w" in field.access:
            return Kind.ARGUMENT
        if node.get_property("intr"):
            return Kind.EVENT
        if field.pulse:
            return Kind.STROBE
        if "w" in field.access:
            return Kind.SETTING if node.is_hw_readable else Kind.INTERNAL
        if value:
            return Kind.VALUE
        return Kind.STATUS if node.is_hw_writable else Kind.CONSTANT
