// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Writes blocks of a task's page into its chunk in the cache, or compares them: a line a clock, block by block. */
module block_worker #(
    parameter SEGMENTS = 512  // cache segments; the pages of the tasks follow them
) (
    input  wire         clk,
    input  wire         rst,

    // request
    input  wire         start,    // strobe, when idle
    input  wire [4:0]   op,       // OP_FILL to OP_STORE
    input  wire [7:0]   task_number,
    input  wire [2:0]   first,    // first block of the chunk, counted from its segment's beginning
    input  wire [7:0]   blocks,   // of the chunk, 1 to 128

    // answer
    output wire         done,
    input  wire         done_taken,
    output reg          differs,
    output reg  [31:0]  offset,   // first byte that differs, counted from the first block compared

    // where the chunk's segments are; line one clock after the index
    output wire [4:0]   index,
    input  wire [19:0]  segment_line,

    // cache back port
    output wire         bk_valid,
    input  wire         bk_ready,
    output wire         bk_write,
    output wire [19:0]  bk_line,
    output wire [127:0] bk_wdata,
    input  wire         bk_rdata_valid,
    input  wire [127:0] bk_rdata
);

`include "array/scsi_kinds.vh"

    localparam [31:0] PAGES_LINE = SEGMENTS * 256;

    localparam [2:0]
        STATE_IDLE    = 3'd0,
        STATE_LOAD    = 3'd1,  // a block of the page into the buffer
        STATE_FIND    = 3'd2,  // the segment of the block
        STATE_FOUND   = 3'd3,
        STATE_COMPARE = 3'd4,
        STATE_WRITE   = 3'd5,
        STATE_DONE    = 3'd6;

    reg [2:0]   state_reg;
    reg [4:0]   op_reg;
    reg [7:0]   task_reg;
    reg [2:0]   first_reg;
    reg [7:0]   blocks_reg;
    reg [7:0]   block_reg;    // block of the chunk
    reg [6:0]   page_reg;     // block of the page
    reg [5:0]   asked_reg;    // lines of the block asked for, or written
    reg [4:0]   got_reg;      // lines read
    reg [19:0]  base_reg;     // first line of the block in the chunk
    reg [127:0] buffer [0:31];

    wire [7:0]  place = {5'd0, first_reg} + block_reg;
    wire        loading = state_reg == STATE_LOAD;
    wire        reading = loading || state_reg == STATE_COMPARE;
    wire        taken = bk_valid && bk_ready;
    wire [19:0] page_line = PAGES_LINE[19:0] + {5'd0, task_reg, 7'd0} + {8'd0, page_reg, 5'd0};

    assign done = state_reg == STATE_DONE;
    assign index = place[7:3];
    assign bk_valid = (reading || state_reg == STATE_WRITE) && !asked_reg[5];
    assign bk_write = state_reg == STATE_WRITE;
    assign bk_line = (loading ? page_line : base_reg) + {15'd0, asked_reg[4:0]};
    assign bk_wdata = op_reg == OP_ZERO ? 128'd0 : buffer[asked_reg[4:0]];

    // first byte of a line that differs
    function [3:0] first_byte;
        input [127:0] difference;
        integer n;
        begin
            first_byte = 4'd0;
            for (n = 15; n >= 0; n = n - 1)
                if (|difference[8*(15-n) +: 8])
                    first_byte = n[3:0];
        end
    endfunction

    integer i;

    initial begin
        state_reg = STATE_IDLE; op_reg = 0; task_reg = 0; first_reg = 0; blocks_reg = 0; block_reg = 0; page_reg = 0; asked_reg = 0;
        got_reg = 0; base_reg = 0; differs = 0; offset = 0;
        for (i = 0; i < 32; i = i + 1)
            buffer[i] = 128'd0;
        if (SEGMENTS < 1 || SEGMENTS > 3840) begin
            $display("%m: SEGMENTS=%0d: must be 1 to 3840", SEGMENTS);
            $finish;
        end
    end

    always @(posedge clk) begin : work
        reg [2:0] state;
        reg [7:0] block;
        reg [6:0] page;
        reg [5:0] asked;
        reg [4:0] got;
        // as this clock finds them: Verilator then needs no second copy of the registers
        state = state_reg;
        block = block_reg;
        page = page_reg;
        asked = asked_reg;
        got = got_reg;
        case (state)
            STATE_IDLE:
                if (start) begin
                    op_reg <= op;
                    task_reg <= task_number;
                    first_reg <= first;
                    blocks_reg <= blocks;
                    block_reg <= 8'd0;
                    page_reg <= 7'd0;
                    asked_reg <= 6'd0;
                    got_reg <= 5'd0;
                    differs <= 1'b0;
                    state_reg <= op == OP_ZERO ? STATE_FIND : STATE_LOAD;
                end
            STATE_LOAD: begin
                if (taken)
                    asked_reg <= asked + 6'd1;
                if (bk_rdata_valid) begin
                    buffer[got] <= bk_rdata;
                    if (&got) begin
                        asked_reg <= 6'd0;
                        // the second block of a compare and write goes where the first was compared
                        state_reg <= page != 7'd0 && op_reg == OP_SWAP ? STATE_WRITE : STATE_FIND;
                    end
                    got_reg <= got + 5'd1;
                end
            end
            STATE_FIND:
                state_reg <= STATE_FOUND;
            STATE_FOUND: begin
                base_reg <= segment_line + {12'd0, place[2:0], 5'd0};
                asked_reg <= 6'd0;
                state_reg <= op_reg == OP_FILL || op_reg == OP_ZERO || op_reg == OP_STORE ? STATE_WRITE : STATE_COMPARE;
            end
            STATE_COMPARE: begin
                if (taken)
                    asked_reg <= asked + 6'd1;
                if (bk_rdata_valid) begin
                    if (&got) begin
                        asked_reg <= 6'd0;
                        page_reg <= page + 7'd1;
                        block_reg <= block + 8'd1;
                        if (differs || bk_rdata != buffer[got])
                            state_reg <= STATE_DONE;
                        else if (op_reg == OP_SWAP)
                            state_reg <= STATE_LOAD;
                        else if (block + 8'd1 == blocks_reg)
                            state_reg <= STATE_DONE;
                        else
                            state_reg <= op_reg == OP_COMPARE ? STATE_LOAD : STATE_FIND;
                    end
                    if (bk_rdata != buffer[got] && !differs) begin
                        offset <= {15'd0, block, got, first_byte(bk_rdata ^ buffer[got])};
                        differs <= 1'b1;
                    end
                    got_reg <= got + 5'd1;
                end
            end
            STATE_WRITE:
                if (taken) begin
                    asked_reg <= asked + 6'd1;
                    if (&asked[4:0]) begin
                        asked_reg <= 6'd0;
                        state_reg <= block + 8'd1 == blocks_reg || op_reg == OP_SWAP ? STATE_DONE : op_reg == OP_STORE ? STATE_LOAD : STATE_FIND;
                        block_reg <= block + 8'd1;
                        page_reg <= page + 7'd1;
                    end
                end
            default:
                if (done_taken)
                    state_reg <= STATE_IDLE;
        endcase
        if (rst)
            state_reg <= STATE_IDLE;
    end

endmodule

`resetall
