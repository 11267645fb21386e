// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

// FCP codec: the one place that knows the layout of FCP information units, read from and written to words.
module fcp_codec (
    // Received payload, word 0 in bits 383:352
    input  wire [383:0] rx_payload,
    input  wire [9:0]   rx_words,

    // FCP_CMND
    output wire         cmnd_ok,
    output wire [63:0]  cmnd_lun,
    output wire [2:0]   cmnd_attribute,
    output wire [7:0]   cmnd_task_management,
    output wire         cmnd_read,
    output wire         cmnd_write,
    output wire [127:0] cmnd_cdb,
    output wire [31:0]  cmnd_length,

    // FCP_XFER_RDY
    output wire         xfer_ok,
    output wire [31:0]  xfer_offset,
    output wire [31:0]  xfer_length,

    // FCP_RSP
    output wire         rsp_ok,
    output wire [7:0]   rsp_status,
    output wire         rsp_residual,
    output wire         rsp_failed,
    output reg  [23:0]  rsp_sense,

    // Encoder: which information unit, which of its words
    input  wire [3:0]   tx_kind,
    input  wire [3:0]   tx_index,
    input  wire [15:0]  tx_lun,
    input  wire [3:0]   tx_op,               // TI_READ, TI_WRITE, TI_VERIFY, TI_PROBE
    input  wire [31:0]  tx_lba,
    input  wire [31:0]  tx_offset,
    input  wire [31:0]  tx_length,
    input  wire [7:0]   tx_status,
    input  wire [23:0]  tx_sense,            // bit 23: INFORMATION is valid
    input  wire [31:0]  tx_information,
    input  wire [31:0]  tx_residual,
    input  wire         tx_residual_under,
    input  wire         tx_residual_over,
    input  wire         tx_code_valid,
    input  wire [7:0]   tx_code,

    // Encoder: the word, the number of words, the header fields (F_CTL of the last frame)
    output reg  [31:0]  tx_word,
    output reg  [3:0]   tx_words,
    output reg  [7:0]   tx_r_ctl,
    output reg  [23:0]  tx_f_ctl
);

`include "port/fc_constants.vh"
`include "port/task_context.vh"

localparam [7:0] READ_10 = 8'h28;
localparam [7:0] WRITE_10 = 8'h2A;
localparam [7:0] VERIFY_10 = 8'h2F;
localparam [7:0] BYTCHK_1 = 8'h02;
localparam [7:0] CHECK_CONDITION = 8'h02;
localparam [3:0] COPY_ABORTED = 4'hA;  // sense key

// ---- Decoder ----

wire [31:0] word2 = rx_payload[319:288];
wire [5:0] add_words = word2[7:2];

assign cmnd_ok = (add_words == 6'd0 && rx_words >= 10'd8) || (add_words == 6'd4 && rx_words >= 10'd12);
assign cmnd_lun = rx_payload[383:320];
assign cmnd_attribute = word2[18:16];
assign cmnd_task_management = word2[15:8];
assign cmnd_read = word2[1];
assign cmnd_write = word2[0];
assign cmnd_cdb = rx_payload[287:160];
assign cmnd_length = add_words == 6'd0 ? rx_payload[159:128] : rx_payload[31:0];

assign xfer_ok = rx_words == 10'd3;
assign xfer_offset = rx_payload[383:352];
assign xfer_length = rx_payload[351:320];

wire rsp_code_valid = word2[8];
wire sense_valid = word2[9];
wire [31:0] sense_length = rx_payload[255:224];
wire [31:0] rsp_length = rx_payload[223:192];
wire [31:0] word6 = rx_payload[191:160];

assign rsp_ok = rx_words >= 10'd6 && (!rsp_code_valid || rsp_length == 32'd4 || rsp_length == 32'd8);
assign rsp_status = word2[7:0];
assign rsp_residual = word2[10] || word2[11];
assign rsp_failed = rsp_code_valid && word6[7:0] != 8'd0;

