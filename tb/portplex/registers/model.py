# SPDX-License-Identifier: Apache-2.0
"""What a register is to the management console: address, access, fields, and which values the array takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod

WORD = 0xFFFFFFFF


@dataclass(frozen=True, kw_only=True)
class Field:
    """Bits of a register. `maximum_is` is an expression of HDL parameters and comes on top of `maximum`, as does
    `width_is`, the parameter that says how many of the bits there are; a 1 written to one that `clears` makes it 0."""

    name: str
    low: int
    width: int
    access: str
    reset: int = 0
    minimum: int = 0
    maximum: int | None = None
    maximum_is: str = ""
    width_is: str = ""
    step: int = 1
    pulse: bool = False
    clears: bool = False
    description: str = ""

    @property
    def mask(self) -> int:
        """The bits in the register's word."""
        return (1 << self.width) - 1 << self.low

    def limit(self, parameters: Mapping[str, int]) -> int:
        """The highest legal value in an array with these HDL parameters (KeyError where one is needed and missing)."""
        limits = [(1 << self.width) - 1]
        if self.maximum is not None:
            limits.append(self.maximum)
        if self.maximum_is:  # from the source of the registers, not from a user
            limits.append(eval(self.maximum_is, {"__builtins__": {}}, dict(parameters)))
        if self.width_is:
            limits.append((1 << parameters[self.width_is]) - 1)
        return min(limits)

    def legal(self, value: int, parameters: Mapping[str, int]) -> bool:
        """Whether the hardware takes this value of the field."""
        return self.minimum <= value <= self.limit(parameters) and value % self.step == 0


@dataclass(frozen=True, kw_only=True)
class Dimension:
    """An array of registers: at most `size` of them, `size_is` names the HDL parameter that says how many."""

    size: int
    stride: int
    size_is: str = ""

    def count(self, parameters: Mapping[str, int]) -> int:
        """How many there are in an array with these HDL parameters."""
        return parameters[self.size_is] if self.size_is else self.size


@dataclass(frozen=True, kw_only=True)
class RegisterInfo:
    """One register, or one array of registers that are alike; `dimensions` from the outermost to the innermost.

    A write to one with a `command` goes to the unit of that name, which may refuse it. One with a store word has that
    word of the management information store for its first element, `store_stride` words further for the next.
    """

    name: str
    address: int
    fields: tuple[Field, ...]
    dimensions: tuple[Dimension, ...] = ()
    command: str = ""
    store_word: int | None = None
    store_stride: int = 1
    store_table: int = 0
    elements: tuple[str, ...] = ()
    section: str = ""
    description: str = ""

    @property
    def access(self) -> str:
        """`ro`, `rw` or `wo`."""
        kinds = {kind for field in self.fields for kind in field.access}
        return "rw" if kinds == {"r", "w"} else "ro" if kinds == {"r"} else "wo"

    @property
    def reset(self) -> int:
        """Value of the word after a reset with a blank store, where no field is a status."""
        return sum(field.reset << field.low for field in self.fields if not field.pulse)

    @property
    def size(self) -> int:
        """The most there can be of it."""
        return prod(dimension.size for dimension in self.dimensions)

    def at(self, *index: int) -> int:
        """Byte address of an element."""
        return self.address + sum(i * d.stride for i, d in zip(index, self.dimensions, strict=True))

    def word(self, *index: int) -> int:
        """Word of the store that an element mirrors; ValueError where there is none."""
        if self.store_word is None:
            raise ValueError(f"{self.name} has no word in the store")
        return self.store_word + self.store_stride * sum(index)

    @property
    def mirrored(self) -> bool:
        """Whether it and its word of the store hold each other's value: a setting of the registers themselves."""
        return self.store_word is not None and self.access == "rw" and not self.command

    def indices(self, parameters: Mapping[str, int]) -> Iterator[tuple[int, ...]]:
        """Index of each element that exists in an array with these HDL parameters."""
        found: list[tuple[int, ...]] = [()]
        for dimension in self.dimensions:
            found = [(*index, i) for index in found for i in range(dimension.count(parameters))]
        yield from found

    def unpack(self, word: int) -> dict[str, int]:
        """Fields of a word that was read."""
        return {field.name: (word & field.mask) >> field.low for field in self.fields}

    def legal(self, word: int, parameters: Mapping[str, int]) -> bool:
        """Whether the hardware takes this word in a write."""
        writable = [field for field in self.fields if "w" in field.access]
        if not writable or not 0 <= word <= WORD or word & ~sum(field.mask for field in writable):
            return False
        return all(field.legal((word & field.mask) >> field.low, parameters) for field in writable)
