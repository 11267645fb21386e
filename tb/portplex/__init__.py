# SPDX-License-Identifier: Apache-2.0
"""Portplex: a test harness for Fibre Channel and NVMe-oF storage devices, and the models of its own array."""

__version__ = "0.1.0"
