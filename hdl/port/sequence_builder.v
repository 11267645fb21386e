// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

// Sequence builder: writes the information unit and the transmit descriptor of one sequence, then arms it for the scheduler.
module sequence_builder (
    input  wire         clk,
    input  wire         rst,

    // Request; the fields stay until `done`
    input  wire         start,
    input  wire [3:0]   kind,
    input  wire [8:0]   row,
    input  wire         initiator,
    input  wire         abts_from_responder,
    input  wire [23:0]  d_id,
    input  wire [15:0]  ox_id,
    input  wire [15:0]  rx_id,
    input  wire [7:0]   seq_id,
    input  wire [3:0]   tag,
    input  wire [9:0]   payload_words,
    input  wire [8:0]   slot,
    input  wire [16:0]  position,
    input  wire [31:0]  offset,
    input  wire [16:0]  length,
    output reg          done,

    // FC-4 codec (the seam)
    output reg  [3:0]   codec_index,
    input  wire [31:0]  codec_word,
    input  wire [3:0]   codec_words,
    input  wire [7:0]   codec_r_ctl,
    input  wire [23:0]  codec_f_ctl,

    // Task table and scheduler
    output reg          iu_write,
    output reg  [12:0]  iu_wr_addr,
    output reg  [31:0]  iu_wr_data,
    output reg          descriptor_write,
    output wire [8:0]   descriptor_wr_row,
    output reg  [195:0] descriptor_wr_data
);

`include "port/fc_constants.vh"
`include "port/task_context.vh"

localparam [7:0] BA_EXPLANATION = `FC_BARJT_EXP_INVALID_OX_ID_RX_ID;

reg busy_reg;

initial begin
    busy_reg = 1'b0;
end

// ---- Basic link services: ABTS, BA_ACC (whole exchange), BA_RJT ----

wire bls = kind == `SEQ_ABTS || kind == `SEQ_BA_ACC || kind == `SEQ_BA_RJT;
wire data = kind == `SEQ_READ_DATA || kind == `SEQ_WRITE_DATA;

reg [31:0] bls_word;
reg [3:0] bls_words;
reg [7:0] bls_r_ctl;

always @* begin
    bls_word = 32'd0;
    bls_words = 4'd0;
    bls_r_ctl = `FC_RCTL_ABTS;
    case (kind)
        `SEQ_BA_ACC: begin
            bls_r_ctl = `FC_RCTL_BA_ACC;
            bls_words = 4'd3;
            case (codec_index)
                4'd1: bls_word = {ox_id, rx_id};
                4'd2: bls_word = 32'h0000FFFF;
                default: bls_word = 32'd0;
            endcase
        end
        `SEQ_BA_RJT: begin
            bls_r_ctl = `FC_RCTL_BA_RJT;
            bls_words = 4'd1;
            bls_word = {8'h00, `FC_BARJT_LOGICAL_ERROR, BA_EXPLANATION, 8'h00};
        end
        default: bls_word = 32'd0;
    endcase
end

wire [23:0] bls_f_ctl = kind == `SEQ_ABTS ? `FC_FCTL_USUAL_ABTS
    : `FC_FCTL_LAST_SEQUENCE | `FC_FCTL_END_SEQUENCE | (abts_from_responder ? 24'd0 : `FC_FCTL_EXCHANGE_RESPONDER);
wire [3:0] words = bls ? bls_words : codec_words;

assign descriptor_wr_row = row;

initial begin
    done = 1'b0;
    codec_index = 4'd0;
    iu_write = 1'b0;
    iu_wr_addr = 13'd0;
    iu_wr_data = 32'd0;
    descriptor_write = 1'b0;
    descriptor_wr_data = 0;
end

always @(posedge clk) begin
    done <= 1'b0;
    iu_write <= 1'b0;
    descriptor_write <= 1'b0;
    if (busy_reg) begin
        iu_wr_addr <= {row, codec_index};
        iu_wr_data <= bls ? bls_word : codec_word;
        if (codec_index < words && !data) begin
            iu_write <= 1'b1;
        end else begin
            busy_reg <= 1'b0;
            done <= 1'b1;
            descriptor_write <= 1'b1;
            descriptor_wr_data[`TXD_R_CTL] <= bls ? bls_r_ctl : codec_r_ctl;
            // FC-NVMe I/O has the TYPE of FCP
            descriptor_wr_data[`TXD_TYPE] <= bls ? `FC_TYPE_BLS : `FC_TYPE_FCP;
            descriptor_wr_data[`TXD_F_CTL] <= bls ? bls_f_ctl : codec_f_ctl;
            descriptor_wr_data[`TXD_D_ID] <= d_id;
            descriptor_wr_data[`TXD_OX_ID] <= ox_id;
            descriptor_wr_data[`TXD_RX_ID] <= rx_id;
            descriptor_wr_data[`TXD_PARAMETER] <= data ? offset : 32'd0;
            descriptor_wr_data[`TXD_LENGTH] <= data ? length : {11'd0, words, 2'b00};
            descriptor_wr_data[`TXD_SLOT] <= slot;
            descriptor_wr_data[`TXD_POSITION] <= position;
            descriptor_wr_data[`TXD_MAX_WORDS] <= data ? payload_words : 10'd16;
            descriptor_wr_data[`TXD_FROM_CACHE] <= data;
            descriptor_wr_data[`TXD_INITIATOR] <= initiator;
            descriptor_wr_data[`TXD_TAG] <= tag;
            // a reply to ABTS stands in the sequence of the ABTS
            descriptor_wr_data[`TXD_SEQ_ID_GIVEN] <= kind == `SEQ_BA_ACC || kind == `SEQ_BA_RJT;
            descriptor_wr_data[`TXD_SEQ_ID] <= seq_id;
        end
        codec_index <= codec_index + 4'd1;
    end
    if (start) begin
        busy_reg <= 1'b1;
        codec_index <= 4'd0;
    end
    if (rst) busy_reg <= 1'b0;
end

endmodule

`resetall
