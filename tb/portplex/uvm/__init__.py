# SPDX-License-Identifier: Apache-2.0
"""pyuvm agents, environment, scoreboard and coverage over a `Device`."""
