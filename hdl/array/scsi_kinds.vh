// SPDX-License-Identifier: Apache-2.0
// What a command does (scsi_decode, host_engine) and what the page service does for it.

/* verilator lint_off UNUSEDPARAM */
localparam [3:0]
    KIND_NONE     = 4'd0,   // nothing to move: GOOD
    KIND_PAGE     = 4'd1,   // the page service builds data, the port sends them
    KIND_READ     = 4'd2,
    KIND_WRITE    = 4'd3,
    KIND_VERIFY   = 4'd4,   // blocks are staged, nothing is sent
    KIND_SYNC     = 4'd5,   // the range is destaged
    KIND_ERROR    = 4'd6,
    KIND_CALL     = 4'd7,   // parameter list (or none), then the page service acts on it
    KIND_FILL     = 4'd8,   // one block from the host in every block of the range
    KIND_ZERO     = 4'd9,
    KIND_COMPARE  = 4'd10,  // blocks of the host against the range
    KIND_MATCH    = 4'd11,  // one block of the host against every block of the range
    KIND_SWAP     = 4'd12,  // compare one block, then write the second
    KIND_PREFETCH = 4'd13,
    KIND_CONFIRM  = 4'd14,  // write a chunk, destage it, then verify it
    KIND_PROVE    = 4'd15;  // the same with a page full of blocks, which are compared

// page service: 0 to 15 build data, 16 to 23 act on a parameter list, 24 on work on blocks of the chunk
localparam [4:0]
    OP_INQUIRY     = 5'd0,
    OP_VPD         = 5'd1,
    OP_SENSE       = 5'd2,
    OP_LUNS        = 5'd3,
    OP_CAPACITY_10 = 5'd4,
    OP_CAPACITY_16 = 5'd5,
    OP_MODE        = 5'd6,
    OP_OPCODES     = 5'd7,
    OP_GROUPS      = 5'd8,
    OP_RESERVE_IN  = 5'd9,
    OP_COPY_STATUS = 5'd10,  // RECEIVE COPY RESULTS
    OP_COPY_LIMITS = 5'd11,
    OP_COPY_FAILURE = 5'd12,
    OP_OPEN        = 5'd15,  // the page becomes the task's buffer: nothing is built
    OP_MODE_SELECT = 5'd16,
    OP_UNMAP       = 5'd17,
    OP_RESERVE_OUT = 5'd18,
    OP_RESERVE     = 5'd19,
    OP_RELEASE     = 5'd20,
    OP_COPY        = 5'd21,  // EXTENDED COPY: the copy manager acts on the list
    OP_FILL        = 5'd24,
    OP_ZERO        = 5'd25,
    OP_COMPARE     = 5'd26,
    OP_MATCH       = 5'd27,
    OP_SWAP        = 5'd28,
    OP_STORE       = 5'd29;  // blocks of the page into those of the chunk

// how a reservation of somebody else meets the command (SPC-4 5.12, SPC-2 5.5)
localparam [2:0]
    ACCESS_FREE    = 3'd0,  // no reservation matters
    ACCESS_STATUS  = 3'd1,  // only a RESERVE matters
    ACCESS_READ    = 3'd2,
    ACCESS_WRITE   = 3'd3,
    ACCESS_RESERVE = 3'd4,  // RESERVE, RELEASE
    ACCESS_OUT     = 3'd5;  // PERSISTENT RESERVE OUT checks keys itself
/* verilator lint_on UNUSEDPARAM */
