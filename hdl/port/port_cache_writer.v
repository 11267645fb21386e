// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

// Cache writer: packs the payload words of one received frame into lines with byte strobes for the front port.
module port_cache_writer (
    input  wire         clk,
    input  wire         rst,

    // One frame: `base` is the line of its first segment, `next_base` of the following one (a clock later, or more)
    input  wire         start,
    input  wire [16:0]  position,
    input  wire [19:0]  base,
    input  wire         next_base_valid,
    input  wire [19:0]  next_base,

    // Payload words
    input  wire         word_valid,
    output wire         word_ready,
    input  wire [31:0]  word,
    input  wire         word_last,

    // Everything handed over has been taken by the cache
    output wire         idle,

    // Front port of the cache, write client
    output reg          fr_wr_valid,
    input  wire         fr_wr_ready,
    output reg  [19:0]  fr_wr_line,
    output reg  [127:0] fr_wr_data,
    output reg  [15:0]  fr_wr_strobe
);

reg [127:0] data_reg;
reg [15:0] strobe_reg;
reg [1:0] word_reg;
reg [19:0] line_reg;
reg [7:0] index_reg;
reg [19:0] next_base_reg;

initial begin
    data_reg = 128'd0;
    strobe_reg = 16'd0;
    word_reg = 2'd0;
    line_reg = 20'd0;
    index_reg = 8'd0;
    next_base_reg = 20'd0;
end

wire full = word_last || word_reg == 2'd3;

assign word_ready = !full || !fr_wr_valid || fr_wr_ready;
assign idle = !fr_wr_valid;

initial begin
    fr_wr_valid = 1'b0;
    fr_wr_line = 20'd0;
    fr_wr_data = 128'd0;
    fr_wr_strobe = 16'd0;
end

always @(posedge clk) begin
    if (next_base_valid) next_base_reg <= next_base;
    if (fr_wr_ready) fr_wr_valid <= 1'b0;
    if (word_valid && word_ready) begin : pack
        reg [127:0] data;
        reg [15:0] strobe;
        data = data_reg;
        strobe = strobe_reg;
        case (word_reg)
            2'd0: begin data[127:96] = word; strobe[15:12] = 4'hF; end
            2'd1: begin data[95:64] = word; strobe[11:8] = 4'hF; end
            2'd2: begin data[63:32] = word; strobe[7:4] = 4'hF; end
            default: begin data[31:0] = word; strobe[3:0] = 4'hF; end
        endcase
        data_reg <= data;
        strobe_reg <= strobe;
        word_reg <= word_reg + 2'd1;
        if (full) begin
            fr_wr_valid <= 1'b1;
            fr_wr_line <= line_reg;
            fr_wr_data <= data;
            fr_wr_strobe <= strobe;
            strobe_reg <= 16'd0;
            line_reg <= index_reg == 8'hFF ? (next_base_valid ? next_base : next_base_reg) : line_reg + 20'd1;
            index_reg <= index_reg + 8'd1;
        end
    end
    if (start) begin
        line_reg <= base + {12'd0, position[11:4]};
        index_reg <= position[11:4];
        word_reg <= position[3:2];
        strobe_reg <= 16'd0;
    end
    if (rst) fr_wr_valid <= 1'b0;
end

// The segment is in `base`; a word is the smallest piece.
wire unused = &{1'b0, position[16:12], position[1:0], 1'b0};

endmodule

`resetall
