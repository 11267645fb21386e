# SPDX-License-Identifier: Apache-2.0
"""Reads `hdl/array/management_registers.rdl`. Needs systemrdl-compiler; the simulations and the console do not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from systemrdl.compiler import RDLCompiler
from systemrdl.node import AddressableNode, FieldNode, MemNode, RegfileNode, RegNode

from portplex.registers.model import Dimension, Field, RegisterInfo
from portplex.simulate import UsageError, project_root

SOURCE = "hdl/array/management_registers.rdl"


@dataclass(frozen=True)
class Wiring:
    """Where the hardware has a field: bits of a port from `low` on, or an expression; neither: a constant."""

    port: str
    low: int
    value_is: str
    driven: bool  # by the registers: a setting or a strobe


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
    window: Window


def read_source(path: Path | None = None) -> RegisterMap:
    """Compile and check the source; UsageError says what is wrong with it."""
    compiler = RDLCompiler()
    compiler.compile_file(str(path or project_root() / SOURCE))
    top = compiler.elaborate().top
    reader = _Reader()
    reader.walk(top)
    if reader.window is None:
        raise UsageError("the registers have no memory: a window to the store is needed")
    parameters = tuple(_parameter(text) for text in top.get_property("parameters").split(";"))
    registers = tuple(sorted(reader.registers.values(), key=lambda register: register.address))
    return RegisterMap(parameters, registers, reader.wiring, reader.window)


def _parameter(text: str) -> Parameter:
    head, legal = text.split(":")
    name, default = head.split()
    return Parameter(name, int(default), legal.strip())


class _Reader:
    def __init__(self) -> None:
        self.registers: dict[str, RegisterInfo] = {}
        self.wiring: dict[tuple[str, str], Wiring] = {}
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
        self.registers[node.inst_name] = RegisterInfo(
            name=node.inst_name,
            address=address,
            fields=tuple(self._field(node.inst_name, field) for field in node.fields()),
            dimensions=dimensions,
            at_most_one=node.get_property("at_most_one", default=0),
            store_word=node.get_property("store_word", default=None),
            store_table=node.get_property("store_table", default=0),
            elements=tuple(node.get_property("elements", default="").split()),
            section=self.section,
            description=node.get_property("desc") or "",
        )

    def _field(self, register: str, node: FieldNode) -> Field:
        def given(name: str, default: Any) -> Any:
            return node.get_property(name, default=default)

        where = f"{register}.{node.inst_name}"
        if not node.is_sw_readable and not node.is_sw_writable:
            raise UsageError(f"{where}: software can neither read nor write it")
        access = "r" * node.is_sw_readable + "w" * node.is_sw_writable
        field = Field(name=node.inst_name, low=node.low, width=node.width, access=access)
        field = replace(field, reset=given("reset", 0), pulse=given("singlepulse", False), step=given("step", 1))
        field = replace(field, minimum=given("minimum", 0), maximum=given("maximum", None))
        field = replace(field, maximum_is=given("maximum_is", ""), description=given("desc", ""))
        if field.step & (field.step - 1):
            raise UsageError(f"{where}: step {field.step} must be a power of two")
        wiring = Wiring(given("port_name", ""), given("port_low", 0), given("value_is", ""), "w" in access)
        constant = access == "r" and not node.is_hw_writable
        if bool(wiring.port) + bool(wiring.value_is) != (0 if constant else 1) or (wiring.value_is and access != "r"):
            raise UsageError(f"{where}: needs port_name or, where it is only read, value_is; a constant needs none")
        self.wiring[register, field.name] = wiring
        return field
