// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Reads a received link service frame, keeps the words that decide, and hands it on as a request, as a reply, or to nobody. */
module ls_receive (
    input  wire         clk,
    input  wire         rst,

    // Received frame
    input  wire         ls_rx_valid,
    input  wire [191:0] ls_rx_header,
    input  wire [9:0]   ls_rx_words,
    input  wire         ls_rx_sof_initiate,
    input  wire         ls_rx_eof_terminate,
    output reg  [9:0]   ls_rx_rd_addr,
    input  wire [31:0]  ls_rx_rd_data,
    output reg          ls_rx_done,

    input  wire [23:0]  my_id,
    input  wire         my_id_valid,
    input  wire         in_fabric,          // a fabric gave the address: nobody else sends FLOGI
    input  wire         reply_busy,         // no place for an answer yet: the frame waits

    // Every word read, so that ECHO finds its payload in the reply buffer
    output wire         capture_write,
    output wire [4:0]   capture_addr,

    // Hand over: valid stays until done
    output reg          request_valid,      // ELS request for this port
    input  wire         request_done,
    input  wire [5:0]   request_rd_addr,    // while a request is held its user reads the payload: two clocks to ls_rx_rd_data
    output reg          reply_valid,        // ELS or CT reply for this port
    input  wire         reply_done,
    output reg          stat_dropped,       // strobe: neither

    // Payload words that somebody looks at (stable with valid)
    output reg  [31:0]  word0,
    output reg  [31:0]  word1,
    output reg  [31:0]  word2,
    output reg  [31:0]  word3,
    output reg  [31:0]  word4,
    output reg  [63:0]  wwpn,               // words 5 and 6 of a login payload

    // Service parameters of a login payload
    output wire         class3_valid,
    output reg          size_valid,
    output reg  [9:0]   payload_words
);

    localparam [9:0]  LAST_CAPTURED = 10'd28;
    localparam [15:0] SIZE_MIN      = 16'd256;
    localparam [15:0] SIZE_MAX      = 16'd2112;

    localparam [1:0] STATE_IDLE     = 2'd0;
    localparam [1:0] STATE_READ     = 2'd1;
    localparam [1:0] STATE_CLASSIFY = 2'd2;
    localparam [1:0] STATE_HELD     = 2'd3;

    reg [1:0]  state_reg;
    reg        data_valid;
    reg [9:0]  data_index;
    reg [31:0] word17;
    reg [31:0] word18;

    wire [7:0]  r_ctl   = ls_rx_header[191:184];
    wire [23:0] d_id    = ls_rx_header[183:160];
    wire [7:0]  fc_type = ls_rx_header[127:120];
    wire [23:0] f_ctl   = ls_rx_header[119:96];
    wire [7:0]  df_ctl  = ls_rx_header[87:80];
    wire [15:0] seq_cnt = ls_rx_header[79:64];

    wire unused_header = ^{ls_rx_header[159:128], ls_rx_header[95:88], ls_rx_header[63:0]};
    wire unused_f_ctl  = ^{f_ctl[20], f_ctl[18:17], f_ctl[15:0]};
    wire unused_word   = ^{word17[30:0], word18[31:16]};

    // A link service is one frame, the whole of one sequence, without optional headers, and it passes the sequence initiative if it asks
    wire whole   = ls_rx_sof_initiate && ls_rx_eof_terminate && f_ctl[19] && seq_cnt == 16'd0 && df_ctl == 8'd0 && !f_ctl[22];

    // FLOGI of an N_Port at the other end of the link goes to the address of a fabric
    wire is_flogi = ls_rx_words != 10'd0 && word0[31:24] == 8'h04 && d_id == 24'hFFFFFE && !in_fabric;

    // The receive data field size: the smaller of the common and the class 3 one
    wire [15:0] common_size = {4'd0, word2[11:0]};

    function [15:0] smaller;
        input [15:0] common;
        input [15:0] class3;
        smaller = common < class3 ? common : class3;
    endfunction

    function size_ok;
        input [15:0] size;
        size_ok = size >= SIZE_MIN && size <= SIZE_MAX && size[1:0] == 2'd0;
    endfunction

    function [9:0] size_words;
        /* verilator lint_off UNUSEDSIGNAL */
        input [15:0] size;
        /* verilator lint_on UNUSEDSIGNAL */
        size_words = size > 16'd2048 ? 10'd512 : size[11:2];
    endfunction

    assign class3_valid = word17[31];
    assign capture_write = data_valid;
    assign capture_addr  = data_index[4:0];

    initial begin
        state_reg     = STATE_IDLE;
        data_valid    = 1'b0;
        data_index    = 10'd0;
        ls_rx_rd_addr = 10'd0;
        ls_rx_done    = 1'b0;
        request_valid = 1'b0;
        reply_valid   = 1'b0;
        stat_dropped  = 1'b0;
        size_valid    = 1'b0;
        payload_words = 10'd0;
        word0         = 32'd0;
        word1         = 32'd0;
        word2         = 32'd0;
        word3         = 32'd0;
        word4         = 32'd0;
        wwpn          = 64'd0;
        word17        = 32'd0;
        word18        = 32'd0;
    end

    always @(posedge clk) begin : receive
        reg [1:0] state;
        reg       new_frame;
        reg       last_word;
        state     = state_reg;
        new_frame = ls_rx_valid && !ls_rx_done && !reply_busy;

        ls_rx_done   <= 1'b0;
        stat_dropped <= 1'b0;
        case (state)
            // this branch looks at the words: it stands before the one that fills them
            STATE_CLASSIFY: begin
                if (word0[31:24] == 8'h04) begin  // FLOGI has one size only
                    size_valid    <= size_ok(common_size);
                    payload_words <= size_words(common_size);
                end else begin
                    size_valid    <= size_ok(common_size) && size_ok(word18[15:0]);
                    payload_words <= size_words(smaller(common_size, word18[15:0]));
                end
                // word0 of a frame without payload is that of an earlier one
                if (whole && f_ctl[23] && ls_rx_words != 10'd0 && ((r_ctl == 8'h23 && fc_type == 8'h01) || (r_ctl == 8'h03 && fc_type == 8'h20))) begin
                    reply_valid <= 1'b1;
                    state_reg   <= STATE_HELD;
                end else if (whole && !f_ctl[23] && f_ctl[21] && f_ctl[16] && r_ctl == 8'h22 && fc_type == 8'h01
                             && ((my_id_valid && d_id == my_id) || is_flogi)
                             && !(ls_rx_words != 10'd0 && (word0[31:24] == 8'h01 || word0[31:24] == 8'h02))) begin
                    request_valid <= 1'b1;
                    state_reg     <= STATE_HELD;
                end else begin
                    stat_dropped <= 1'b1;
                    ls_rx_done   <= 1'b1;
                    state_reg    <= STATE_IDLE;
                end
            end
            STATE_READ: begin
                last_word = data_valid && (data_index == ls_rx_words - 10'd1 || data_index == LAST_CAPTURED);
                if (data_valid)
                    case (data_index[4:0])
                        5'd0:    word0       <= ls_rx_rd_data;
                        5'd1:    word1       <= ls_rx_rd_data;
                        5'd2:    word2       <= ls_rx_rd_data;
                        5'd3:    word3       <= ls_rx_rd_data;
                        5'd4:    word4       <= ls_rx_rd_data;
                        5'd5:    wwpn[63:32] <= ls_rx_rd_data;
                        5'd6:    wwpn[31:0]  <= ls_rx_rd_data;
                        5'd17:   word17      <= ls_rx_rd_data;
                        5'd18:   word18      <= ls_rx_rd_data;
                        default: ;
                    endcase
                if (last_word)
                    state_reg <= STATE_CLASSIFY;
                data_valid    <= !last_word;
                data_index    <= ls_rx_rd_addr;
                ls_rx_rd_addr <= ls_rx_rd_addr + 10'd1;
            end
            STATE_IDLE: begin
                ls_rx_rd_addr <= 10'd0;
                data_valid    <= 1'b0;
                if (new_frame)
                    state_reg <= ls_rx_words == 10'd0 ? STATE_CLASSIFY : STATE_READ;
            end
            default: begin
                ls_rx_rd_addr <= {4'd0, request_rd_addr};
                if ((request_valid && request_done) || (reply_valid && reply_done)) begin
                    request_valid <= 1'b0;
                    reply_valid   <= 1'b0;
                    ls_rx_done    <= 1'b1;
                    state_reg     <= STATE_IDLE;
                end
            end
        endcase
        if (rst) begin
            state_reg     <= STATE_IDLE;
            data_valid    <= 1'b0;
            ls_rx_done    <= 1'b0;
            request_valid <= 1'b0;
            reply_valid   <= 1'b0;
        end
    end

endmodule

`resetall
