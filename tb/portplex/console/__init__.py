# SPDX-License-Identifier: Apache-2.0
"""The management console (PC/WS 3000 of the source document): web page, terminal view, shell commands."""
