# SPDX-License-Identifier: Apache-2.0
"""Management registers: what one is, and the map, generated from `hdl/array/management_registers.rdl`."""
