# SPDX-License-Identifier: Apache-2.0
array/stream_turn.v
array/port_mux.v
