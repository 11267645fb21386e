// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

`include "link/ordered_sets.vh"
`include "link/rx_kinds.vh"

/* Sorts received words by kind and keeps word synchronisation (FC-FS loss-of-synchronisation procedure): four invalid words, each
   taken back by two valid ones in a row, lose it; three ordered sets with no invalid word between them regain it. */
module word_receiver (
    input  wire        clk,
    input  wire        rst,

    // Transceiver
    input  wire [31:0] rx_data,
    input  wire [3:0]  rx_charisk,
    input  wire [3:0]  rx_invalid,

    // One word a clock, one clock later; RX_INVALID while there is no synchronisation
    output reg  [3:0]  word_kind,
    output reg  [31:0] word_data,
    output reg         word_eof_positive,  // the EOF has the form that follows positive running disparity

    // Status
    output reg         in_sync,
    output reg         stat_sync_lost,
    output reg         stat_invalid_word
);

    // A special character may only be K28.5 in the first place
    wire ordered_set = rx_charisk == 4'b1000 && rx_data[31:24] == 8'hBC && rx_invalid == 4'd0;
    wire data_word = rx_charisk == 4'd0 && rx_invalid == 4'd0;

    reg [1:0] invalid_level_reg;
    reg       valid_once_reg;
    reg [1:0] ordered_sets_reg;

    always @(posedge clk) begin
        word_data <= rx_data;
        stat_sync_lost <= 1'b0;
        stat_invalid_word <= 1'b0;

        if (data_word) begin
            word_kind <= `RX_DATA;
        end else if (ordered_set) begin
            word_eof_positive <= rx_data[21];  // D21.5 or D10.5 against D21.4 or D10.4: bit 5 of the second character
            case (rx_data)
                `OS_IDLE, `OS_ARBFF: word_kind <= `RX_FILL;
                `OS_R_RDY: word_kind <= `RX_R_RDY;
                `OS_NOS: word_kind <= `RX_NOS;
                `OS_OLS: word_kind <= `RX_OLS;
                `OS_LR: word_kind <= `RX_LR;
                `OS_LRR: word_kind <= `RX_LRR;
                `OS_SOFI3: word_kind <= `RX_SOFI3;
                `OS_SOFN3: word_kind <= `RX_SOFN3;
                `OS_SOFI2, `OS_SOFN2, `OS_SOFF: word_kind <= `RX_SOF_CREDIT;
                `OS_EOFT_NEG, `OS_EOFT_POS: word_kind <= `RX_EOFT;
                `OS_EOFN_NEG, `OS_EOFN_POS: word_kind <= `RX_EOFN;
                `OS_EOFA_NEG, `OS_EOFA_POS, `OS_EOFNI_NEG, `OS_EOFNI_POS, `OS_EOFDT_NEG, `OS_EOFDT_POS, `OS_EOFDTI_NEG,
                `OS_EOFDTI_POS, `OS_EOFRT_NEG, `OS_EOFRT_POS, `OS_EOFRTI_NEG, `OS_EOFRTI_POS: word_kind <= `RX_EOF_BAD;
                default: word_kind <= rx_data[23:16] == 8'hB5 ? `RX_SOF_OTHER : `RX_OTHER;
            endcase
        end else begin
            word_kind <= `RX_INVALID;
        end

        if (in_sync) begin
            if (data_word || ordered_set) begin
                if (valid_once_reg && invalid_level_reg != 2'd0)
                    invalid_level_reg <= invalid_level_reg - 2'd1;
                valid_once_reg <= !valid_once_reg;
            end else begin
                stat_invalid_word <= 1'b1;
                if (invalid_level_reg == 2'd3) begin
                    in_sync <= 1'b0;
                    stat_sync_lost <= 1'b1;
                    ordered_sets_reg <= 2'd0;
                end
                valid_once_reg <= 1'b0;
                invalid_level_reg <= invalid_level_reg + 2'd1;
            end
        end else begin
            word_kind <= `RX_INVALID;
            if (ordered_set) begin
                if (ordered_sets_reg == 2'd2) begin
                    in_sync <= 1'b1;
                    invalid_level_reg <= 2'd0;
                    valid_once_reg <= 1'b0;
                end
                ordered_sets_reg <= ordered_sets_reg + 2'd1;
            end else if (!data_word) begin
                ordered_sets_reg <= 2'd0;
            end
        end

        if (rst) begin
            word_kind <= `RX_INVALID;
            word_data <= 32'd0;
            word_eof_positive <= 1'b0;
            in_sync <= 1'b0;
            stat_sync_lost <= 1'b0;
            stat_invalid_word <= 1'b0;
            invalid_level_reg <= 2'd0;
            valid_once_reg <= 1'b0;
            ordered_sets_reg <= 2'd0;
        end
    end

endmodule

`resetall
