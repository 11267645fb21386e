// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Builds the data of INQUIRY and the other commands that describe the array, line by line in the task's page of the cache. */
module scsi_responder #(
    parameter PORTS    = 1,   // 1 or 2: target ports
    parameter TASKS    = 32,  // contexts of each port
    parameter VOLUMES  = 4,   // 1 to 16
    parameter SEGMENTS = 512  // cache segments; the pages of the tasks follow them
) (
    input  wire                  clk,
    input  wire                  rst,

    // request
    input  wire                  start,       // strobe, when idle
    input  wire [4:0]            op,          // OP_INQUIRY to OP_OPEN
    input  wire [7:0]            task_number,
    input  wire [31:0]           arg,         // as scsi_decode gives it; LUNS: {volumes not shown, .., empty list}
    input  wire [3:0]            volume,
    input  wire                  lun_ok,      // 0: INQUIRY answers "no logical unit here"
    input  wire [23:0]           sense,       // REQUEST SENSE: {0, key, asc, ascq}

    // answer: the page is in the cache
    output wire                  done,
    input  wire                  done_taken,
    output wire [11:0]           done_length, // bytes
    output reg                   done_bad,    // invalid field in the CDB instead

    // segment list
    output wire                  sl_wr_valid,
    input  wire                  sl_wr_ready,
    output wire [8:0]            sl_wr_slot,
    output wire [4:0]            sl_wr_index,
    output wire [19:0]           sl_wr_line,

    // cache back port, writes only
    output wire                  bk_valid,
    input  wire                  bk_ready,
    output wire [19:0]           bk_line,
    output wire [127:0]          bk_wdata,

    // persistent reservations of the volume, and of one initiator
    output wire [3:0]            in_volume,
    output wire [4:0]            in_initiator,
    input  wire [31:0]           in_registered,
    input  wire [31:0]           in_generation,
    input  wire                  in_held,
    input  wire [3:0]            in_type,
    input  wire [63:0]           in_holder_key,
    input  wire [63:0]           in_key,
    input  wire [63:0]           in_wwpn,
    input  wire                  in_holds,

    // results of copies: strobe, then a strobe
    input  wire [4:0]            initiator,
    output wire                  find,
    output wire [16:0]           find_key,          // {initiator, volume, list identifier}
    input  wire                  find_done,
    input  wire                  find_hit,
    input  wire                  find_ended,
    input  wire [130:0]          find_result,       // RESULT_WIDTH

    // identity, volumes, mode parameters
    input  wire [63:0]           cfg_wwnn,
    input  wire [VOLUMES*32-1:0] cfg_volume_blocks,
    input  wire [VOLUMES*2-1:0]  cfg_volume_flags,  // {write protected, present} a volume
    input  wire [15:0]           software_protect
);

