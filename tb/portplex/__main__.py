# SPDX-License-Identifier: Apache-2.0
"""`python -m portplex` is the command `portplex`."""

from portplex.cli import app

app()
