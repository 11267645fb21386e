// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

// Cache reader: turns lines read from the front port into the payload words of one frame, at one word a clock.
module port_cache_reader (
    input  wire         clk,
    input  wire         rst,

    // One frame: `base` is the line of its first segment, `next_base` (a clock later) of the following one
    input  wire         start,
    input  wire [16:0]  position,
    input  wire [9:0]   words,
    input  wire [19:0]  base,
    input  wire         next_base_valid,
    input  wire [19:0]  next_base,

    // Give up what is left of the frame; idle again when the last answer has come
    input  wire         flush,
    output wire         idle,

    // Payload words
    output wire [31:0]  word,
    output wire         word_valid,
    input  wire         word_ready,

    // Front port of the cache, read client
    output reg          fr_rd_valid,
    input  wire         fr_rd_ready,
    output reg  [19:0]  fr_rd_line,
    input  wire         fr_rd_data_valid,
    input  wire [127:0] fr_rd_data
);

reg [127:0] line_mem [0:3];
reg [1:0] write_reg;
reg [1:0] read_reg;
reg [2:0] held_reg;     // lines in line_mem
reg [2:0] pending_reg;  // requests taken, answer not here yet
reg [9:0] words_left_reg;
reg [9:0] lines_left_reg;
reg [7:0] line_index_reg;
reg [1:0] word_reg;
reg [19:0] next_base_reg;
reg drop_reg;

initial begin
    write_reg = 2'd0;
    read_reg = 2'd0;
    held_reg = 3'd0;
    pending_reg = 3'd0;
    words_left_reg = 10'd0;
    lines_left_reg = 10'd0;
    line_index_reg = 8'd0;
    word_reg = 2'd0;
    next_base_reg = 20'd0;
    drop_reg = 1'b0;
end

wire taken = fr_rd_valid && fr_rd_ready;
wire store = fr_rd_data_valid && !drop_reg;
wire pass = word_valid && word_ready;
wire line_done = pass && (word_reg == 2'd3 || words_left_reg == 10'd1);
wire [127:0] line = line_mem[read_reg];
wire [2:0] promised = held_reg + pending_reg + {2'b00, fr_rd_valid};

assign word_valid = held_reg != 3'd0 && words_left_reg != 10'd0;
assign word = word_reg == 2'd0 ? line[127:96] : word_reg == 2'd1 ? line[95:64] : word_reg == 2'd2 ? line[63:32] : line[31:0];
assign idle = !fr_rd_valid && pending_reg == 3'd0;

wire [9:0] lines = (words + {8'd0, position[3:2]} + 10'd3) >> 2;

integer i;
initial begin
    fr_rd_valid = 1'b0;
    fr_rd_line = 20'd0;
    for (i = 0; i < 4; i = i + 1) line_mem[i] = 128'd0;
end

always @(posedge clk) begin
    if (next_base_valid) next_base_reg <= next_base;

    // Requests: one always stands while there are lines to come and room for their answers.
    if (taken) fr_rd_valid <= 1'b0;
    if ((!fr_rd_valid || taken) && lines_left_reg != 10'd0 && promised < 3'd4 && !flush) begin
        fr_rd_valid <= 1'b1;
        lines_left_reg <= lines_left_reg - 10'd1;
        line_index_reg <= line_index_reg + 8'd1;
        if (line_index_reg == 8'd0) fr_rd_line <= next_base_valid ? next_base : next_base_reg;
        else fr_rd_line <= fr_rd_line + 20'd1;
    end
    pending_reg <= pending_reg + {2'b00, taken} - {2'b00, fr_rd_data_valid};

    if (store) begin
        line_mem[write_reg] <= fr_rd_data;
        write_reg <= write_reg + 2'd1;
    end
    held_reg <= held_reg + {2'b00, store} - {2'b00, line_done};
    if (pass) begin
        word_reg <= word_reg + 2'd1;
        words_left_reg <= words_left_reg - 10'd1;
    end
    if (line_done) read_reg <= read_reg + 2'd1;

    if (start) begin
        fr_rd_valid <= 1'b1;
        fr_rd_line <= base + {12'd0, position[11:4]};
        line_index_reg <= position[11:4] + 8'd1;
        lines_left_reg <= lines - 10'd1;
        words_left_reg <= words;
        word_reg <= position[3:2];
        write_reg <= 2'd0;
        read_reg <= 2'd0;
        held_reg <= 3'd0;
        drop_reg <= 1'b0;
    end
    if (flush) begin
        drop_reg <= 1'b1;
        held_reg <= 3'd0;
        words_left_reg <= 10'd0;
        lines_left_reg <= 10'd0;
    end
    if (rst) begin
        fr_rd_valid <= 1'b0;
        pending_reg <= 3'd0;
        held_reg <= 3'd0;
        words_left_reg <= 10'd0;
        lines_left_reg <= 10'd0;
    end
end

// The segment is in `base`; a word is the smallest piece.
wire unused = &{1'b0, position[16:12], position[1:0], 1'b0};

endmodule

`resetall
