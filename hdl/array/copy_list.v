// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Reads the parameter list of an EXTENDED COPY(LID1) command in its task's page: checks header, CSCD descriptors and segment
   descriptors (SPC-4 6.4), then tells one segment after the other. A word every few clocks. */
module copy_list #(
    parameter PORTS    = 1,   // 1 to 4: relative port identifiers a CSCD descriptor may name
    parameter SEGMENTS = 512  // cache segments; the pages of the tasks follow them
) (
    input  wire         clk,
    input  wire         rst,

    // check a list: strobe, when idle
    input  wire         start,
    input  wire [7:0]   task_number,
    input  wire [10:0]  length,       // bytes
    input  wire [3:0]   volume,       // of the logical unit the command was sent to
    // tell a segment of it: strobe, when idle
    input  wire         next,
    input  wire [3:0]   segment,

    // answer: strobe
    output reg          done,
    output reg  [23:0]  sense,        // 0: nothing is wrong; the key of what is wrong with one segment is COPY ABORTED

    // the list
    output reg  [7:0]   list_id,
    output reg          no_id,        // nothing is held for RECEIVE COPY RESULTS
    output reg  [3:0]   segments,

    // the segment
    output reg  [15:0]  blocks,
    output reg  [31:0]  source,       // first block
    output reg  [31:0]  destination,
    output reg  [23:0]  port_id,
    output reg  [15:0]  lun,
    output reg  [PORTS-1:0] ports,    // it may go over these ports, 0: any

    // a line of the cache
    output wire         line_valid,
    output wire [19:0]  line,
    input  wire         line_done,
    input  wire [127:0] line_data,

    input  wire [63:0]  cfg_wwnn
);

