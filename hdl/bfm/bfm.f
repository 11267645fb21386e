# SPDX-License-Identifier: Apache-2.0
# transactors
bfm/clock_source.v
bfm/fc_port_bfm.v
bfm/axil_bfm.v
