# SPDX-License-Identifier: GPL-2.0-only
"""Every scapy layer of this package under one import: `from portplex.fc.layers import *`."""

from portplex.fc.bls import *  # noqa: F403
from portplex.fc.ct import *  # noqa: F403
from portplex.fc.els import *  # noqa: F403
from portplex.fc.fcoe import *  # noqa: F403
from portplex.fc.fcp import *  # noqa: F403
from portplex.fc.fip import *  # noqa: F403
from portplex.fc.frame import *  # noqa: F403
from portplex.fc.scsi import *  # noqa: F403