always @* begin
    rsp_sense = 24'd0;
    if (sense_valid && sense_length >= 32'd14) begin
        // sense follows RSP_INFO: key in byte 2, ASC and ASCQ in bytes 12 and 13
        if (!rsp_code_valid) rsp_sense = {4'h0, rx_payload[171:168], rx_payload[95:80]};
        else if (rsp_length == 32'd4) rsp_sense = {4'h0, rx_payload[139:136], rx_payload[63:48]};
        else rsp_sense = {4'h0, rx_payload[107:104], rx_payload[31:16]};
    end
end

// ---- Encoder ----

wire tx_check = tx_status == CHECK_CONDITION;
wire [3:0] sense_index = tx_index - (tx_code_valid ? 4'd8 : 4'd6);
wire [15:0] blocks = tx_length[24:9];

// the command: a probe is a VERIFY of the medium alone and moves no data
wire tx_read = tx_op == `TI_READ;
wire tx_probe = tx_op == `TI_PROBE;
wire tx_verify = tx_op == `TI_VERIFY;
wire [7:0] opcode = tx_read ? READ_10 : tx_verify || tx_probe ? VERIFY_10 : WRITE_10;

always @* begin
    tx_word = 32'd0;
    tx_words = 4'd0;
    tx_r_ctl = `FC_RCTL_SOLICITED_DATA;
    tx_f_ctl = `FC_FCTL_USUAL_READ_DATA_LAST;
    case (tx_kind)
        `SEQ_CMND: begin
            tx_r_ctl = `FC_RCTL_UNSOLICITED_COMMAND;
            tx_f_ctl = `FC_FCTL_USUAL_REQUEST;
            tx_words = 4'd8;
            case (tx_index)
                4'd0: tx_word = {tx_lun, 16'h0000};
                4'd2: tx_word = {24'h000000, 6'd0, tx_read, !tx_read && !tx_probe};
                4'd3: tx_word = {opcode, tx_verify ? BYTCHK_1 : 8'h00, tx_lba[31:16]};
                4'd4: tx_word = {tx_lba[15:0], 8'h00, blocks[15:8]};
                4'd5: tx_word = {blocks[7:0], 24'h000000};
                4'd7: tx_word = tx_probe ? 32'd0 : tx_length;
                default: tx_word = 32'd0;
            endcase
        end
        `SEQ_XFER_RDY: begin
            tx_r_ctl = `FC_RCTL_DATA_DESCRIPTOR;
            tx_f_ctl = `FC_FCTL_USUAL_XFER_RDY;
            tx_words = 4'd3;
            case (tx_index)
                4'd0: tx_word = tx_offset;
                4'd1: tx_word = tx_length;
                default: tx_word = 32'd0;
            endcase
        end
        `SEQ_RSP, `SEQ_TASK_SET_FULL: begin
            tx_r_ctl = `FC_RCTL_COMMAND_STATUS;
            // 18 bytes of sense need 2 fill bytes
            tx_f_ctl = tx_check ? `FC_FCTL_USUAL_RESPONSE | 24'd2 : `FC_FCTL_USUAL_RESPONSE;
            tx_words = 4'd6 + (tx_code_valid ? 4'd2 : 4'd0) + (tx_check ? 4'd5 : 4'd0);
            case (tx_index)
                4'd0, 4'd1: tx_word = 32'd0;
                4'd2: tx_word = {16'h0000, 4'h0, tx_residual_under, tx_residual_over, tx_check, tx_code_valid, tx_status};
                4'd3: tx_word = tx_residual;
                4'd4: tx_word = tx_check ? 32'd18 : 32'd0;
                4'd5: tx_word = tx_code_valid ? 32'd8 : 32'd0;
                default: begin
                    if (tx_code_valid && tx_index == 4'd6) tx_word = {24'h000000, tx_code};
                    else if (tx_code_valid && tx_index == 4'd7) tx_word = 32'd0;
                    else case (sense_index)
                        4'd0: tx_word = {tx_sense[23], 15'h7000, 4'h0, tx_sense[19:16], tx_information[31:24]};
                        4'd1: tx_word = {tx_information[23:0], 8'h0A};
                        // COPY ABORTED: the segment
                        4'd2: tx_word = tx_sense[19:16] == COPY_ABORTED ? tx_offset : 32'd0;
                        4'd3: tx_word = {tx_sense[15:0], 16'h0000};
                        default: tx_word = 32'd0;
                    endcase
                end
            endcase
        end
        `SEQ_WRITE_DATA: tx_f_ctl = `FC_FCTL_USUAL_WRITE_DATA_LAST;
        default: tx_f_ctl = `FC_FCTL_USUAL_READ_DATA_LAST;
    endcase
end

// Bits of fields that are reserved, or that other information units use.
wire unused = &{1'b0, rx_payload[127:96], rx_payload[79:64], rx_payload[47:32], word2[31:19], tx_sense[22:20], tx_length[31:25], word6[31:8], 1'b0};

endmodule

`resetall