`include "array/copy_limits.vh"

    localparam [31:0] PAGES_LINE = SEGMENTS * 256;
    localparam [15:0] OWN_ID = 16'hFFFF;  // the logical unit that got the command
    localparam [7:0] N_PORT_ID = 8'hE1, IDENTIFICATION = 8'hE4, BLOCK_TO_BLOCK = 8'h02;

    localparam [23:0]
        SENSE_LENGTH       = 24'h051A00,
        SENSE_LIST         = 24'h052600,
        SENSE_MANY_CSCD    = 24'h052606,
        SENSE_CSCD_TYPE    = 24'h052607,
        SENSE_MANY_SEGMENT = 24'h052608,
        SENSE_SEGMENT_TYPE = 24'h052609,
        SENSE_INLINE       = 24'h05260B,
        SENSE_UNREACHABLE  = 24'h0A0804,
        SENSE_DEVICE_TYPE  = 24'h0A0D03,
        SENSE_RANGE        = 24'h0A2100,
        SENSE_OPERATION    = 24'h0A260C;

    localparam [1:0]
        STATE_IDLE = 2'd0,
        STATE_LINE = 2'd1,  // the line of the word is awaited
        STATE_WORD = 2'd2;

    localparam [1:0]
        PART_HEADER  = 2'd0,
        PART_CSCD    = 2'd1,
        PART_TYPES   = 2'd2,  // first word of each segment descriptor
        PART_SEGMENT = 2'd3;  // one segment descriptor

    reg [1:0]   state_reg;
    reg [1:0]   part_reg;
    reg [7:0]   task_reg;
    reg [10:0]  length_reg;
    reg [3:0]   volume_reg;
    reg [7:0]   word_reg;       // word of the list
    reg [2:0]   field_reg;      // word of the descriptor
    reg [3:0]   index_reg;      // descriptor
    reg [5:0]   held_reg;       // the line that is here
    reg         holds_reg;
    reg [127:0] line_reg;
    reg [15:0]  cscd_bytes_reg;
    reg [31:0]  segment_bytes_reg;

    // CSCD descriptors: the own logical unit, a device with an address, a block device
    reg [MAX_CSCDS-1:0] own_reg;
    reg [MAX_CSCDS-1:0] far_reg;
    reg [MAX_CSCDS-1:0] block_reg;
    reg [23:0]      cscd_id [0:MAX_CSCDS-1];
    reg [15:0]      cscd_lun [0:MAX_CSCDS-1];
    reg [PORTS-1:0] cscd_ports [0:MAX_CSCDS-1];
    reg [15:0]      source_id_reg;
    reg [15:0]      destination_id_reg;
    reg             high_reg;   // an LBA needs more than 32 bits

    wire [3:0]   cscds = cscd_bytes_reg[8:5];
    wire [1:0]   cscd = index_reg[1:0];

    // worked out within the clock in the states that look at it
    reg [31:0]   word;
    reg [15:0]   port_number;
    reg [31:0]   own_word;  // the word of an identification descriptor that names the own logical unit
    reg          source_own;
    reg          source_block;
    reg          destination_own;
    reg          destination_far;
    reg          destination_block;
    reg          over;      // the end needs more than 32 bits

    assign line_valid = state_reg == STATE_LINE;
    assign line = PAGES_LINE[19:0] + {5'd0, task_reg, 7'd0} + {14'd0, word_reg[7:2]};

    // a CSCD a segment names: FFFFh is the own logical unit
    function known;
        input [15:0] id;
        input [3:0]  count;
        known = id < {12'd0, count};
    endfunction

    wire unused = &{1'b0, cfg_wwnn[63:60]};

    task answer;
        input [23:0] why;
        begin
            sense <= why;
            done <= 1'b1;
            state_reg <= STATE_IDLE;
        end
    endtask

    task go;  // to a word
        input [1:0] part;
        input [7:0] to;
        begin
            part_reg <= part;
            word_reg <= to;
            state_reg <= holds_reg && held_reg == to[7:2] ? STATE_WORD : STATE_LINE;
        end
    endtask

    integer i;

    initial begin
        state_reg = STATE_IDLE; part_reg = PART_HEADER; task_reg = 0; length_reg = 0; volume_reg = 0; word_reg = 0; field_reg = 0; index_reg = 0;
        held_reg = 0; holds_reg = 0; line_reg = 0; cscd_bytes_reg = 0; segment_bytes_reg = 0; own_reg = 0; far_reg = 0; block_reg = 0;
        source_id_reg = 0; destination_id_reg = 0; high_reg = 0; done = 0; sense = 0; list_id = 0; no_id = 0; segments = 0; blocks = 0;
        source = 0; destination = 0; port_id = 0; lun = 0; ports = 0; word = 0; port_number = 0; own_word = 0; source_own = 0; source_block = 0;
        destination_own = 0; destination_far = 0; destination_block = 0; over = 0;
        for (i = 0; i < MAX_CSCDS; i = i + 1) begin
            cscd_id[i] = 24'd0;
            cscd_lun[i] = 16'd0;
            cscd_ports[i] = {PORTS{1'b0}};
        end
        if (PORTS < 1 || PORTS > 4) begin
            $display("%m: PORTS = %0d, must be 1 to 4", PORTS);
            $finish;
        end
    end

    // verilator lint_off BLKSEQ
    always @(posedge clk) begin : step
        reg [1:0]  state;
        reg [1:0]  part;
        reg [7:0]  at;      // word of the list
        reg [2:0]  field;
        reg [15:0] cscd_bytes;
        reg [31:0] segment_bytes;
        // as this clock finds them: Verilator then needs no second copy of the registers
        state = state_reg;
        part = part_reg;
        at = word_reg;
        field = field_reg;
        cscd_bytes = cscd_bytes_reg;
        segment_bytes = segment_bytes_reg;
        done <= 1'b0;
        case (state)
            STATE_WORD: begin
                word = at[1] ? (at[0] ? line_reg[31:0] : line_reg[63:32]) : at[0] ? line_reg[95:64] : line_reg[127:96];
                case (part)
                    PART_SEGMENT: begin
                        go(PART_SEGMENT, at + 8'd1);
                        case (field)
                            3'd6: begin
                                source_own = source_id_reg == OWN_ID || (known(source_id_reg, cscds) && own_reg[source_id_reg[1:0]]);
                                source_block = source_id_reg == OWN_ID || block_reg[source_id_reg[1:0]];
                                destination_own = destination_id_reg == OWN_ID
                                                  || (known(destination_id_reg, cscds) && own_reg[destination_id_reg[1:0]]);
                                destination_far = known(destination_id_reg, cscds) && far_reg[destination_id_reg[1:0]];
                                destination_block = destination_own || block_reg[destination_id_reg[1:0]];
                                over = source > ~{16'd0, blocks} || word > ~{16'd0, blocks};
                                destination <= word;
                                port_id <= cscd_id[destination_id_reg[1:0]];
                                lun <= cscd_lun[destination_id_reg[1:0]];
                                ports <= cscd_ports[destination_id_reg[1:0]];
                                if (!source_own || !(destination_own || destination_far))
                                    answer(SENSE_UNREACHABLE);
                                else if (!source_block || !destination_block)
                                    answer(SENSE_DEVICE_TYPE);
                                else if (destination_own)
                                    answer(SENSE_OPERATION);
                                else if (high_reg || over)
                                    answer(SENSE_RANGE);
                                else
                                    answer(24'd0);
                            end
                            3'd5: high_reg <= high_reg || |word;
                            3'd4: source <= word;
                            3'd3: high_reg <= |word;
                            3'd2: blocks <= word[15:0];
                            3'd1: {source_id_reg, destination_id_reg} <= word;
                            default: ;
                        endcase
                        field_reg <= field + 3'd1;
                    end

                    PART_TYPES: begin
                        if (word[31:24] != BLOCK_TO_BLOCK)
                            answer(SENSE_SEGMENT_TYPE);
                        else if (segment_bytes < 32'd28)
                            answer(SENSE_LIST);
                        else if (word[15:0] != 16'h0018 || word[18])  // FCO: fast copy only
                            answer(SENSE_LIST);
                        else if (segment_bytes == 32'd28)
                            answer(24'd0);
                        else
                            go(PART_TYPES, at + 8'd7);
                        segments <= segments + 4'd1;
                        segment_bytes_reg <= segment_bytes - 32'd28;
                    end

                    PART_CSCD: begin
                        go(PART_CSCD, at + 8'd1);
                        case (field)
                            3'd0: begin
                                port_number = word[15:0];
                                own_reg[cscd] <= word[31:24] == IDENTIFICATION;
                                far_reg[cscd] <= word[31:24] == N_PORT_ID && {16'd0, port_number} <= PORTS;
                                block_reg[cscd] <= word[20:16] == 5'd0;
                                cscd_ports[cscd] <= port_number == 16'd0 ? {PORTS{1'b0}} : {{PORTS-1{1'b0}}, 1'b1} << (port_number[2:0] - 3'd1);
                                if (word[31:24] != IDENTIFICATION && word[31:24] != N_PORT_ID)
                                    answer(SENSE_CSCD_TYPE);
                                else if (|word[23:21])  // LU ID TYPE: a proxy token; NUL: no device
                                    answer(SENSE_LIST);
                            end
                            3'd6: ;
                            3'd7:
                                if (word[23:0] != 24'd0 && word[23:0] != 24'd512)  // disk block length
                                    answer(SENSE_LIST);
                                else if (index_reg + 4'd1 == cscds) begin
                                    if (|segment_bytes)
                                        go(PART_TYPES, at + 8'd1);
                                    else
                                        answer(24'd0);
                                end
                            default: begin
                                case (field)
                                    3'd1: own_word = 32'h01030010;
                                    3'd2: own_word = {4'h6, cfg_wwnn[59:32]};
                                    3'd3: own_word = cfg_wwnn[31:0];
                                    3'd4: own_word = 32'd0;
                                    default: own_word = {28'd0, volume_reg};
                                endcase
                                if ((field == 3'd1 ? word & 32'h0F3F00FF : word) != own_word)
                                    own_reg[cscd] <= 1'b0;
                                if (field == 3'd1)
                                    cscd_lun[cscd] <= word[31:16];
                                // a LUN of more than one level cannot be asked for
                                if (field == 3'd1 ? |word[15:0] : field == 3'd2 && |word)
                                    far_reg[cscd] <= 1'b0;
                                if (field == 3'd5)
                                    cscd_id[cscd] <= word[23:0];
                            end
                        endcase
                        if (&field)
                            index_reg <= index_reg + 4'd1;
                        field_reg <= field + 3'd1;
                    end

                    default: begin  // PART_HEADER
                        go(PART_HEADER, at + 8'd1);
                        case (at[1:0])
                            2'd3:
                                if (cscd_bytes > MAX_CSCDS * 32)
                                    answer(SENSE_MANY_CSCD);
                                else if (segment_bytes > MAX_SEGMENTS * 28)
                                    answer(SENSE_MANY_SEGMENT);
                                else if (|word)
                                    answer(SENSE_INLINE);
                                else if (32'd16 + {16'd0, cscd_bytes} + segment_bytes > {21'd0, length_reg})
                                    answer(SENSE_LENGTH);
                                else if (|cscd_bytes[4:0])
                                    answer(SENSE_LIST);
                                else if (|cscd_bytes)
                                    go(PART_CSCD, 8'd4);
                                else if (|segment_bytes)
                                    go(PART_TYPES, 8'd4);
                                else
                                    answer(24'd0);
                            2'd2: segment_bytes_reg <= word;
                            2'd1: ;
                            2'd0: begin
                                list_id <= word[31:24];
                                no_id <= word[20:19] == 2'd3;
                                cscd_bytes_reg <= word[15:0];
                                // LIST ID USAGE: 1 is reserved; 3 says that there is no list identifier
                                if (word[20:19] == 2'd1 || (word[20:19] == 2'd3 && word[31:24] != 8'd0))
                                    answer(SENSE_LIST);
                            end
                        endcase
                    end
                endcase
            end

            STATE_IDLE:
                if (next) begin
                    field_reg <= 3'd1;
                    high_reg <= 1'b0;
                    go(PART_SEGMENT, 8'd4 + cscd_bytes[9:2] + {1'b0, segment, 3'd0} - {4'd0, segment} + 8'd1);
                end else if (start) begin
                    index_reg <= 4'd0;
                    field_reg <= 3'd0;
                    task_reg <= task_number;
                    length_reg <= length;
                    volume_reg <= volume;
                    own_reg <= {MAX_CSCDS{1'b0}};
                    far_reg <= {MAX_CSCDS{1'b0}};
                    block_reg <= {MAX_CSCDS{1'b0}};
                    segments <= 4'd0;
                    part_reg <= PART_HEADER;
                    word_reg <= 8'd0;
                    holds_reg <= 1'b0;
                    state_reg <= STATE_LINE;
                end

            default:  // STATE_LINE
                if (line_done) begin
                    line_reg <= line_data;
                    held_reg <= at[7:2];
                    holds_reg <= 1'b1;
                    state_reg <= STATE_WORD;
                end
        endcase
        if (rst)
            state_reg <= STATE_IDLE;
    end
    // verilator lint_on BLKSEQ

endmodule

`resetall
