// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Two frame buffers of 32 words towards the frame scheduler: one for replies, one for requests; replies go first. */
module ls_transmit (
    input  wire         clk,
    input  wire         rst,
    input  wire         flush,              // link down: what waits is lost
    input  wire         online,             // a frame finished while the link is down is lost too

    // Reply: words, then a strobe with the header
    input  wire         reply_write,
    input  wire [4:0]   reply_addr,
    input  wire [31:0]  reply_data,
    input  wire         reply_send,
    input  wire [191:0] reply_header,
    input  wire [5:0]   reply_words,
    output reg          reply_busy,

    // Request: words, then a strobe with the header
    input  wire         request_write,
    input  wire [4:0]   request_addr,
    input  wire [31:0]  request_data,
    input  wire         request_send,
    input  wire [191:0] request_header,
    input  wire [5:0]   request_words,
    output reg          request_taken,      // strobe: handed over to the scheduler

    // Frame scheduler
    output reg          ls_tx_valid,
    input  wire         ls_tx_ready,
    output reg  [191:0] ls_tx_header,
    output reg  [9:0]   ls_tx_words,
    input  wire [9:0]   ls_tx_rd_addr,
    output reg  [31:0]  ls_tx_rd_data
);

    reg [31:0] reply_ram   [0:31];
    reg [31:0] request_ram [0:31];
    reg [191:0] reply_header_reg;
    reg [191:0] request_header_reg;
    reg [5:0]   reply_words_reg;
    reg [5:0]   request_words_reg;
    reg         request_busy;
    reg         sending_request;

    wire unused_addr = |ls_tx_rd_addr[9:5];

    integer i;

    initial begin
        for (i = 0; i < 32; i = i + 1) begin
            reply_ram[i]   = 32'd0;
            request_ram[i] = 32'd0;
        end
        reply_header_reg   = 192'd0;
        request_header_reg = 192'd0;
        reply_words_reg    = 6'd0;
        request_words_reg  = 6'd0;
        reply_busy         = 1'b0;
        request_busy       = 1'b0;
        request_taken      = 1'b0;
        sending_request    = 1'b0;
        ls_tx_valid        = 1'b0;
        ls_tx_header       = 192'd0;
        ls_tx_words        = 10'd0;
        ls_tx_rd_data      = 32'd0;
    end

    always @(posedge clk) begin
        if (reply_write)
            reply_ram[reply_addr] <= reply_data;
        if (request_write)
            request_ram[request_addr] <= request_data;
        if (reply_send) begin
            reply_header_reg <= reply_header;
            reply_words_reg  <= reply_words;
        end
        if (request_send) begin
            request_header_reg <= request_header;
            request_words_reg  <= request_words;
        end
    end

    always @(posedge clk) begin : transmit
        reg reply_sent;
        reg request_sent;
        reply_sent   = ls_tx_valid && ls_tx_ready && !sending_request;
        request_sent = ls_tx_valid && ls_tx_ready && sending_request;

        if (ls_tx_valid)
            ls_tx_rd_data <= sending_request ? request_ram[ls_tx_rd_addr[4:0]] : reply_ram[ls_tx_rd_addr[4:0]];

        request_taken <= request_sent;
        if (ls_tx_valid) begin
            ls_tx_valid <= !ls_tx_ready;
        end else if (reply_busy || request_busy) begin
            ls_tx_valid     <= 1'b1;
            sending_request <= !reply_busy;
            ls_tx_header    <= reply_busy ? reply_header_reg : request_header_reg;
            ls_tx_words     <= {4'd0, reply_busy ? reply_words_reg : request_words_reg};
        end

        reply_busy   <= (reply_busy || reply_send) && !reply_sent;
        request_busy <= (request_busy || request_send) && !request_sent;

        if (rst || flush || !online) begin
            reply_busy    <= 1'b0;
            request_busy  <= 1'b0;
            request_taken <= 1'b0;
            ls_tx_valid   <= 1'b0;
        end
    end

endmodule

`resetall
