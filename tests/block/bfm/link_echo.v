// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* The smallest device with a real link: sends every frame back as it came. */
module link_echo #(
    parameter RX_BUFFERS = 8 // 1 to 64
) (
    input  wire clk,
    input  wire rst,
    input  wire [31:0] rx_data,
    input  wire [3:0]  rx_charisk,
    output wire [31:0] tx_data,
    output wire [3:0]  tx_charisk,
    output wire [3:0]  status_link_state
);

    localparam [1:0] STATE_OFFER = 2'd0;
    localparam [1:0] STATE_FETCH = 2'd1; // the first word is read
    localparam [1:0] STATE_DATA  = 2'd2;
    localparam [1:0] STATE_POP   = 2'd3;

    wire rxf_valid;
    wire [191:0] rxf_header;
    wire [9:0] rxf_words;
    wire rxf_sof_initiate;
    wire rxf_eof_terminate;
    wire [31:0] rxf_rd_data;
    wire txf_ready;
    wire txf_data_ready;
    wire link_active;

    reg [1:0] state;
    reg [9:0] index;
    reg was_active;
    reg [7:0] tick_count;

    initial begin
        state = STATE_OFFER;
        index = 10'd0;
        was_active = 1'b0;
        tick_count = 8'd0;
    end

    wire word_taken = (state == STATE_DATA) && txf_data_ready;
    wire [9:0] next_index = index + 10'd1;

    always @(posedge clk) begin
        was_active <= link_active;
        tick_count <= tick_count + 8'd1;
        case (state)
            STATE_OFFER:
                if (rxf_valid && txf_ready) begin
                    index <= 10'd0;
                    state <= (rxf_words == 10'd0) ? STATE_POP : STATE_FETCH;
                end
            STATE_FETCH: state <= STATE_DATA;
            STATE_DATA:
                if (word_taken) begin
                    index <= next_index;
                    if (next_index == rxf_words) state <= STATE_POP;
                end
            default: state <= STATE_OFFER;
        endcase
        if (rst || !link_active) state <= STATE_OFFER;
    end

    link #(.RX_BUFFERS(RX_BUFFERS)) link_inst (
        .clk(clk), .rst(rst),
        .rx_data(rx_data), .rx_charisk(rx_charisk), .rx_invalid(4'd0), .tx_data(tx_data), .tx_charisk(tx_charisk),
        .rxf_valid(rxf_valid), .rxf_header(rxf_header), .rxf_words(rxf_words),
        .rxf_sof_initiate(rxf_sof_initiate), .rxf_eof_terminate(rxf_eof_terminate),
        .rxf_rd_addr(word_taken ? next_index : index), .rxf_rd_data(rxf_rd_data), .rxf_pop(state == STATE_POP),
        .txf_request(), .txf_valid(state == STATE_OFFER && rxf_valid), .txf_ready(txf_ready),
        .txf_header(rxf_header), .txf_words(rxf_words),
        .txf_sof_initiate(rxf_sof_initiate), .txf_eof_terminate(rxf_eof_terminate),
        .txf_data(rxf_rd_data), .txf_data_valid(state == STATE_DATA), .txf_data_ready(txf_data_ready), .txf_done(),
        .link_enable(1'b1), .link_active(link_active), .link_down_event(), .link_reset_event(), .link_reset_request(1'b0),
        .bb_credit_set(link_active && !was_active), .bb_credit_value(8'd8),
        .tick(tick_count == 8'd0), .cfg_e_d_tov_ticks(16'd1000), .cfg_r_t_tov_ticks(16'd100),
        .status_link_state(status_link_state), .status_tx_credit(), .lesb()
    );

endmodule

`resetall
