// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Reads the parameter list in a task's page and says what MODE SELECT, UNMAP and PERSISTENT RESERVE OUT make of it. */
module parameter_list #(
    parameter VOLUMES  = 4,   // 1 to 16
    parameter SEGMENTS = 512  // cache segments; the pages of the tasks follow them
) (
    input  wire                  clk,
    input  wire                  rst,

    // request
    input  wire                  start,       // strobe, when idle
    input  wire [4:0]            op,          // OP_MODE_SELECT to OP_RELEASE
    input  wire [7:0]            task_number,
    input  wire [3:0]            volume,
    input  wire [31:0]           arg,         // MODE SELECT: bit 0 10-byte header; PERSISTENT RESERVE OUT: {.., action[4:0], scope and type}
    input  wire [10:0]           length,      // bytes of the list
    input  wire [5:0]            descriptor,  // UNMAP: which one is wanted; 0 checks them all first

    // answer
    output wire                  done,
    input  wire                  done_taken,
    output reg  [7:0]            status,
    output reg  [23:0]           sense,
    output reg                   range_valid,  // UNMAP: there is such a descriptor
    output reg  [31:0]           range_lba,
    output reg  [24:0]           range_bytes,
    output reg  [31:0]           abort_initiators,  // PREEMPT AND ABORT: whose commands must end

    // cache back port
    output wire                  bk_valid,
    input  wire                  bk_ready,
    output wire [19:0]           bk_line,
    input  wire                  bk_rdata_valid,
    input  wire [127:0]          bk_rdata,

    // persistent reservations
    output wire                  pr_start,
    output wire [4:0]            pr_action,
    output wire [7:0]            pr_scope_type,
    output wire [63:0]           pr_key,
    output wire [63:0]           pr_action_key,
    input  wire                  pr_done,
    input  wire [7:0]            pr_status,
    input  wire [23:0]           pr_sense,
    input  wire [31:0]           pr_abort_initiators,

    // unit attention: mode parameters changed
    output wire                  raise_valid,
    input  wire                  raise_ready,

    // mode parameters: software write protect of each volume
    output reg  [15:0]           software_protect,
    input  wire [15:0]           reset_volumes,

    input  wire [VOLUMES*32-1:0] cfg_volume_blocks
);

