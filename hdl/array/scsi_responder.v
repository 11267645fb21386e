// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Builds the data of INQUIRY and the other commands that describe the array, line by line in the task's response page of the cache. */
module scsi_responder #(
    parameter VOLUMES  = 4,   // 1 to 16
    parameter SEGMENTS = 512  // cache segments; the response pages follow them
) (
    input  wire                  clk,
    input  wire                  rst,

    // request
    input  wire                  rs_valid,
    output wire                  rs_ready,
    input  wire [7:0]            rs_task,
    input  wire [2:0]            rs_page,     // PAGE_*
    input  wire [7:0]            rs_arg,      // VPD: page code; LUNS: bit 0 empty list; MODE: {changeable, control, caching, 10-byte header}
    input  wire [3:0]            rs_volume,
    input  wire                  rs_lun_ok,   // 0: INQUIRY answers "no logical unit here"
    input  wire [23:0]           rs_sense,    // REQUEST SENSE: {0, key, asc, ascq}

    // answer: the page is in the cache, bytes of it
    output wire                  rs_done_valid,
    input  wire                  rs_done_ready,
    output wire [7:0]            rs_done_task,
    output wire [8:0]            rs_done_length,

    // segment list
    output wire                  sl_wr_valid,
    input  wire                  sl_wr_ready,
    output wire [8:0]            sl_wr_slot,
    output wire [4:0]            sl_wr_index,
    output wire [19:0]           sl_wr_line,

    // cache back port
    output wire                  bk_valid,
    input  wire                  bk_ready,
    output wire                  bk_write,
    output wire [19:0]           bk_line,
    output wire [127:0]          bk_wdata,

    // identity and volumes
    input  wire [63:0]           cfg_wwnn,
    input  wire [VOLUMES*32-1:0] cfg_volume_blocks,
    input  wire [VOLUMES*2-1:0]  cfg_volume_flags  // {write protected, present} a volume
);

    localparam
        PAGE_INQUIRY = 3'd0,
        PAGE_VPD     = 3'd1,
        PAGE_SENSE   = 3'd2,
        PAGE_LUNS    = 3'd3,
        PAGE_CAP10   = 3'd4,
        PAGE_CAP16   = 3'd5,
        PAGE_MODE    = 3'd6,
        PAGE_OPCODES = 3'd7;

    localparam
        STATE_IDLE  = 3'd0,
        STATE_LUNS  = 3'd1,  // list the volumes that are there, one a clock
        STATE_LIST  = 3'd2,  // segment list entry
        STATE_BUILD = 3'd3,  // a word a clock
        STATE_WRITE = 3'd4,  // a line
        STATE_DONE  = 3'd5;

    localparam OPCODES = 22;
    localparam [31:0] PAGES_LINE = SEGMENTS * 256;

    // configuration of 16 volumes, those that do not exist all zero
    wire [16*32:0] all_blocks = {{((16 - VOLUMES) * 32 + 1){1'b0}}, cfg_volume_blocks};
    wire [16*2:0]  all_flags = {{((16 - VOLUMES) * 2 + 1){1'b0}}, cfg_volume_flags};

    reg [2:0]   state_reg;
    reg [7:0]   task_reg;
    reg [2:0]   page_reg;
    reg [7:0]   arg_reg;
    reg [3:0]   volume_reg;
    reg         lun_ok_reg;
    reg [19:0]  sense_reg;
    reg [31:0]  blocks_reg;
    reg         protect_reg;
    reg [5:0]   word_reg;
    reg [6:0]   words_reg;
    reg [127:0] line_reg;
    reg [3:0]   lun_list [0:15];
    reg [4:0]   lun_count;
    reg [3:0]   lun_scan;

    integer i;

    initial begin
        state_reg = STATE_IDLE; task_reg = 0; page_reg = 0; arg_reg = 0; volume_reg = 0; lun_ok_reg = 0; sense_reg = 0;
        blocks_reg = 0; protect_reg = 0; word_reg = 0; words_reg = 0; line_reg = 0; lun_count = 0; lun_scan = 0;
        for (i = 0; i < 16; i = i + 1)
            lun_list[i] = 4'd0;
        if (VOLUMES < 1 || VOLUMES > 16) begin
            $display("%m: VOLUMES=%0d: must be 1 to 16", VOLUMES);
            $finish;
        end
        if (SEGMENTS < 1 || SEGMENTS > 4095) begin
            $display("%m: SEGMENTS=%0d: must be 1 to 4095", SEGMENTS);
            $finish;
        end
    end

    function [7:0] hex;
        input [3:0] digit;
        hex = digit < 4'd10 ? {4'h3, digit} : {4'h4, digit - 4'd9};
    endfunction

    // the commands REPORT SUPPORTED OPERATION CODES names: {opcode, has a service action, service action, CDB length}
    function [18:0] command;
        input [4:0] index;
        case (index)
            5'd0:  command = {8'h00, 1'b0, 5'h00, 5'd6};
            5'd1:  command = {8'h03, 1'b0, 5'h00, 5'd6};
            5'd2:  command = {8'h08, 1'b0, 5'h00, 5'd6};
            5'd3:  command = {8'h0A, 1'b0, 5'h00, 5'd6};
            5'd4:  command = {8'h12, 1'b0, 5'h00, 5'd6};
            5'd5:  command = {8'h1A, 1'b0, 5'h00, 5'd6};
            5'd6:  command = {8'h1B, 1'b0, 5'h00, 5'd6};
            5'd7:  command = {8'h25, 1'b0, 5'h00, 5'd10};
            5'd8:  command = {8'h28, 1'b0, 5'h00, 5'd10};
            5'd9:  command = {8'h2A, 1'b0, 5'h00, 5'd10};
            5'd10: command = {8'h2F, 1'b0, 5'h00, 5'd10};
            5'd11: command = {8'h35, 1'b0, 5'h00, 5'd10};
            5'd12: command = {8'h5A, 1'b0, 5'h00, 5'd10};
            5'd13: command = {8'h88, 1'b0, 5'h00, 5'd16};
            5'd14: command = {8'h8A, 1'b0, 5'h00, 5'd16};
            5'd15: command = {8'h8F, 1'b0, 5'h00, 5'd16};
            5'd16: command = {8'h91, 1'b0, 5'h00, 5'd16};
            5'd17: command = {8'h9E, 1'b1, 5'h10, 5'd16};
            5'd18: command = {8'hA0, 1'b0, 5'h00, 5'd12};
            5'd19: command = {8'hA3, 1'b1, 5'h0C, 5'd12};
            5'd20: command = {8'hA8, 1'b0, 5'h00, 5'd12};
            default: command = {8'hAA, 1'b0, 5'h00, 5'd12};
        endcase
    endfunction

    // words of a page, from its kind
    function [6:0] page_words;
        input [2:0] page;
        input [7:0] arg;
        case (page)
            PAGE_INQUIRY: page_words = 7'd9;
            PAGE_VPD:
                case (arg)
                    8'h00: page_words = 7'd3;
                    8'h80: page_words = 7'd6;
                    8'h83: page_words = 7'd11;
                    8'h87, 8'hB2: page_words = 7'd2;
                    default: page_words = 7'd16;
                endcase
            PAGE_SENSE:   page_words = 7'd5;
            PAGE_CAP10:   page_words = 7'd2;
            PAGE_CAP16:   page_words = 7'd8;
            PAGE_MODE:    page_words = (arg[0] ? 7'd2 : 7'd1) + (arg[1] ? 7'd5 : 7'd0) + (arg[2] ? 7'd3 : 7'd0);
            PAGE_OPCODES: page_words = 7'd1 + 7'd2 * OPCODES[6:0];
            default:      page_words = 7'd2;  // LUNS: set when they have been counted
        endcase
    endfunction

    // a mode page word, index counted from the first page
    function [31:0] mode_word;
        input [3:1] arg;
        input [5:0] index;
        begin
            mode_word = 32'd0;
            if (arg[1] && index == 6'd0)
                mode_word = {16'h0812, arg[3] ? 16'h0000 : 16'h0400};  // caching: write cache enabled
            if (arg[2] && index == (arg[1] ? 6'd5 : 6'd0))
                mode_word = {16'h0A0A, arg[3] ? 16'h0000 : 16'h0010};  // control: unrestricted reordering
        end
    endfunction

    // four characters of the serial number
    function [31:0] hex4;
        input [15:0] digits;
        hex4 = {hex(digits[15:12]), hex(digits[11:8]), hex(digits[7:4]), hex(digits[3:0])};
    endfunction

    wire [7:0]  peripheral = lun_ok_reg ? 8'h00 : 8'h7F;
    wire [31:0] last_block = blocks_reg - 32'd1;
    wire [5:0]  mode_index = word_reg - (arg_reg[0] ? 6'd2 : 6'd1);
    wire [5:0]  list_index = word_reg - 6'd1;  // two words an entry, after one word of header
    wire [18:0] listed = command(list_index[5:1]);
    wire [15:0] mode_length = {8'd0, words_reg[5:0], 2'b00} - (arg_reg[0] ? 16'd2 : 16'd1);
    wire [3:0]  lun_index = word_reg[4:1] - 4'd1;
    wire [3:0]  lun_here = lun_list[lun_index];

    // word word_reg of the page
    reg [31:0] word;
    wire unused = &{1'b0, rs_sense[23:20], list_index[0]};

    always @* begin
        word = 32'd0;
        case (page_reg)
            PAGE_INQUIRY:
                case (word_reg)
                    6'd0: word = {peripheral, 24'h000612};  // SPC-4, hierarchical LUNs, response format 2
                    6'd1: word = 32'h1F000002;              // 31 more bytes, command queuing
                    6'd2: word = "PORT";
                    6'd3: word = "PLEX";
                    6'd4: word = "ARRA";
                    6'd5: word = "Y   ";
                    6'd6: word = "    ";
                    6'd7: word = "    ";
                    default: word = "0001";
                endcase
            PAGE_VPD:
                if (word_reg == 6'd0)
                    word = {peripheral, arg_reg, 7'd0, words_reg[6:0] - 7'd1, 2'b00};
                else
                    case ({arg_reg, word_reg})
                        {8'h00, 6'd1}: word = 32'h00808386;
                        {8'h00, 6'd2}: word = 32'h87B0B1B2;
                        {8'h80, 6'd1}: word = hex4(cfg_wwnn[63:48]);
                        {8'h80, 6'd2}: word = hex4(cfg_wwnn[47:32]);
                        {8'h80, 6'd3}: word = hex4(cfg_wwnn[31:16]);
                        {8'h80, 6'd4}: word = hex4(cfg_wwnn[15:0]);
                        {8'h80, 6'd5}: word = {"LU0", hex(volume_reg)};
                        {8'h83, 6'd1}: word = 32'h01030010;                  // logical unit: NAA 6, made of the node name and the volume
                        {8'h83, 6'd2}: word = {4'h6, cfg_wwnn[59:32]};
                        {8'h83, 6'd3}: word = cfg_wwnn[31:0];
                        {8'h83, 6'd5}: word = {28'd0, volume_reg};
                        {8'h83, 6'd6}: word = 32'h01230008;                  // target device: node name
                        {8'h83, 6'd7}: word = cfg_wwnn[63:32];
                        {8'h83, 6'd8}: word = cfg_wwnn[31:0];
                        {8'h83, 6'd9}: word = 32'h01140004;                  // relative target port
                        {8'h83, 6'd10}: word = 32'h00000001;
                        {8'h86, 6'd1}: word = 32'h00010200;                  // simple tasks, non-volatile cache
                        {8'h87, 6'd1}: word = 32'h3FFF0000;                  // all mode pages are shared
                        {8'hB0, 6'd1}: word = 32'h00000008;                  // granularity: a segment
                        {8'hB0, 6'd2}: word = 32'd65535;                     // maximum transfer length
                        {8'hB0, 6'd3}: word = 32'd128;                       // optimal transfer length
                        {8'hB1, 6'd1}: word = 32'h00010000;                  // non-rotating
                        default: word = 32'd0;
                    endcase
            PAGE_SENSE:
                case (word_reg)
                    6'd0: word = {8'h70, 8'h00, 4'h0, sense_reg[19:16], 8'h00};
                    6'd1: word = 32'h0000000C;  // 12 more bytes
                    6'd3: word = {sense_reg[15:0], 16'h0000};
                    default: word = 32'd0;
                endcase
            PAGE_LUNS:
                if (word_reg == 6'd0)
                    word = {24'd0, lun_count, 3'b000};
                else if (word_reg > 6'd1 && !word_reg[0])
                    word = {12'h000, lun_here, 16'h0000};
            PAGE_CAP10:
                word = word_reg == 6'd0 ? last_block : 32'd512;
            PAGE_CAP16:
                case (word_reg)
                    6'd1: word = last_block;
                    6'd2: word = 32'd512;
                    6'd3: word = 32'h00030000;  // 8 blocks to a segment, the first aligned
                    default: word = 32'd0;
                endcase
            PAGE_MODE:
                if (word_reg == 6'd0)
                    word = arg_reg[0] ? {mode_length, 8'h00, protect_reg, 7'd0} : {mode_length[7:0], 8'h00, protect_reg, 7'd0, 8'h00};
                else if (!(arg_reg[0] && word_reg == 6'd1))
                    word = mode_word(arg_reg[3:1], mode_index);
            PAGE_OPCODES:
                if (word_reg == 6'd0)
                    word = 32'd8 * OPCODES;
                else if (word_reg[0])
                    word = {listed[18:11], 8'h00, 11'd0, listed[9:5]};
                else
                    word = {8'h00, 7'd0, listed[10], 11'd0, listed[4:0]};
        endcase
    end

    assign rs_ready = state_reg == STATE_IDLE;
    assign rs_done_valid = state_reg == STATE_DONE;
    assign rs_done_task = task_reg;
    assign rs_done_length = {words_reg, 2'b00};

    assign sl_wr_valid = state_reg == STATE_LIST;
    assign sl_wr_slot = {1'b0, task_reg};
    assign sl_wr_index = 5'd0;
    assign sl_wr_line = PAGES_LINE[19:0] + {8'd0, task_reg, 4'd0};

    assign bk_valid = state_reg == STATE_WRITE;
    assign bk_write = 1'b1;
    assign bk_line = sl_wr_line + {16'd0, list_index[5:2]};  // word_reg already counts the word after the line
    assign bk_wdata = line_reg;

    always @(posedge clk) begin
        case (state_reg)
            STATE_IDLE:
                if (rs_valid) begin
                    task_reg <= rs_task;
                    page_reg <= rs_page;
                    arg_reg <= rs_arg;
                    volume_reg <= rs_lun_ok ? rs_volume : 4'd0;
                    lun_ok_reg <= rs_lun_ok;
                    sense_reg <= rs_sense[19:0];
                    blocks_reg <= all_blocks[{1'b0, rs_volume, 5'd0} +: 32];
                    protect_reg <= all_flags[{1'b0, rs_volume, 1'b1}];
                    words_reg <= page_words(rs_page, rs_arg);
                    word_reg <= 6'd0;
                    lun_count <= 5'd0;
                    lun_scan <= 4'd0;
                    state_reg <= rs_page == PAGE_LUNS && !rs_arg[0] ? STATE_LUNS : STATE_LIST;
                end
            STATE_LUNS: begin
                // an absent volume has no blocks
                if (all_flags[{1'b0, lun_scan, 1'b0}] && all_blocks[{1'b0, lun_scan, 5'd0} +: 32] != 32'd0) begin
                    lun_list[lun_count[3:0]] <= lun_scan;
                    lun_count <= lun_count + 5'd1;
                    words_reg <= words_reg + 7'd2;
                end
                lun_scan <= lun_scan + 4'd1;
                if ({28'd0, lun_scan} == VOLUMES - 1)
                    state_reg <= STATE_LIST;
            end
            STATE_LIST:
                if (sl_wr_ready)
                    state_reg <= STATE_BUILD;
            STATE_BUILD: begin
                case (word_reg[1:0])
                    2'd0: line_reg <= {word, 96'd0};
                    2'd1: line_reg[95:64] <= word;
                    2'd2: line_reg[63:32] <= word;
                    2'd3: line_reg[31:0] <= word;
                endcase
                word_reg <= word_reg + 6'd1;
                if (word_reg[1:0] == 2'd3 || {1'b0, word_reg} + 7'd1 == words_reg)
                    state_reg <= STATE_WRITE;
            end
            STATE_WRITE:
                if (bk_ready)
                    state_reg <= {1'b0, word_reg} == words_reg ? STATE_DONE : STATE_BUILD;
            STATE_DONE:
                if (rs_done_ready)
                    state_reg <= STATE_IDLE;
            default:
                state_reg <= STATE_IDLE;
        endcase
        if (rst)
            state_reg <= STATE_IDLE;
    end

endmodule

`resetall
