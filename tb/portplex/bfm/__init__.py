# SPDX-License-Identifier: Apache-2.0
"""The Python half of the transactors in hdl/bfm: frames and register accesses, never words."""
