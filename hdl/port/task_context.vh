// SPDX-License-Identifier: Apache-2.0
// Fields of a row of the task table and of the sequence descriptors, states of tasks, events on a task.
`ifndef PORTPLEX_TASK_CONTEXT_VH
`define PORTPLEX_TASK_CONTEXT_VH

// A row is 9 bits: tasks first, then the reply rows (sequences without an exchange of their own).
`define ROW_WIDTH 9
`define REPLY_ROWS 4

// Task context, owned by the task engines.
`define CTX_PEER 23:0
`define CTX_OX_ID 39:24
`define CTX_RX_ID 55:40
`define CTX_TAG 59:56
`define CTX_STATE 63:60
`define CTX_VALID 64
`define CTX_INITIATOR 65
`define CTX_FC4 66
`define CTX_PAYLOAD_WORDS 76:67
`define CTX_SLOT 85:77
`define CTX_OFFSET 97:86
`define CTX_LENGTH 114:98
`define CTX_DONE 131:115
`define CTX_STATUS 139:132
`define CTX_OP 143:140
`define CTX_RETRY 144
`define CTX_ANSWER 145
`define CTX_ABTS_SEQ_ID 153:146
`define CTX_WIDTH 154

// States of a target task (figure 14).
`define TARGET_WAIT 4'd1
`define TARGET_SEND 4'd2
`define TARGET_RECEIVE 4'd3
`define TARGET_RESPOND 4'd4
`define TARGET_ABORT 4'd5
// States of an initiator task (figure 13).
`define INITIATOR_CMND 4'd8
`define INITIATOR_WAIT 4'd9
`define INITIATOR_DATA 4'd10
`define INITIATOR_ABTS 4'd11
`define INITIATOR_SETTLE 4'd12

// Events on a task.
`define EVENT_CREATE 4'd0
`define EVENT_INSTRUCTION 4'd1
`define EVENT_TX_DONE 4'd2
`define EVENT_RX_DONE 4'd3
`define EVENT_TIMEOUT 4'd4
`define EVENT_ABTS 4'd5
`define EVENT_KILL 4'd6
`define EVENT_XFER_RDY 4'd7
`define EVENT_RSP 4'd8
`define EVENT_BLS_REPLY 4'd9
`define EVENT_CMND 4'd10

// Kinds of sequence.
`define SEQ_CMND 4'd0
`define SEQ_XFER_RDY 4'd1
`define SEQ_RSP 4'd2
`define SEQ_READ_DATA 4'd3
`define SEQ_WRITE_DATA 4'd4
`define SEQ_ABTS 4'd5
`define SEQ_BA_ACC 4'd6
`define SEQ_BA_RJT 4'd7
`define SEQ_TASK_SET_FULL 4'd8

// Timer commands.
`define TIMER_KEEP 2'd0
`define TIMER_EXCHANGE 2'd1
`define TIMER_SETTLE 2'd2
`define TIMER_STOP 2'd3

// Receive window, written by the task engines, read by rx_dispatch.
`define RXW_ARMED 0
`define RXW_NOTIFY 1
`define RXW_FROM_RESPONDER 2
`define RXW_PEER 26:3
`define RXW_OX_ID 42:27
`define RXW_RX_ID 58:43
`define RXW_SLOT 67:59
`define RXW_POSITION 84:68
`define RXW_BASE 116:85
`define RXW_LENGTH 133:117
`define RXW_WIDTH 134

// Receive progress, written by rx_dispatch.
`define RXP_DONE 16:0
`define RXP_RX_ID 32:17
`define RXP_SEQ_ID 40:33
`define RXP_SEQ_CNT 56:41
`define RXP_OPEN 57
`define RXP_WIDTH 58

// Transmit descriptor, written by sequence_builder, read by frame_scheduler.
`define TXD_R_CTL 7:0
`define TXD_TYPE 15:8
`define TXD_F_CTL 39:16
`define TXD_D_ID 63:40
`define TXD_OX_ID 79:64
`define TXD_RX_ID 95:80
`define TXD_PARAMETER 127:96
`define TXD_LENGTH 144:128
`define TXD_SLOT 153:145
`define TXD_POSITION 170:154
`define TXD_MAX_WORDS 180:171
`define TXD_FROM_CACHE 181
`define TXD_INITIATOR 182
`define TXD_TAG 186:183
`define TXD_SEQ_ID_GIVEN 187
`define TXD_SEQ_ID 195:188
`define TXD_WIDTH 196

// Transmit progress, written by frame_scheduler.
`define TXP_DONE 16:0
`define TXP_SEQ_CNT 32:17
`define TXP_WIDTH 33

// Operations of a transfer instruction (contracts, section 6).
`define TI_SEND 4'd0
`define TI_RECEIVE 4'd1
`define TI_RESPOND 4'd2
`define TI_RELEASE 4'd3
`define TI_ABORT 4'd4
`define TI_LOGIN 4'd8
`define TI_WRITE 4'd9
`define TI_READ 4'd10
`define TI_LOGOUT 4'd11
`define TI_VERIFY 4'd12
`define TI_PROBE 4'd13

// done_status.
`define DONE_GOOD 8'd0
`define DONE_ABORTED 8'd1
`define DONE_TIMEOUT 8'd2
`define DONE_REJECTED 8'd3
`define DONE_SCSI 8'd4
`define DONE_PROTOCOL 8'd5
`define DONE_LINK_DOWN 8'd6
`define DONE_NOT_LOGGED_IN 8'd7

`endif
