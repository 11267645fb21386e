# SPDX-License-Identifier: Apache-2.0
"""Gateways to the real world."""
