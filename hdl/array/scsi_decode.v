// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Reads a CDB: which kind of command it is, its block range, its allocation or parameter list length, or the sense data that refuses it. */
module scsi_decode (
    input  wire         clk,

    // a CDB, looked at in the clock of start; the outputs hold its decoding from the next clock on
    input  wire         start,
    input  wire [127:0] cdb,

    // what it is
    output reg  [3:0]   kind,       // KIND_*
    output reg  [23:0]  sense,      // KIND_ERROR: {0, key, asc, ascq}
    output reg  [2:0]   access,     // ACCESS_*
    output reg          writes,     // changes blocks
    output reg          any_state,  // runs with a unit attention pending
    output reg          inquiry,    // answered for absent logical units too
    output reg          request_sense,
    output reg          report_luns,
    output reg          unit_ready, // TEST UNIT READY: asks for a started unit without working on blocks
    output reg          starts,     // START STOP UNIT
    output reg          stops,
    output reg          immediate,  // the status does not wait for the work
    output reg          through,    // what is written or read goes to the medium before the status, or the data

    // commands with a block range
    output reg          lba_over,   // the LBA needs more than 32 bits
    output reg  [31:0]  lba,
    output reg  [31:0]  blocks,

    // KIND_PAGE, KIND_CALL: allocation or parameter list length, what the page service does
    output reg  [31:0]  allocation,
    output reg  [4:0]   op,         // OP_*
    output reg  [31:0]  arg
);

