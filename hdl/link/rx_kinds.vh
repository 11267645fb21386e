// SPDX-License-Identifier: Apache-2.0
// What a received word is, 4 bits: word_receiver says it, frame_rx and port_state_machine act on it.
`ifndef PORTPLEX_RX_KINDS_VH
`define PORTPLEX_RX_KINDS_VH

`define RX_DATA 4'd0        // four data characters
`define RX_FILL 4'd1        // IDLE, ARB(FF)
`define RX_R_RDY 4'd2
`define RX_NOS 4'd3
`define RX_OLS 4'd4
`define RX_LR 4'd5
`define RX_LRR 4'd6
`define RX_SOFI3 4'd7
`define RX_SOFN3 4'd8
`define RX_SOF_CREDIT 4'd9  // SOF of a class not offered that takes a buffer credit of the sender
`define RX_SOF_OTHER 4'd10  // any other SOF, also unknown ones (K28.5 D21.5 ...)
`define RX_EOFT 4'd11
`define RX_EOFN 4'd12
`define RX_EOF_BAD 4'd13    // EOFa, EOFni and the EOFs of other classes
`define RX_OTHER 4'd14      // any other ordered set
`define RX_INVALID 4'd15    // invalid transmission word, or no synchronisation

`endif
