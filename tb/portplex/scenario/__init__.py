# SPDX-License-Identifier: Apache-2.0
"""Scenarios: what hosts, backup devices and the console do to a device, whatever the device is."""
