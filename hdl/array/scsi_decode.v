// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Reads a CDB: which kind of command it is, its block range or allocation length, or the sense data that refuses it. */
module scsi_decode (
    input  wire         clk,

    // a CDB, looked at in the clock of start; the outputs hold its decoding from the next clock on
    input  wire         start,
    input  wire [127:0] cdb,

    // what it is
    output reg  [2:0]   kind,       // KIND_*
    output reg  [23:0]  sense,      // KIND_ERROR: {0, key, asc, ascq}
    output reg          any_state,  // runs with a unit attention pending
    output reg          inquiry,    // answered for absent logical units too
    output reg          request_sense,
    output reg          report_luns,

    // KIND_READ, KIND_WRITE, KIND_VERIFY, KIND_RANGE
    output reg          lba_over,   // the LBA needs more than 32 bits
    output reg  [31:0]  lba,
    output reg  [31:0]  blocks,

    // KIND_PAGE: what the responder builds
    output reg  [31:0]  allocation,
    output reg  [2:0]   page,       // PAGE_* of scsi_responder
    output reg  [7:0]   page_arg
);

    localparam
        KIND_NONE   = 3'd0,  // nothing to move: GOOD
        KIND_PAGE   = 3'd1,
        KIND_READ   = 3'd2,
        KIND_WRITE  = 3'd3,
        KIND_VERIFY = 3'd4,  // blocks are staged, nothing is sent
        KIND_RANGE  = 3'd5,  // only the block range is checked
        KIND_ERROR  = 3'd6;

    localparam
        PAGE_INQUIRY = 3'd0,
        PAGE_VPD     = 3'd1,
        PAGE_SENSE   = 3'd2,
        PAGE_LUNS    = 3'd3,
        PAGE_CAP10   = 3'd4,
        PAGE_CAP16   = 3'd5,
        PAGE_MODE    = 3'd6,
        PAGE_OPCODES = 3'd7;

    localparam [31:0] MAX_BLOCKS = 32'd65535;  // announced in VPD page B0h
    localparam [23:0]
        SENSE_OPCODE  = 24'h052000,
        SENSE_FIELD   = 24'h052400,
        SENSE_SAVING  = 24'h053900;

    wire [7:0] b1 = cdb[119:112];
    wire [7:0] b2 = cdb[111:104];
    wire [7:0] b3 = cdb[103:96];
    wire [7:0] b4 = cdb[95:88];

    wire unused = &{1'b0, cdb[15:0]};  // not every command has every byte

    // NACA in the control byte asks for auto contingent allegiance, which is not offered
    wire naca = cdb[127:125] == 3'd0 ? cdb[82] : cdb[127:125] == 3'd5 ? cdb[34] : cdb[127:125] == 3'd4 ? cdb[2] : cdb[50];

    // byte 1 bits 7:3 of the 10 to 16 byte reads and writes: protection, DPO, FUA (DPOFUA is 0)
    wire flags_bad = |b1[7:3];

    initial begin
        kind = 0; sense = 0; any_state = 0; inquiry = 0; request_sense = 0; report_luns = 0; lba_over = 0; lba = 0; blocks = 0;
        allocation = 0; page = 0; page_arg = 0;
    end

    always @(posedge clk) begin
        if (start) begin
            kind <= KIND_NONE;
            sense <= SENSE_FIELD;
            any_state <= 1'b0;
            inquiry <= 1'b0;
            request_sense <= 1'b0;
            report_luns <= 1'b0;
            lba_over <= 1'b0;
            lba <= cdb[111:80];
            blocks <= {16'd0, cdb[71:56]};
            allocation <= 32'd0;
            page <= PAGE_INQUIRY;
            page_arg <= 8'd0;
            if (cdb[127:125] == 3'd4) begin
                lba_over <= |cdb[111:80];
                lba <= cdb[79:48];
                blocks <= cdb[47:16];
            end
            if (cdb[127:125] == 3'd5)
                blocks <= cdb[79:48];

            case (cdb[127:120])
                8'h00: ;  // TEST UNIT READY
                8'h03: begin  // REQUEST SENSE
                    kind <= b1[0] ? KIND_ERROR : KIND_PAGE;
                    any_state <= 1'b1;
                    request_sense <= 1'b1;
                    page <= PAGE_SENSE;
                    allocation <= {24'd0, b4};
                end
                8'h08, 8'h0A: begin  // READ(6), WRITE(6)
                    kind <= cdb[121] ? KIND_WRITE : KIND_READ;
                    lba <= {11'd0, b1[4:0], b2, b3};
                    blocks <= {23'd0, b4 == 8'd0, b4};
                end
                8'h12: begin  // INQUIRY
                    any_state <= 1'b1;
                    inquiry <= 1'b1;
                    page <= b1[0] ? PAGE_VPD : PAGE_INQUIRY;
                    page_arg <= b2;
                    allocation <= {16'd0, b3, b4};
                    kind <= KIND_PAGE;
                    if (b1[1] || (!b1[0] && b2 != 8'h00))
                        kind <= KIND_ERROR;
                    if (b1[0] && b2 != 8'h00 && b2 != 8'h80 && b2 != 8'h83 && b2 != 8'h86 && b2 != 8'h87
                        && b2 != 8'hB0 && b2 != 8'hB1 && b2 != 8'hB2)
                        kind <= KIND_ERROR;
                end
                8'h1A, 8'h5A: begin  // MODE SENSE(6), (10)
                    page <= PAGE_MODE;
                    page_arg <= {4'd0, b2[7:6] == 2'd1, b2[5:0] != 6'h08, b2[5:0] != 6'h0A, cdb[126]};
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
                8'h1B:  // START STOP UNIT: the unit cannot be stopped
                    kind <= b4[7:4] == 4'd0 && b4[1:0] == 2'b01 ? KIND_NONE : KIND_ERROR;
                8'h25: begin  // READ CAPACITY(10)
                    page <= PAGE_CAP10;
                    allocation <= 32'd8;
                    kind <= |cdb[111:80] || cdb[56] ? KIND_ERROR : KIND_PAGE;
                end
                8'h28, 8'h2A, 8'h88, 8'h8A, 8'hA8, 8'hAA: begin  // READ and WRITE (10), (16), (12)
                    kind <= cdb[121] ? KIND_WRITE : KIND_READ;
                    if (flags_bad || (cdb[127:125] == 3'd4 && cdb[47:16] > MAX_BLOCKS)
                        || (cdb[127:125] == 3'd5 && cdb[79:48] > MAX_BLOCKS))
                        kind <= KIND_ERROR;
                end
                8'h2F, 8'h8F:  // VERIFY(10), (16), without comparison with data
                    kind <= |b1[7:1] || (cdb[127] && cdb[47:16] > MAX_BLOCKS) ? KIND_ERROR : KIND_VERIFY;
                8'h35, 8'h91:  // SYNCHRONIZE CACHE(10), (16): the cache is non-volatile
                    kind <= KIND_RANGE;
                8'h9E: begin  // SERVICE ACTION IN(16): READ CAPACITY(16)
                    page <= PAGE_CAP16;
                    allocation <= cdb[47:16];
                    kind <= b1[4:0] != 5'h10 || |cdb[111:48] || cdb[8] ? KIND_ERROR : KIND_PAGE;
                end
                8'hA0: begin  // REPORT LUNS
                    any_state <= 1'b1;
                    report_luns <= 1'b1;
                    page <= PAGE_LUNS;
                    page_arg <= {7'd0, b2[0]};  // well known logical units only: there are none
                    allocation <= cdb[79:48];
                    kind <= b2 > 8'h02 ? KIND_ERROR : KIND_PAGE;
                end
                8'hA3: begin  // MAINTENANCE IN: REPORT SUPPORTED OPERATION CODES, all of them
                    page <= PAGE_OPCODES;
                    allocation <= cdb[79:48];
                    kind <= b1[4:0] != 5'h0C || b2 != 8'h00 ? KIND_ERROR : KIND_PAGE;
                end
                default: begin
                    kind <= KIND_ERROR;
                    sense <= SENSE_OPCODE;
                end
            endcase
            if (naca && cdb[127:125] != 3'd3 && cdb[127:126] != 2'b11)
                kind <= KIND_ERROR;
        end
    end

endmodule

`resetall