`include "array/scsi_kinds.vh"

    localparam [31:0] MAX_BLOCKS = 32'd65535;  // announced in VPD page B0h
    localparam [31:0] MAX_LIST = 32'd1024;     // bytes of a parameter list
    localparam [23:0]
        SENSE_LIST_LENGTH = 24'h051A00,
        SENSE_OPCODE      = 24'h052000,
        SENSE_FIELD       = 24'h052400,
        SENSE_SAVING      = 24'h053900;

    wire [7:0] b1 = cdb[119:112];
    wire [7:0] b2 = cdb[111:104];
    wire [7:0] b3 = cdb[103:96];
    wire [7:0] b4 = cdb[95:88];

    // worked out within the clock of start
    reg  [2:0]  group;
    reg         long_cdb;    // 16 bytes
    reg  [31:0] list_length;
    reg         list_bad;
    reg  [31:0] copy_length;
    reg         copy_bad;
    reg         naca;        // the control byte asks for auto contingent allegiance, which is not offered
    reg         protection;
    reg         too_many;

    wire unused = &{1'b0, cdb[15:0]};  // not every command has every byte

    initial begin
        kind = 0; sense = 0; access = 0; writes = 0; any_state = 0; inquiry = 0; request_sense = 0; report_luns = 0; unit_ready = 0; starts = 0; stops = 0;
        immediate = 0; through = 0; lba_over = 0;
        lba = 0; blocks = 0; allocation = 0; op = 0; arg = 0;
        group = 0; long_cdb = 0; list_length = 0; list_bad = 0; copy_length = 0; copy_bad = 0; naca = 0; protection = 0; too_many = 0;
    end

    always @(posedge clk) begin
        if (start) begin
            // verilator lint_off BLKSEQ
            group = cdb[127:125];
            long_cdb = group == 3'd4;
            list_length = group == 3'd0 ? {24'd0, b4} : cdb[127:120] == 8'h5F ? cdb[87:56] : {16'd0, cdb[71:56]};
            list_bad = list_length > MAX_LIST || list_length[1:0] != 2'd0;
            copy_length = cdb[47:16];
            copy_bad = copy_length > MAX_LIST || |copy_length[1:0] || (copy_length != 32'd0 && copy_length < 32'd16);
            naca = group == 3'd0 ? cdb[82] : group == 3'd5 ? cdb[34] : group == 3'd4 ? cdb[2] : cdb[50];
            protection = |b1[7:5];
            too_many = (long_cdb && cdb[47:16] > MAX_BLOCKS) || (group == 3'd5 && cdb[79:48] > MAX_BLOCKS);
            // verilator lint_on BLKSEQ
            kind <= KIND_NONE;
            sense <= SENSE_FIELD;
            access <= ACCESS_FREE;
            writes <= 1'b0;
            any_state <= 1'b0;
            inquiry <= 1'b0;
            request_sense <= 1'b0;
            report_luns <= 1'b0;
            unit_ready <= 1'b0;
            starts <= 1'b0;
            stops <= 1'b0;
            immediate <= 1'b0;
            through <= 1'b0;
            lba_over <= 1'b0;
            lba <= cdb[111:80];
            blocks <= {16'd0, cdb[71:56]};
            allocation <= 32'd0;
            op <= OP_INQUIRY;
            arg <= 32'd0;
            if (long_cdb) begin
                lba_over <= |cdb[111:80];
                lba <= cdb[79:48];
                blocks <= cdb[47:16];
            end
            if (group == 3'd5)
                blocks <= cdb[79:48];

            case (cdb[127:120])
                8'h00: begin  // TEST UNIT READY
                    access <= ACCESS_STATUS;
                    unit_ready <= 1'b1;
                end
                8'h03: begin  // REQUEST SENSE
                    kind <= b1[0] ? KIND_ERROR : KIND_PAGE;
                    any_state <= 1'b1;
                    request_sense <= 1'b1;
                    op <= OP_SENSE;
                    allocation <= {24'd0, b4};
                end
                8'h08, 8'h0A: begin  // READ(6), WRITE(6)
                    kind <= cdb[121] ? KIND_WRITE : KIND_READ;
                    access <= cdb[121] ? ACCESS_WRITE : ACCESS_READ;
                    writes <= cdb[121];
                    lba <= {11'd0, b1[4:0], b2, b3};
                    blocks <= {23'd0, b4 == 8'd0, b4};
                end
                8'h12: begin  // INQUIRY
                    any_state <= 1'b1;
                    inquiry <= 1'b1;
                    op <= b1[0] ? OP_VPD : OP_INQUIRY;
                    arg <= {24'd0, b2};
                    allocation <= {16'd0, b3, b4};
                    kind <= KIND_PAGE;
                    if (b1[1] || (!b1[0] && b2 != 8'h00))
                        kind <= KIND_ERROR;
                    if (b1[0] && b2 != 8'h00 && b2 != 8'h80 && b2 != 8'h83 && b2 != 8'h86 && b2 != 8'h87
                        && b2 != 8'hB0 && b2 != 8'hB1 && b2 != 8'hB2)
                        kind <= KIND_ERROR;
                end
                8'h15, 8'h55: begin  // MODE SELECT(6), (10)
                    access <= ACCESS_WRITE;
                    op <= OP_MODE_SELECT;
                    arg <= {31'd0, cdb[126]};
                    allocation <= list_length;
                    kind <= !b1[4] || b1[0] || list_bad ? KIND_ERROR : list_length == 32'd0 ? KIND_NONE : KIND_CALL;
                    if (b1[4] && !b1[0] && list_bad)
                        sense <= SENSE_LIST_LENGTH;
                end
                8'h16, 8'h17, 8'h56, 8'h57: begin  // RESERVE, RELEASE (6), (10), of the whole unit for the initiator itself
                    access <= ACCESS_RESERVE;
                    op <= cdb[120] ? OP_RELEASE : OP_RESERVE;
                    kind <= |b1[4:0] ? KIND_ERROR : KIND_CALL;
                end
                8'h1A, 8'h5A: begin  // MODE SENSE(6), (10)
                    access <= ACCESS_READ;
                    op <= OP_MODE;
                    arg <= {27'd0, b2[7:6], b2[5:0] != 6'h08, b2[5:0] != 6'h0A, cdb[126]};
                    allocation <= cdb[126] ? {16'd0, cdb[71:56]} : {24'd0, b4};
                    kind <= KIND_PAGE;
                    if (b2[5:0] != 6'h08 && b2[5:0] != 6'h0A && b2[5:0] != 6'h3F)
                        kind <= KIND_ERROR;
                    if (b3 != 8'h00 && !(b2[5:0] == 6'h3F && b3 == 8'hFF))
                        kind <= KIND_ERROR;
                    if (b2[7:6] == 2'd3) begin
                        kind <= KIND_ERROR;
                        sense <= SENSE_SAVING;
                    end
                end
                8'h1B: begin  // START STOP UNIT: stopping destages everything, unless IMMED or NO_FLUSH is set; power conditions and ejecting are not offered
                    access <= b4[0] ? ACCESS_STATUS : ACCESS_WRITE;
                    starts <= b4[0];
                    stops <= !b4[0];
                    lba <= 32'd0;
                    blocks <= 32'd0;
                    kind <= b4[7:4] != 4'd0 || b4[1] ? KIND_ERROR : b4[0] || b4[2] || b1[0] ? KIND_NONE : KIND_SYNC;
                end
                8'h25: begin  // READ CAPACITY(10)
                    access <= ACCESS_STATUS;
                    op <= OP_CAPACITY_10;
                    allocation <= 32'd8;
                    kind <= |cdb[111:80] || cdb[56] ? KIND_ERROR : KIND_PAGE;
                end
                // READ and WRITE (10), (16), (12): DPO is a hint
                8'h28, 8'h2A, 8'h88, 8'h8A, 8'hA8, 8'hAA: begin
                    kind <= protection || too_many ? KIND_ERROR : cdb[121] ? KIND_WRITE : KIND_READ;
                    access <= cdb[121] ? ACCESS_WRITE : ACCESS_READ;
                    writes <= cdb[121];
                    through <= b1[3];  // FUA
                end
                8'h2E, 8'h8E: begin  // WRITE AND VERIFY(10), (16): BYTCHK 0 or 1
                    kind <= protection || b1[2] || too_many ? KIND_ERROR : b1[1] ? KIND_PROVE : KIND_CONFIRM;
                    op <= OP_STORE;
                    through <= 1'b1;
                    access <= ACCESS_WRITE;
                    writes <= 1'b1;
                end
                8'h2F, 8'h8F: begin  // VERIFY(10), (16): BYTCHK 0, 1 or 3
                    kind <= protection || b1[2:1] == 2'd2 || too_many ? KIND_ERROR
                            : b1[2:1] == 2'd0 ? KIND_VERIFY : b1[2] ? KIND_MATCH : KIND_COMPARE;
                    op <= b1[2] ? OP_MATCH : OP_COMPARE;
                    through <= 1'b1;
                    access <= ACCESS_READ;
                end
                8'h34, 8'h90: begin  // PRE-FETCH(10), (16)
                    kind <= KIND_PREFETCH;
                    immediate <= b1[1];
                    access <= ACCESS_READ;
                end
                8'h35, 8'h91: begin  // SYNCHRONIZE CACHE(10), (16): with IMMED the background does it, for SYNC_NV the cache is good enough
                    kind <= KIND_SYNC;
                    immediate <= |b1[2:1];
                    access <= ACCESS_WRITE;
                end
                8'h41, 8'h93: begin  // WRITE SAME(10), (16): UNMAP is met by writing, as LBPRZ asks
                    kind <= protection || b1[4] || |b1[2:1] || (b1[0] && !cdb[127]) || too_many
                            || (cdb[127] ? cdb[47:16] == 32'd0 : cdb[71:56] == 16'd0) ? KIND_ERROR : b1[0] ? KIND_ZERO : KIND_FILL;
                    op <= b1[0] ? OP_ZERO : OP_FILL;
                    access <= ACCESS_WRITE;
                    writes <= 1'b1;
                end
                8'h42: begin  // UNMAP
                    access <= ACCESS_WRITE;
                    writes <= 1'b1;
                    op <= OP_UNMAP;
                    allocation <= list_length;
                    kind <= b1[0] || list_bad || list_length == 32'd4 ? KIND_ERROR : list_length == 32'd0 ? KIND_NONE : KIND_CALL;
                    if (!b1[0] && (list_bad || list_length == 32'd4))
                        sense <= SENSE_LIST_LENGTH;
                end
                8'h5E: begin  // PERSISTENT RESERVE IN
                    access <= ACCESS_STATUS;
                    op <= OP_RESERVE_IN;
                    arg <= {30'd0, b1[1:0]};
                    allocation <= {16'd0, cdb[71:56]};
                    kind <= |b1[4:2] ? KIND_ERROR : KIND_PAGE;
                end
                8'h5F: begin  // PERSISTENT RESERVE OUT
                    access <= ACCESS_OUT;
                    op <= OP_RESERVE_OUT;
                    arg <= {19'd0, b1[4:0], b2};
                    allocation <= list_length;
                    kind <= b1[4:0] > 5'd6 || list_length != 32'd24 ? KIND_ERROR : KIND_CALL;
                    if (b1[4:0] <= 5'd6 && list_length != 32'd24)
                        sense <= SENSE_LIST_LENGTH;
                end
                8'h83: begin  // EXTENDED COPY(LID1)
                    access <= ACCESS_WRITE;
                    op <= OP_COPY;
                    allocation <= copy_length;
                    kind <= |b1[4:0] || copy_bad ? KIND_ERROR
                            : copy_length == 32'd0 ? KIND_NONE : KIND_CALL;
                    if (b1[4:0] == 5'd0 && copy_bad)
                        sense <= SENSE_LIST_LENGTH;
                end
                8'h84: begin  // RECEIVE COPY RESULTS: COPY STATUS, OPERATING PARAMETERS, FAILED SEGMENT DETAILS
                    access <= ACCESS_WRITE;
                    op <= b1[2] ? OP_COPY_FAILURE : b1[1] ? OP_COPY_LIMITS : OP_COPY_STATUS;
                    arg <= {24'd0, b2};
                    allocation <= copy_length;
                    kind <= b1[4:0] != 5'd0 && b1[4:0] != 5'd3 && b1[4:0] != 5'd4 ? KIND_ERROR : KIND_PAGE;
                end
                8'h89: begin  // COMPARE AND WRITE of one block
                    kind <= protection || cdb[23:16] > 8'd1 ? KIND_ERROR : KIND_SWAP;
                    blocks <= {24'd0, cdb[23:16]};
                    op <= OP_SWAP;
                    through <= b1[3];
                    access <= ACCESS_WRITE;
                    writes <= 1'b1;
                end
                8'h9E: begin  // SERVICE ACTION IN(16): READ CAPACITY(16)
                    access <= ACCESS_STATUS;
                    op <= OP_CAPACITY_16;
                    allocation <= cdb[47:16];
                    kind <= b1[4:0] != 5'h10 || |cdb[111:48] || cdb[8] ? KIND_ERROR : KIND_PAGE;
                end
                8'hA0: begin  // REPORT LUNS
                    any_state <= 1'b1;
                    report_luns <= 1'b1;
                    op <= OP_LUNS;
                    arg <= {31'd0, b2[0]};  // well known logical units only: there are none
                    allocation <= cdb[79:48];
                    kind <= b2 > 8'h02 ? KIND_ERROR : KIND_PAGE;
                end
                8'hA3: begin  // MAINTENANCE IN
                    access <= ACCESS_STATUS;
                    allocation <= cdb[79:48];
                    if (b1[4:0] == 5'h0C) begin  // REPORT SUPPORTED OPERATION CODES
                        op <= OP_OPCODES;
                        arg <= {4'd0, b2[7], b2[2:0], b3, cdb[95:80]};
                        kind <= b2[2:0] > 3'd2 ? KIND_ERROR : KIND_PAGE;
                    end else begin               // REPORT TARGET PORT GROUPS, without extended header
                        op <= OP_GROUPS;
                        kind <= b1 == 8'h0A ? KIND_PAGE : KIND_ERROR;
                    end
                end
                default: begin
                    kind <= KIND_ERROR;
                    sense <= SENSE_OPCODE;
                end
            endcase
            if (naca && group != 3'd3 && cdb[127:126] != 2'b11)
                kind <= KIND_ERROR;
        end
    end

endmodule

`resetall
