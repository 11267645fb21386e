# SPDX-License-Identifier: Apache-2.0
link/crc32.v
link/word_flip.v
link/word_receiver.v
link/port_state_machine.v
link/bb_credit.v
link/frame_rx.v
link/frame_tx.v
link/link_error_status_block.v
link/link.v
