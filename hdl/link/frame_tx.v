// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

`include "link/ordered_sets.vh"

/* Sends frames (SOF, header, payload, CRC, EOF in the form that fits the running disparity), R_RDYs between them, fill words, and
   the port state machine's primitives while the link is not active. */
module frame_tx (
    input  wire         clk,
    input  wire         rst,

    // Link state
    input  wire         active,
    input  wire [31:0]  state_word,

    // Credit
    input  wire         credit_available,
    input  wire         r_rdy_owed,
    input  wire         r_rdy_urgent,
    output wire         frame_start,             // strobe: SOF is next
    output wire         r_rdy_start,             // strobe: R_RDY is next

    // Frames
    output wire         txf_request,
    input  wire         txf_valid,
    output wire         txf_ready,
    input  wire [191:0] txf_header,
    input  wire [9:0]   txf_words,
    input  wire         txf_sof_initiate,
    input  wire         txf_eof_terminate,
    input  wire [31:0]  txf_data,
    input  wire         txf_data_valid,
    output wire         txf_data_ready,
    output reg          txf_done,

    // Transceiver
    output reg  [31:0]  tx_data,
    output reg  [3:0]   tx_charisk,

    // Events
    output reg          stat_frame_sent,
    output reg          stat_underrun
);

    localparam [2:0] GAP_WORDS = 3'd6;           // between frames, FC-FS
    localparam [2:0] R_RDY_FREE_UNTIL = 3'd3;    // an R_RDY after so many words still has its two IDLEs within the gap

    localparam [2:0]
        STATE_GAP = 3'd0,
        STATE_HEADER = 3'd1,
        STATE_PAYLOAD = 3'd2,
        STATE_CRC = 3'd3,
        STATE_EOF = 3'd4;

    reg [2:0]   state_reg;
    reg [2:0]   gap_reg;    // words sent since EOF, up to GAP_WORDS
    reg [1:0]   quiet_reg;  // IDLEs sent since EOF or R_RDY, up to 2
    reg [191:0] header_reg;
    reg [2:0]   header_left_reg;
    reg [9:0]   words_left_reg;
    reg         terminate_reg;
    reg [31:0]  crc_reg;
    reg         disparity_reg;  // positive, before the word on the wire

    wire gap_done = gap_reg == GAP_WORDS && quiet_reg == 2'd2;

    assign txf_request = active && credit_available && (state_reg == STATE_EOF || state_reg == STATE_GAP);
    assign txf_ready = active && credit_available && state_reg == STATE_GAP && gap_done && !r_rdy_urgent;
    assign txf_data_ready = active && state_reg == STATE_PAYLOAD;

    assign frame_start = txf_valid && txf_ready;
    // Where it costs the next frame nothing, or nobody wants to send, or the peer is running out of credit
    assign r_rdy_start = active && state_reg == STATE_GAP && r_rdy_owed && quiet_reg == 2'd2
        && (gap_reg <= R_RDY_FREE_UNTIL || r_rdy_urgent || (gap_reg == GAP_WORDS && !frame_start));

    wire [31:0] word = state_reg == STATE_HEADER ? header_reg[191:160] : txf_data;
    wire [31:0] crc_next;
    wire        flip;
    wire        disparity = disparity_reg ^ flip;  // after the word on the wire

    crc32 crc32_inst (
        .crc_in(crc_reg),
        .data(word),
        .crc_out(crc_next)
    );

    word_flip word_flip_inst (
        .data(tx_data),
        .flip(flip)
    );

    always @(posedge clk) begin
        txf_done <= 1'b0;
        stat_frame_sent <= 1'b0;
        stat_underrun <= 1'b0;
        tx_charisk <= 4'b1000;

        if (!active) begin
            tx_data <= state_word;
            state_reg <= STATE_GAP;
            gap_reg <= 3'd0;
            quiet_reg <= 2'd0;
        end else begin
            case (state_reg)
                STATE_GAP: begin
                    if (frame_start) begin
                        tx_data <= txf_sof_initiate ? `OS_SOFI3 : `OS_SOFN3;
                        header_reg <= txf_header;
                        header_left_reg <= 3'd6;
                        words_left_reg <= txf_words;
                        terminate_reg <= txf_eof_terminate;
                        crc_reg <= 32'hFFFFFFFF;
                        state_reg <= STATE_HEADER;
                    end else begin
                        tx_data <= r_rdy_start ? `OS_R_RDY : `OS_IDLE;
                        if (r_rdy_start)
                            quiet_reg <= 2'd0;
                        else if (quiet_reg != 2'd2)
                            quiet_reg <= quiet_reg + 2'd1;
                        if (gap_reg != GAP_WORDS)
                            gap_reg <= gap_reg + 3'd1;
                    end
                end
                STATE_HEADER: begin
                    tx_data <= word;
                    tx_charisk <= 4'b0000;
                    crc_reg <= crc_next;
                    disparity_reg <= header_left_reg == 3'd6 ? 1'b1 : disparity;  // a SOF leaves it positive
                    header_reg <= {header_reg[159:0], 32'd0};
                    header_left_reg <= header_left_reg - 3'd1;
                    if (header_left_reg == 3'd1)
                        state_reg <= words_left_reg != 10'd0 ? STATE_PAYLOAD : STATE_CRC;
                end
                STATE_PAYLOAD: begin
                    tx_data <= word;
                    tx_charisk <= 4'b0000;
                    crc_reg <= crc_next;
                    disparity_reg <= disparity;
                    words_left_reg <= words_left_reg - 10'd1;
                    if (words_left_reg == 10'd1)
                        state_reg <= STATE_CRC;
                    if (!txf_data_valid) begin
                        tx_data <= disparity ? `OS_EOFA_POS : `OS_EOFA_NEG;
                        tx_charisk <= 4'b1000;
                        txf_done <= 1'b1;
                        stat_underrun <= 1'b1;
                        state_reg <= STATE_GAP;
                        gap_reg <= 3'd0;
                        quiet_reg <= 2'd0;
                    end
                end
                STATE_CRC: begin
                    tx_data <= ~{crc_reg[7:0], crc_reg[15:8], crc_reg[23:16], crc_reg[31:24]};
                    tx_charisk <= 4'b0000;
                    disparity_reg <= disparity;
                    state_reg <= STATE_EOF;
                end
                default: begin  // STATE_EOF
                    if (terminate_reg)
                        tx_data <= disparity ? `OS_EOFT_POS : `OS_EOFT_NEG;
                    else
                        tx_data <= disparity ? `OS_EOFN_POS : `OS_EOFN_NEG;
                    txf_done <= 1'b1;
                    stat_frame_sent <= 1'b1;
                    state_reg <= STATE_GAP;
                    gap_reg <= 3'd0;
                    quiet_reg <= 2'd0;
                end
            endcase
        end

        if (rst) begin
            txf_done <= 1'b0;
            tx_data <= `OS_NOS;
            tx_charisk <= 4'b1000;
            stat_frame_sent <= 1'b0;
            stat_underrun <= 1'b0;
            state_reg <= STATE_GAP;
            gap_reg <= 3'd0;
            quiet_reg <= 2'd0;
            header_reg <= 192'd0;
            header_left_reg <= 3'd0;
            words_left_reg <= 10'd0;
            terminate_reg <= 1'b0;
            crc_reg <= 32'd0;
            disparity_reg <= 1'b0;
        end
    end

endmodule

`resetall
