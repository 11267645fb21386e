# SPDX-License-Identifier: Apache-2.0
"""Runs a user starts by name: each a command of `portplex`, a cocotb module beside it, and a summary."""