`include "array/scsi_kinds.vh"

    localparam [31:0] PAGES_LINE = SEGMENTS * 256;
    localparam [31:0] MAX_BLOCKS = 32'd65535;  // of one UNMAP, announced in VPD page B0h

    localparam [7:0] CHECK_CONDITION = 8'h02;
    localparam [23:0]
        SENSE_LENGTH = 24'h051A00,
        SENSE_RANGE  = 24'h052100,
        SENSE_LIST   = 24'h052600;

    localparam [3:0]
        STATE_IDLE   = 4'd0,
        STATE_FETCH  = 4'd1,  // a line of the page
        STATE_LINE   = 4'd2,
        STATE_WORD   = 4'd3,  // MODE SELECT: a word of it
        STATE_UNMAP  = 4'd4,  // UNMAP: the line ends one descriptor and begins the next
        STATE_RANGE  = 4'd5,  // a descriptor is complete
        STATE_KEYS   = 4'd6,
        STATE_ACT    = 4'd7,  // persistent reservation
        STATE_RAISE  = 4'd8,
        STATE_DONE   = 4'd9;

    reg [3:0]   state_reg;
    reg [4:0]   op_reg;
    reg [7:0]   task_reg;
    reg [3:0]   volume_reg;
    reg [12:0]  arg_reg;
    reg [10:0]  length_reg;
    reg [5:0]   wanted_reg;
    reg [6:0]   line_reg;
    reg [127:0] data_reg;
    reg [1:0]   word_reg;      // word of the line
    reg [2:0]   page_word_reg; // words left of the mode page
    reg         control_reg;   // the page is the control page
    reg         header_reg;    // words of the header are left
    reg         protect_reg;   // software write protect, as the list has it
    reg         reset_reg;     // the volume was reset meanwhile: the list changes nothing any more
    reg [16:0]  blocks_reg;    // UNMAP: sum so far
    reg [31:0]  lba_high_reg;
    reg [5:0]   count_reg;     // descriptors seen
    reg [5:0]   descriptors_reg;
    reg         check_reg;     // all descriptors are being checked
    reg [127:0] keys_reg;

    wire [16*32:0] all_blocks = {{((16 - VOLUMES) * 32 + 1){1'b0}}, cfg_volume_blocks};

    wire [31:0]  word = data_reg[127:96];  // MODE SELECT shifts the line
    reg  [10:0]  position;  // word of the list
    reg          last_word;
    wire [31:0]  blocks = data_reg[127:96];  // UNMAP: the line after the one in which the descriptor begins
    wire         unused = &{1'b0, arg[31:13]};
    reg  [32:0]  range_end;
    reg  [10:0]  list_room;
    wire         changed = !reset_reg && software_protect[volume_reg] != protect_reg;

    assign done = state_reg == STATE_DONE;
    assign bk_valid = state_reg == STATE_FETCH;
    assign bk_line = PAGES_LINE[19:0] + {5'd0, task_reg, 7'd0} + {13'd0, line_reg};
    assign pr_start = state_reg == STATE_ACT;
    assign pr_action = arg_reg[12:8];
    assign pr_scope_type = arg_reg[7:0];
    assign pr_key = keys_reg[127:64];
    assign pr_action_key = keys_reg[63:0];
    assign raise_valid = state_reg == STATE_RAISE && changed;

    integer i;

    task refuse;
        input [23:0] why;
        begin
            status <= CHECK_CONDITION;
            sense <= why;
            state_reg <= STATE_DONE;
        end
    endtask

    initial begin
        state_reg = STATE_IDLE; op_reg = 0; task_reg = 0; volume_reg = 0; arg_reg = 0; length_reg = 0; wanted_reg = 0; line_reg = 0;
        data_reg = 0; word_reg = 0; page_word_reg = 0; control_reg = 0; header_reg = 0; protect_reg = 0; reset_reg = 0; blocks_reg = 0;
        lba_high_reg = 0; count_reg = 0; descriptors_reg = 0; check_reg = 0; keys_reg = 0; status = 0; sense = 0; range_valid = 0;
        range_lba = 0; range_bytes = 0; abort_initiators = 0; software_protect = 0; position = 0; last_word = 0; range_end = 0; list_room = 0;
        if (VOLUMES < 1 || VOLUMES > 16) begin
            $display("%m: VOLUMES=%0d: must be 1 to 16", VOLUMES);
            $finish;
        end
    end

    // verilator lint_off BLKSEQ
    always @(posedge clk) begin : step
        reg [3:0] state;
        reg [6:0] line;
        reg       header;
        reg [5:0] count;
        reg [5:0] descriptors;
        if (|reset_volumes && reset_volumes[volume_reg])
            reset_reg <= 1'b1;
        // as this clock finds them: Verilator then needs no second copy of the registers
        state = state_reg;
        line = line_reg;
        header = header_reg;
        count = count_reg;
        descriptors = descriptors_reg;
        case (state)
            STATE_IDLE:
                if (start) begin
                    op_reg <= op;
                    task_reg <= task_number;
                    volume_reg <= volume;
                    arg_reg <= arg[12:0];
                    length_reg <= length;
                    wanted_reg <= descriptor;
                    word_reg <= 2'd0;
                    header_reg <= 1'b1;
                    page_word_reg <= 3'd0;
                    protect_reg <= software_protect[volume];
                    reset_reg <= reset_volumes[volume];
                    blocks_reg <= 17'd0;
                    status <= 8'h00;
                    sense <= 24'd0;
                    check_reg <= descriptor == 6'd0;
                    count_reg <= descriptor;
                    line_reg <= 7'd0;
                    state_reg <= op == OP_RESERVE || op == OP_RELEASE ? STATE_ACT : STATE_FETCH;
                end

            STATE_FETCH:
                if (bk_ready)
                    state_reg <= STATE_LINE;

            STATE_LINE:
                if (bk_rdata_valid) begin
                    data_reg <= bk_rdata;
                    state_reg <= op_reg == OP_MODE_SELECT ? STATE_WORD : op_reg == OP_UNMAP ? STATE_UNMAP : STATE_KEYS;
                end

            STATE_WORD: begin
                position = {2'd0, line, 2'd0} + {9'd0, word_reg};
                last_word = position + 11'd1 == {2'd0, length_reg[10:2]};
                if (&word_reg) begin
                    line_reg <= line + 7'd1;
                    state_reg <= STATE_FETCH;
                end
                if (last_word)
                    state_reg <= STATE_RAISE;
                if (header) begin
                    // medium type, block descriptors: none
                    header_reg <= arg_reg[0] && position == 11'd0;
                    if (!arg_reg[0] ? |word[23:16] || |word[7:0] : position == 11'd0 ? |word[15:8] : |word[15:0])
                        refuse(SENSE_LIST);
                    else if (last_word && arg_reg[0] && position == 11'd0)
                        refuse(SENSE_LENGTH);
                end else if (page_word_reg != 3'd0) begin
                    if (control_reg && page_word_reg == 3'd2)
                        protect_reg <= word[27];
                    if (control_reg && page_word_reg == 3'd2 ? |{word[31:28], word[26:0]} : |word)
                        refuse(SENSE_LIST);
                    else if (last_word && page_word_reg != 3'd1)
                        refuse(SENSE_LENGTH);
                    page_word_reg <= page_word_reg - 3'd1;
                end else begin
                    // the page as it is, but for what may be changed
                    control_reg <= word[29:24] == 6'h0A;
                    page_word_reg <= word[29:24] == 6'h0A ? 3'd2 : 3'd4;
                    if ({1'b0, word[30:0]} != 32'h08120400 && {1'b0, word[30:0]} != 32'h0A0A0010)
                        refuse(SENSE_LIST);
                    else if (last_word)
                        refuse(SENSE_LENGTH);
                end
                data_reg <= {data_reg[95:0], 32'd0};
                word_reg <= word_reg + 2'd1;
            end

            STATE_RAISE:
                if (raise_ready || !changed) begin
                    if (changed)
                        software_protect[volume_reg] <= protect_reg;
                    state_reg <= STATE_DONE;
                end

            STATE_UNMAP:
                if (header) begin
                    list_room = length_reg - 11'd8;
                    header_reg <= 1'b0;
                    descriptors_reg <= data_reg[111:96] > {5'd0, list_room} ? list_room[9:4] : data_reg[105:100];
                    line_reg <= {1'b0, count};
                    state_reg <= data_reg[111:100] == 12'd0 || list_room[10:4] == 7'd0 ? STATE_DONE : STATE_FETCH;
                end else if (line != {1'b0, count})
                    state_reg <= STATE_RANGE;
                else begin
                    lba_high_reg <= data_reg[63:32];
                    range_lba <= data_reg[31:0];
                    line_reg <= line + 7'd1;
                    state_reg <= count == descriptors ? STATE_DONE : STATE_FETCH;
                end

            STATE_RANGE: begin
                range_end = {1'b0, range_lba} + {1'b0, blocks};
                range_bytes <= {blocks[15:0], 9'd0};
                if (check_reg) begin
                    if (|lba_high_reg || range_end > {1'b0, all_blocks[{1'b0, volume_reg, 5'd0} +: 32]})
                        refuse(SENSE_RANGE);
                    else if (blocks > MAX_BLOCKS || {15'd0, blocks_reg} + blocks > MAX_BLOCKS)
                        refuse(SENSE_LIST);
                    else begin
                        check_reg <= count + 6'd1 != descriptors;
                        count_reg <= count + 6'd1 != descriptors ? count + 6'd1 : wanted_reg;
                        line_reg <= count + 6'd1 != descriptors ? line : {1'b0, wanted_reg};
                        state_reg <= STATE_FETCH;
                    end
                    blocks_reg <= blocks_reg + {1'b0, blocks[15:0]};
                end else begin
                    range_valid <= 1'b1;
                    state_reg <= STATE_DONE;
                end
            end

            STATE_KEYS: begin
                if (line == 7'd0) begin
                    keys_reg <= data_reg;
                    line_reg <= 7'd1;
                    state_reg <= STATE_FETCH;
                end else if (|data_reg[91:90] || data_reg[88])  // SPEC_I_PT, ALL_TG_PT, APTPL are not offered
                    refuse(SENSE_LIST);
                else
                    state_reg <= STATE_ACT;
            end

            STATE_ACT:
                if (pr_done) begin
                    status <= pr_status;
                    sense <= pr_sense;
                    abort_initiators <= pr_abort_initiators;
                    state_reg <= STATE_DONE;
                end

            default:
                if (done_taken) begin
                    range_valid <= 1'b0;
                    abort_initiators <= 32'd0;
                    state_reg <= STATE_IDLE;
                end
        endcase
        if (|reset_volumes) for (i = 0; i < 16; i = i + 1)
            if (reset_volumes[i])
                software_protect[i] <= 1'b0;
        if (rst) begin
            state_reg <= STATE_IDLE;
            software_protect <= 16'd0;
            range_valid <= 1'b0;
            abort_initiators <= 32'd0;
        end
    end
    // verilator lint_on BLKSEQ

endmodule

`resetall