`include "array/scsi_kinds.vh"
`include "array/command_table.vh"
`include "array/copy_limits.vh"

    localparam [1:0] KEYS = 2'd0, RESERVATION = 2'd1, CAPABILITIES = 2'd2, FULL_STATUS = 2'd3;

    localparam [2:0]
        STATE_IDLE  = 3'd0,
        STATE_DONE  = 3'd1,
        STATE_COUNT = 3'd2,  // how long the page will be
        STATE_FOUND = 3'd3,  // the result of a copy
        STATE_FIND  = 3'd4,  // look a command up, one entry of the table a clock
        STATE_LIST  = 3'd5,  // segment list entry
        STATE_BUILD = 3'd6,  // a word a clock
        STATE_WRITE = 3'd7;  // a line

    localparam [31:0] PAGES_LINE = SEGMENTS * 256;

    // configuration of 16 volumes, those that do not exist all zero
    wire [16*32:0] all_blocks = {{((16 - VOLUMES) * 32 + 1){1'b0}}, cfg_volume_blocks};
    wire [16*2:0]  all_flags = {{((16 - VOLUMES) * 2 + 1){1'b0}}, cfg_volume_flags};

    reg [2:0]   state_reg;
    reg [7:0]   task_reg;
    reg [4:0]   op_reg;
    reg [31:0]  arg_reg;
    reg [3:0]   volume_reg;
    reg [4:0]   initiator_reg;
    reg         lun_ok_reg;
    reg [19:0]  sense_reg;
    reg [31:0]  blocks_reg;
    reg         protect_reg;
    reg [8:0]   word_reg;
    reg [9:0]   words_reg;
    reg [127:0] line_reg;

    // a page with a list: entries of some words after a header
    reg [31:0]  left_reg;    // volumes or initiators not yet listed
    reg [5:0]   entry_reg;   // commands: the entry of the table
    reg [3:0]   field_reg;   // word of the entry

    // one command: what REPORT SUPPORTED OPERATION CODES says, first word in the highest bits
    reg [255:0] one_reg;
    reg [1:0]   spare_reg;   // bytes of its last word that are not there

    integer i;

    initial begin
        state_reg = STATE_IDLE; task_reg = 0; op_reg = 0; arg_reg = 0; volume_reg = 0; initiator_reg = 0; lun_ok_reg = 0; sense_reg = 0;
        blocks_reg = 0; protect_reg = 0; word_reg = 0; words_reg = 0; line_reg = 0; left_reg = 0; entry_reg = 0; field_reg = 0;
        one_reg = 0; spare_reg = 0; done_bad = 0; listed = 0; wanted_opcode = 0; listed_usage = 0; listed_map = 0; listed_data = 0;
        if (VOLUMES < 1 || VOLUMES > 16) begin
            $display("%m: VOLUMES=%0d: must be 1 to 16", VOLUMES);
            $finish;
        end
        if (SEGMENTS < 1 || SEGMENTS > 3840) begin
            $display("%m: SEGMENTS=%0d: must be 1 to 3840", SEGMENTS);
            $finish;
        end
    end

    function [7:0] hex;
        input [3:0] digit;
        hex = digit < 4'd10 ? {4'h3, digit} : {4'h4, digit - 4'd9};
    endfunction

    // four characters of the serial number
    function [31:0] hex4;
        input [15:0] digits;
        hex4 = {hex(digits[15:12]), hex(digits[11:8]), hex(digits[7:4]), hex(digits[3:0])};
    endfunction

    function [9:0] ones;
        input [31:0] bits;
        integer n;
        begin
            ones = 10'd0;
            for (n = 0; n < 32; n = n + 1)
                ones = ones + {9'd0, bits[n]};
        end
    endfunction

    function [4:0] lowest;
        input [31:0] bits;
        integer n;
        begin
            lowest = 5'd0;
            for (n = 31; n >= 0; n = n - 1)
                if (bits[n])
                    lowest = n[4:0];
        end
    endfunction

    // a mode page word, index counted from the first page; control: 1 changeable, 2 default values
    function [31:0] mode_word;
        input       caching_too;
        input       control_too;
        input [1:0] control;
        input       protect;
        input [5:0] index;
        begin
            mode_word = 32'd0;
            if (caching_too && index == 6'd0)
                mode_word = {16'h0812, control == 2'd1 ? 16'h0000 : 16'h0400};  // caching: write cache enabled
            if (control_too && index == (caching_too ? 6'd5 : 6'd0))
                mode_word = {16'h0A0A, control == 2'd1 ? 16'h0000 : 16'h0010};  // control: unrestricted reordering
            if (control_too && index == (caching_too ? 6'd6 : 6'd1))
                mode_word = {4'd0, control == 2'd1 || (control == 2'd0 && protect), 27'd0};  // software write protect
        end
    endfunction

    // What follows is looked at in one state only, and worked out in that state only: it costs nothing in the others.
    wire counting = state_reg == STATE_COUNT;
    wire building = state_reg == STATE_BUILD;

    wire [7:0]  peripheral = lun_ok_reg ? 8'h00 : 8'h7F;
    wire [31:0] last_block = blocks_reg - 32'd1;
    wire [1:0]  reserve_in = arg_reg[1:0];
    wire        timeouts = arg_reg[27];
    wire        one = op_reg == OP_OPCODES && arg_reg[26:24] != 3'd0;
    wire        listing = op_reg == OP_LUNS || (op_reg == OP_OPCODES && !one) || op_reg == OP_RESERVE_IN;
    wire [31:0] list_bytes = {20'd0, words_reg, 2'b00} - 32'd8;  // after a header of two words
    wire [3:0]  last_field = op_reg == OP_OPCODES ? (timeouts ? 4'd4 : 4'd1)
                             : op_reg == OP_RESERVE_IN && reserve_in == FULL_STATUS ? 4'd11 : 4'd1;

    assign in_volume = volume_reg;
    reg  [4:0]  first_left;
    always @* begin
        first_left = 5'd0;
        if (building)
            first_left = lowest(left_reg);
    end
    assign in_initiator = first_left;

    // one command: its entry of the table, the usage map with the service action in its field, then the timeouts, which are not told
    reg  [18:0]  listed;
    reg          wanted_opcode;
    reg  [119:0] listed_usage;
    reg  [127:0] listed_map;
    reg  [223:0] listed_data;

    // words of the page, volumes that REPORT LUNS shows
    reg [9:0]  count;
    reg [31:0] shown;
    always @* begin
        count = 10'd0;
        shown = 32'd0;
        if (counting) case (op_reg)
            OP_INQUIRY: count = 10'd9;
            OP_VPD:
                case (arg_reg[7:0])
                    8'h00: count = 10'd3;
                    8'h80: count = 10'd6;
                    8'h83: count = 10'd13;
                    8'h87, 8'hB2: count = 10'd2;
                    default: count = 10'd16;
                endcase
            OP_SENSE:       count = 10'd5;
            OP_LUNS: begin
                for (i = 0; i < 16; i = i + 1)
                    shown[i] = all_flags[2*i] && all_blocks[32*i +: 32] != 32'd0 && !arg_reg[16+i] && !arg_reg[0];
                count = 10'd2 + 10'd2 * ones(shown);
            end
            OP_CAPACITY_10: count = 10'd2;
            OP_CAPACITY_16: count = 10'd8;
            OP_MODE:        count = (arg_reg[0] ? 10'd2 : 10'd1) + (arg_reg[1] ? 10'd5 : 10'd0) + (arg_reg[2] ? 10'd3 : 10'd0);
            OP_OPCODES:     count = timeouts ? 10'd1 + 10'd5 * COMMANDS[9:0] : 10'd1 + 10'd2 * COMMANDS[9:0];
            OP_GROUPS:      count = PORTS > 1 ? 10'd5 : 10'd4;
            OP_COPY_STATUS: count = 10'd3;
            OP_COPY_LIMITS: count = 10'd12;
            OP_COPY_FAILURE: count = 10'd1;
            default:
                case (reserve_in)  // PERSISTENT RESERVE IN
                    KEYS:         count = 10'd2 + 10'd2 * ones(in_registered);
                    RESERVATION:  count = in_held ? 10'd6 : 10'd2;
                    CAPABILITIES: count = 10'd2;
                    default:      count = 10'd2 + 10'd12 * ones(in_registered);
                endcase
        endcase
    end

    // a copy that has ended, or is under way
    wire        copy_failed, copy_device, copy_source;
    wire [15:0] copy_segments, copy_sense;
    wire [31:0] copy_bytes, copy_left;
    wire [7:0]  copy_status;
    wire [23:0] device_sense;
    wire        finding_copy = op_reg == OP_COPY_STATUS || op_reg == OP_COPY_FAILURE;
    wire        copy_failure = find_ended && copy_failed;
    assign {copy_failed, copy_segments, copy_bytes, copy_sense, copy_left, copy_device, copy_source, copy_status, device_sense} = find_result;
    assign find = counting && finding_copy;
    assign find_key = {initiator_reg, volume_reg, arg_reg[7:0]};

    // the port the task came by
    wire in_second = PORTS > 1 && {24'd0, task_reg} >= TASKS;

    // word word_reg of the page
    reg [31:0] word;
    reg        software;
    reg [5:0]  mode_index;
    reg [15:0] mode_length;
    reg [18:0] entry;

    always @* begin
        word = 32'd0;
        software = 1'b0;
        mode_index = 6'd0;
        mode_length = 16'd0;
        entry = 19'd0;
        if (building) case (op_reg)
            OP_INQUIRY:
                case (word_reg[3:0])
                    4'd0: word = {peripheral, 24'h000612};  // SPC-4, hierarchical LUNs, response format 2
                    4'd1: word = PORTS > 1 ? 32'h1F181002 : 32'h1F180002; // 31 more bytes, implicit ALUA, third-party copy, several ports, command queuing
                    4'd2: word = "PORT";
                    4'd3: word = "PLEX";
                    4'd4: word = "ARRA";
                    4'd5: word = "Y   ";
                    4'd6: word = "    ";
                    4'd7: word = "    ";
                    default: word = "0001";
                endcase
            OP_VPD:
                if (word_reg == 9'd0)
                    word = {peripheral, arg_reg[7:0], 6'd0, words_reg[7:0] - 8'd1, 2'b00};
                else
                    case ({arg_reg[7:0], word_reg[3:0]})
                        {8'h00, 4'd1}: word = 32'h00808386;
                        {8'h00, 4'd2}: word = 32'h87B0B1B2;
                        {8'h80, 4'd1}: word = hex4(cfg_wwnn[63:48]);
                        {8'h80, 4'd2}: word = hex4(cfg_wwnn[47:32]);
                        {8'h80, 4'd3}: word = hex4(cfg_wwnn[31:16]);
                        {8'h80, 4'd4}: word = hex4(cfg_wwnn[15:0]);
                        {8'h80, 4'd5}: word = {"LU0", hex(volume_reg)};
                        {8'h83, 4'd1}: word = 32'h01030010;       // logical unit: NAA 6, made of the node name and the volume
                        {8'h83, 4'd2}: word = {4'h6, cfg_wwnn[59:32]};
                        {8'h83, 4'd3}: word = cfg_wwnn[31:0];
                        {8'h83, 4'd5}: word = {28'd0, volume_reg};
                        {8'h83, 4'd6}: word = 32'h01230008;       // target device: node name
                        {8'h83, 4'd7}: word = cfg_wwnn[63:32];
                        {8'h83, 4'd8}: word = cfg_wwnn[31:0];
                        {8'h83, 4'd9}: word = 32'h01140004;       // relative target port
                        {8'h83, 4'd10}: word = in_second ? 32'd2 : 32'd1;
                        {8'h83, 4'd11}: word = 32'h01150004;      // target port group
                        {8'h83, 4'd12}: word = 32'h00000001;
                        {8'h86, 4'd1}: word = 32'h00010200;       // simple tasks, non-volatile cache
                        {8'h87, 4'd1}: word = 32'h3FFF0000;       // all mode pages are shared
                        {8'hB0, 4'd1}: word = 32'h01010008;       // WRITE SAME of 0 blocks refused; compare and write 1; granularity: a segment
                        {8'hB0, 4'd2}: word = 32'd65535;          // maximum transfer length
                        {8'hB0, 4'd3}: word = 32'd128;            // optimal transfer length
                        {8'hB0, 4'd5}: word = 32'd65535;          // maximum UNMAP: blocks, descriptors
                        {8'hB0, 4'd6}: word = 32'd63;
                        {8'hB0, 4'd7}: word = 32'd8;              // UNMAP granularity and alignment
                        {8'hB0, 4'd8}: word = 32'h80000000;
                        {8'hB0, 4'd10}: word = 32'd65535;         // maximum WRITE SAME length, low half
                        {8'hB1, 4'd1}: word = 32'h00010000;       // non-rotating
                        {8'hB2, 4'd1}: word = 32'h00E40000;       // UNMAP, WRITE SAME(16) and (10) unmap; then blocks read as zeros
                        default: word = 32'd0;
                    endcase
            OP_SENSE:
                case (word_reg[2:0])
                    3'd0: word = {8'h70, 8'h00, 4'h0, sense_reg[19:16], 8'h00};
                    3'd1: word = 32'h0000000C;  // 12 more bytes
                    3'd3: word = {sense_reg[15:0], 16'h0000};
                    default: word = 32'd0;
                endcase
            OP_LUNS:
                if (word_reg == 9'd0)
                    word = list_bytes;
                else if (word_reg != 9'd1 && field_reg == 4'd0)
                    word = {11'd0, first_left, 16'h0000};
            OP_CAPACITY_10:
                word = word_reg[0] ? 32'd512 : last_block;
            OP_CAPACITY_16:
                case (word_reg[2:0])
                    3'd1: word = last_block;
                    3'd2: word = 32'd512;
                    3'd3: word = 32'h0003C000;  // 8 blocks to a segment, the first aligned; UNMAP, zeros after it
                    default: word = 32'd0;
                endcase
            OP_MODE: begin
                software = software_protect[volume_reg];
                mode_index = word_reg[5:0] - (arg_reg[0] ? 6'd2 : 6'd1);
                mode_length = {8'd0, words_reg[5:0], 2'b00} - (arg_reg[0] ? 16'd2 : 16'd1);
                // write protected, DPO and FUA known
                if (word_reg == 9'd0)
                    word = arg_reg[0] ? {mode_length, 8'h00, protect_reg || software, 7'h10}
                           : {mode_length[7:0], 8'h00, protect_reg || software, 7'h10, 8'h00};
                else if (!(arg_reg[0] && word_reg == 9'd1))
                    word = mode_word(arg_reg[1], arg_reg[2], arg_reg[4:3], software, mode_index);
            end
            OP_OPCODES: begin
                entry = command(entry_reg);
                if (one)
                    word = one_reg[255:224];
                else if (word_reg == 9'd0)
                    word = {20'd0, words_reg, 2'b00} - 32'd4;
                else
                    case (field_reg)
                        4'd0: word = {entry[18:11], 8'h00, 11'd0, entry[9:5]};
                        4'd1: word = {8'h00, 6'd0, timeouts, entry[10], 11'd0, entry[4:0]};
                        4'd2: word = 32'h000A0000;  // timeouts: not told
                        default: word = 32'd0;
                    endcase
            end
            OP_GROUPS:
                case (word_reg[2:0])
                    3'd0: word = PORTS > 1 ? 32'd16 : 32'd12;
                    3'd1: word = 32'h00010001;  // active/optimized, the only state there is; group 1
                    3'd2: word = PORTS;         // so many ports
                    3'd3: word = 32'd1;
                    default: word = 32'd2;
                endcase
            OP_COPY_STATUS:
                case (word_reg[1:0])
                    2'd0: word = 32'd8;
                    2'd1: word = {6'd0, find_ended ? {copy_failed, !copy_failed} : 2'd0, copy_segments, 8'h00};  // in bytes
                    default: word = copy_bytes;
                endcase
            OP_COPY_LIMITS:
                case (word_reg[3:0])
                    4'd0: word = 32'd43;
                    4'd1: word = 32'h01000000;  // a list identifier need not be given
                    4'd2: word = {MAX_CSCDS[15:0], MAX_SEGMENTS[15:0]};
                    4'd3: word = 32 * MAX_CSCDS + 28 * MAX_SEGMENTS;
                    4'd4: word = 32'd65535 * 32'd512;  // bytes of a segment
                    4'd8: word = 32'd1;                // copies at once
                    4'd9: word = 32'h01090000;         // of an initiator; granularity: a block
                    4'd10: word = 32'd3;
                    4'd11: word = 32'h02E1E400;        // block to block; N_Port_ID, identification
                    default: word = 32'd0;
                endcase
            OP_COPY_FAILURE:
                case (word_reg[4:0])
                    5'd0: word = !copy_failure ? 32'd0 : copy_device ? 32'd95 : 32'd74;
                    5'd14: word = copy_device ? 32'h02000027 : 32'h02000012;  // CHECK CONDITION; bytes of sense data
                    5'd15: word = {24'hF0000A, copy_left[31:24]};
                    5'd16: word = {copy_left[23:0], copy_device ? 8'h1F : 8'h0A};
                    // where the sense data of source or destination begin, the segment
                    5'd17: word = {copy_device && copy_source ? 8'd20 : 8'd0, copy_device && !copy_source ? 8'd20 : 8'd0, copy_segments - 16'd1};
                    5'd18: word = {copy_sense, 16'h0000};
                    5'd20: word = {copy_status, 16'h7000, 4'h0, device_sense[19:16]};
                    5'd22: word = 32'h0A000000;
                    5'd23: word = {8'h00, device_sense[15:0], 8'h00};
                    default: word = 32'd0;
                endcase
            default:  // PERSISTENT RESERVE IN
                if (reserve_in == CAPABILITIES)
                    word = word_reg[0] ? 32'hEA010000 : 32'h00080080;  // all six types; nothing else
                else if (word_reg == 9'd0)
                    word = in_generation;
                else if (word_reg == 9'd1)
                    word = list_bytes;
                else if (reserve_in == RESERVATION)
                    case (word_reg[2:0])
                        3'd2: word = in_holder_key[63:32];
                        3'd3: word = in_holder_key[31:0];
                        3'd5: word = {12'd0, in_type, 16'd0};
                        default: word = 32'd0;
                    endcase
                else
                    case (field_reg)
                        4'd0: word = in_key[63:32];
                        4'd1: word = in_key[31:0];
                        4'd3: word = {7'd0, in_holds, 4'd0, in_holds ? in_type : 4'd0, 16'd0};
                        4'd4: word = 32'd1;   // relative target port
                        4'd5: word = 32'd24;  // TransportID
                        4'd8: word = in_wwpn[63:32];
                        4'd9: word = in_wwpn[31:0];
                        default: word = 32'd0;
                    endcase
        endcase
    end

    wire unused = &{1'b0, device_sense[23:20], sense[23:20], arg_reg[31:28], arg_reg[15:8]};

    assign done = state_reg == STATE_DONE;
    assign done_length = {words_reg, 2'b00} - {10'd0, spare_reg};

    assign sl_wr_valid = state_reg == STATE_LIST;
    assign sl_wr_slot = {1'b0, task_reg};
    assign sl_wr_index = 5'd0;
    assign sl_wr_line = PAGES_LINE[19:0] + {5'd0, task_reg, 7'd0};

    // word_reg already counts the word after the line
    wire [6:0] built = word_reg[8:2] - {6'd0, word_reg[1:0] == 2'd0};
    assign bk_valid = state_reg == STATE_WRITE;
    assign bk_line = sl_wr_line + {13'd0, built};
    assign bk_wdata = line_reg;

    always @(posedge clk) begin : step
        reg [2:0] state;
        reg [5:0] entry_now;
        // as this clock finds them: Verilator then needs no second copy of the registers
        state = state_reg;
        entry_now = entry_reg;
        case (state)
            STATE_IDLE:
                if (start) begin
                    task_reg <= task_number;
                    op_reg <= op;
                    arg_reg <= arg;
                    volume_reg <= lun_ok ? volume : 4'd0;
                    initiator_reg <= initiator;
                    lun_ok_reg <= lun_ok;
                    sense_reg <= sense[19:0];
                    blocks_reg <= all_blocks[{1'b0, volume, 5'd0} +: 32];
                    protect_reg <= all_flags[{1'b0, volume, 1'b1}];
                    word_reg <= 9'd0;
                    entry_reg <= 6'd0;
                    field_reg <= 4'd0;
                    spare_reg <= 2'd0;
                    state_reg <= op == OP_OPEN ? STATE_LIST : STATE_COUNT;
                end
            STATE_COUNT: begin
                words_reg <= one ? 10'd1 : count;
                one_reg <= {8'h00, 8'h01, 240'd0};  // not supported, until it is found
                left_reg <= op_reg == OP_LUNS ? shown : in_registered;
                state_reg <= one ? STATE_FIND : finding_copy ? STATE_FOUND : STATE_LIST;
                if (op_reg == OP_COPY_LIMITS)
                    spare_reg <= 2'd1;
            end
            STATE_FOUND:
                if (find_done) begin
                    done_bad <= !find_hit;
                    if (op_reg == OP_COPY_FAILURE && copy_failure) begin
                        words_reg <= copy_device ? 10'd25 : 10'd20;
                        spare_reg <= copy_device ? 2'd1 : 2'd2;
                    end
                    state_reg <= STATE_LIST;
                end
            STATE_FIND: begin
                // verilator lint_off BLKSEQ
                listed = command(entry_now);
                wanted_opcode = listed[18:11] == arg_reg[23:16];
                if (wanted_opcode) begin
                    listed_usage = usage(entry_now);
                    listed_map = {listed[18:11], listed[10] ? {listed_usage[119:117], listed[9:5]} : listed_usage[119:112], listed_usage[111:0]};
                    listed_data = {listed_map, 96'd0} & ~({224{1'b1}} >> {listed[4:0], 3'd0});
                    if (timeouts)
                        listed_data = listed_data | {16'h000A, 208'd0} >> {listed[4:0], 3'd0};
                end
                // verilator lint_on BLKSEQ
                // a command with service actions is asked for with one, others without
                if (wanted_opcode && listed[10] != (arg_reg[26:24] == 3'd2))
                    done_bad <= 1'b1;
                else if (wanted_opcode && (!listed[10] || {11'd0, listed[9:5]} == arg_reg[15:0])) begin
                    one_reg <= {8'h00, timeouts, 7'h03, 11'd0, listed[4:0], listed_data};
                    words_reg <= 10'd1 + {7'd0, listed[4:2]} + {9'd0, |listed[1:0]} + (timeouts ? 10'd3 : 10'd0);
                    spare_reg <= listed[1:0];  // 2 of 6 and 10 bytes, 0 of 12 and 16
                end
                entry_reg <= entry_now + 6'd1;
                if ({26'd0, entry_now} == COMMANDS - 1) begin
                    entry_reg <= 6'd0;
                    state_reg <= STATE_LIST;
                end
            end
            STATE_LIST:
                if (sl_wr_ready)
                    state_reg <= op_reg == OP_OPEN || done_bad ? STATE_DONE : STATE_BUILD;
            STATE_BUILD: begin
                case (word_reg[1:0])
                    2'd0: line_reg <= {word, 96'd0};
                    2'd1: line_reg[95:64] <= word;
                    2'd2: line_reg[63:32] <= word;
                    2'd3: line_reg[31:0] <= word;
                endcase
                if (one)
                    one_reg <= {one_reg[223:0], 32'd0};
                // the entries follow a header of one word (commands) or two
                if (listing && word_reg >= (op_reg == OP_OPCODES ? 9'd1 : 9'd2)) begin
                    if (field_reg == last_field) begin
                        entry_reg <= entry_now + 6'd1;
                        left_reg <= left_reg & (left_reg - 32'd1);
                    end
                    field_reg <= field_reg == last_field ? 4'd0 : field_reg + 4'd1;
                end
                if (word_reg[1:0] == 2'd3 || {1'b0, word_reg} + 10'd1 == words_reg)
                    state_reg <= STATE_WRITE;
                word_reg <= word_reg + 9'd1;
            end
            STATE_WRITE:
                if (bk_ready)
                    state_reg <= {1'b0, word_reg} == words_reg ? STATE_DONE : STATE_BUILD;
            default:  // STATE_DONE
                if (done_taken) begin
                    done_bad <= 1'b0;
                    state_reg <= STATE_IDLE;
                end
        endcase
        if (rst) begin
            state_reg <= STATE_IDLE;
            done_bad <= 1'b0;
        end
    end

endmodule

`resetall
