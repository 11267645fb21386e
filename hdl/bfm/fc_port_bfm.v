// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* The other end of a Fibre Channel link (the fabric's side of the wire): initialises the link, keeps credit both ways, and
   moves whole frames between the wire and the C library, one crossing a frame. Simulation only.

   Outgoing items (frames, or any words at all) are taken from the C library the moment the one before has left, so a queue is
   sent with exactly 6 fill words between frames while credit allows. R_RDYs go into that gap; a second one makes it longer. */
module fc_port_bfm #(
    parameter PORT = 0,            // number of the port in the C library, 0 to 255
    parameter R_T_TOV_WORDS = 65536 // wait in a link reset or initialisation state before giving up, 16 or more
) (
    input  wire clk,
    input  wire rst,
    input  wire [63:0] cycles,

    // transceiver words, from and to the device
    input  wire [31:0] rx_data,
    input  wire [3:0]  rx_charisk,
    output reg  [31:0] tx_data,
    output reg  [3:0]  tx_charisk,

    output reg  wake_request // strobe: there is something for Python
);

    `include "bfm/portplex_bfm.vh"

    localparam [31:0] IDLE  = 32'hBC95B5B5;
    localparam [31:0] R_RDY = 32'hBC954A4A;
    localparam [31:0] NOS   = 32'hBC55BF45;
    localparam [31:0] OLS   = 32'hBC358A55;
    localparam [31:0] LR    = 32'hBC49BF49;
    localparam [31:0] LRR   = 32'hBC35BF49;
    localparam [31:0] ARBFF = 32'hBC94FFFF;

    localparam [3:0] STATE_AC  = 4'd0;
    localparam [3:0] STATE_LR1 = 4'd1;
    localparam [3:0] STATE_LR2 = 4'd2;
    localparam [3:0] STATE_LR3 = 4'd3;
    localparam [3:0] STATE_LF1 = 4'd4;
    localparam [3:0] STATE_LF2 = 4'd5;
    localparam [3:0] STATE_OL1 = 4'd6;
    localparam [3:0] STATE_OL2 = 4'd7;
    localparam [3:0] STATE_OL3 = 4'd8;

    // control operations from Python (tb/portplex/bfm/library.py, Control)
    localparam [31:0] CONTROL_LINK         = 32'd0; // argument: LINK_*
    localparam [31:0] CONTROL_TX_CREDIT    = 32'd1; // credit the device gave at login
    localparam [31:0] CONTROL_RX_CREDIT    = 32'd2; // credit granted to the device
    localparam [31:0] CONTROL_HOLD_R_RDY   = 32'd3; // 1: keep R_RDYs back, 0: send those kept back
    localparam [31:0] CONTROL_DROP_R_RDY   = 32'd4; // never send the next n
    localparam [31:0] CONTROL_EXTRA_R_RDY  = 32'd5; // send n that nothing was received for
    localparam [31:0] CONTROL_CLEAR_STATS  = 32'd6;
    localparam [31:0] CONTROL_CLEAR        = 32'd7; // done in C

    localparam [1:0] LINK_NORMAL  = 2'd0;
    localparam [1:0] LINK_OFFLINE = 2'd1; // stay in OL1
    localparam [1:0] LINK_FAILED  = 2'd2; // stay in LF2
    localparam [1:0] LINK_RESET   = 2'd3; // one link reset

    localparam MAX_WORDS = 640; // PP_WORDS of portplex_bfm.h
    localparam [31:0] LAST_WORD = MAX_WORDS - 1;

    localparam [31:0] FLAG_TRUNCATED = 32'd4;
    localparam [31:0] FLAG_K_INSIDE  = 32'd8;
    localparam [31:0] FLAG_TOO_LONG  = 32'd16;
    localparam [31:0] FLAG_NO_CREDIT = 32'd32;

    initial begin
        if (PORT < 0 || PORT > 255) begin
            $display("%m: PORT %0d must be 0 to 255", PORT);
            $finish;
        end
        if (R_T_TOV_WORDS < 16) begin
            $display("%m: R_T_TOV_WORDS %0d must be at least 16", R_T_TOV_WORDS);
            $finish;
        end
    end

    // link state
    reg [3:0]  state;
    reg [3:0]  next_state;
    reg [1:0]  link_order;
    reg [31:0] state_clocks;
    reg [31:0] last_word;
    reg [1:0]  same_words;
    reg        recognised;

    // transmitter
    reg [MAX_WORDS*32-1:0] tx_words;
    reg [MAX_WORDS*4-1:0]  tx_k;
    // verilator lint_off UNUSEDSIGNAL
    integer    tx_info;     // what pp_fc_take said of it; the upper bits are free
    // verilator lint_on UNUSEDSIGNAL
    reg        tx_held;     // an item is in tx_words
    reg        tx_sending;
    reg        tx_last;     // this clock's word is the last of its item
    reg        tx_pending;  // the queue has something
    reg [9:0]  tx_index;
    reg [63:0] tx_start;
    reg [6:0]  since_item;  // primitive signals since the last item, saturating
    reg [1:0]  fills;       // fill words since the last item or R_RDY, saturating
    reg        start_item;

    // credit
    reg [31:0] tx_credit_limit;
    reg [31:0] tx_outstanding;
    reg [31:0] rx_credit_limit;
    reg [31:0] rx_unreturned; // frames received whose R_RDY is not on the wire yet
    reg [31:0] r_rdy_owed;
    reg [31:0] r_rdy_drop;
    reg        r_rdy_hold;
    reg [31:0] r_rdy_sent;
    reg [31:0] r_rdy_received;
    reg [31:0] credit_min;
    reg        send_r_rdy;
    reg        credit_taken;
    reg        credit_back;
    reg        frame_received;

    // receiver
    reg [MAX_WORDS*32-1:0] rx_words;
    reg        rx_in_frame;
    reg [31:0] rx_count;
    reg [31:0] rx_flags;
    reg [63:0] rx_start;
    reg        rx_sof;
    reg        rx_eof;

    // verilator lint_off UNUSEDSIGNAL
    // whole integers because C fills them; few bits matter
    integer attention;
    integer operation;
    integer argument;
    integer more;
    // verilator lint_on UNUSEDSIGNAL
    reg     was_reset;
    reg     wake_now;
    reg     control_pending;

    initial begin
        tx_words = {MAX_WORDS{32'd0}};
        tx_k = {MAX_WORDS{4'd0}};
        rx_words = {MAX_WORDS{32'd0}};
        was_reset = 1'b0;
        wake_request = 1'b0;
        tx_data = NOS;
        tx_charisk = 4'b1000;
        attention = 0;
        operation = 0;
        argument = 0;
        more = 0;
        tx_info = 0;
        clear_all;
    end

    task clear_all;
        begin
            state = STATE_LF2;
            next_state = STATE_LF2;
            link_order = LINK_NORMAL;
            state_clocks = 32'd0;
            last_word = 32'd0;
            same_words = 2'd0;
            recognised = 1'b0;
            tx_held = 1'b0;
            tx_sending = 1'b0;
            tx_last = 1'b0;
            tx_pending = 1'b0;
            tx_index = 10'd0;
            tx_start = 64'd0;
            since_item = 7'd0;
            fills = 2'd0;
            start_item = 1'b0;
            tx_credit_limit = 32'd1;
            rx_credit_limit = 32'd8;
            tx_outstanding = 32'd0;
            rx_unreturned = 32'd0;
            r_rdy_owed = 32'd0;
            r_rdy_drop = 32'd0;
            r_rdy_hold = 1'b0;
            r_rdy_sent = 32'd0;
            r_rdy_received = 32'd0;
            credit_min = 32'd1;
            send_r_rdy = 1'b0;
            credit_taken = 1'b0;
            credit_back = 1'b0;
            frame_received = 1'b0;
            rx_in_frame = 1'b0;
            rx_count = 32'd0;
            rx_flags = 32'd0;
            rx_start = 64'd0;
            rx_sof = 1'b0;
            rx_eof = 1'b0;
            wake_now = 1'b0;
            control_pending = 1'b0;
        end
    endtask

    // One process, blocking assignments: everything in here is private to it, and C is called in a defined order.
    // verilator lint_off BLKSEQ
    always @(posedge clk) begin
        wake_now = 1'b0;
        if (rst) begin
            if (!was_reset) begin
                `PP_FC_RESET(PORT, cycles);
                wake_now = 1'b1;
            end
            was_reset = 1'b1;
            clear_all;
            tx_data <= NOS;
            tx_charisk <= 4'b1000;
        end else begin
            was_reset = 1'b0;

            // ---- orders from Python, every fourth clock
            if (cycles[1:0] == 2'd0) begin
                `PP_FC_POLL(PORT, cycles, {30'd0, tx_sending, tx_held}, r_rdy_sent, r_rdy_received, credit_min, attention);
                tx_pending = attention[0];
                control_pending = attention[1];
                if (attention[2]) wake_now = 1'b1;
                while (control_pending) begin
                    `PP_FC_CONTROL(PORT, cycles, operation, argument, more);
                    control_pending = more[0];
                    run_control;
                end
            end

            receive_word;
            // an active link has no timeout
            if (state != STATE_AC || recognised || link_order != LINK_NORMAL) step_link;
            transmit_word;
            count_credit;
        end
        wake_request <= wake_now;
    end

    task run_control;
        case (operation)
            CONTROL_LINK: link_order = argument[1:0];
            CONTROL_TX_CREDIT: begin
                tx_credit_limit = argument;
                credit_min = argument;
            end
            CONTROL_RX_CREDIT: rx_credit_limit = argument;
            CONTROL_HOLD_R_RDY: r_rdy_hold = argument[0];
            CONTROL_DROP_R_RDY: r_rdy_drop = r_rdy_drop + argument;
            CONTROL_EXTRA_R_RDY: r_rdy_owed = r_rdy_owed + argument;
            CONTROL_CLEAR_STATS: begin
                r_rdy_sent = 32'd0;
                r_rdy_received = 32'd0;
                credit_min = tx_credit_limit;
            end
            CONTROL_CLEAR: ;
            default: $display("%m: control operation %0d is not known", operation);
        endcase
    endtask

    task receive_word;
        begin
            credit_back = 1'b0;
            frame_received = 1'b0;
            rx_sof = 1'b0;
            rx_eof = 1'b0;
            recognised = 1'b0;
            if (rx_charisk == 4'b1000 && rx_data[31:24] == 8'hBC) begin
                // a primitive sequence or idle counts after three equal words
                if (rx_data == last_word) begin
                    if (same_words != 2'd3) same_words = same_words + 2'd1;
                    recognised = (same_words == 2'd3);
                end else begin
                    same_words = 2'd1;
                    last_word = rx_data;
                end
                rx_sof = rx_data[23:16] == 8'hB5 && rx_data[15:8] == rx_data[7:0] && rx_data[3:0] >= 4'h5 && rx_data[3:0] <= 4'h9
                    && (rx_data[7:4] == 4'h1 || rx_data[7:4] == 4'h3 || rx_data[7:4] == 4'h5) && rx_data[4];
                rx_eof = (rx_data[23:16] == 8'h95 || rx_data[23:16] == 8'hB5 || rx_data[23:16] == 8'h8A || rx_data[23:16] == 8'hAA)
                    && (rx_data[15:0] == 16'h7575 || rx_data[15:0] == 16'hD5D5 || rx_data[15:0] == 16'hF5F5
                        || rx_data[15:0] == 16'h9595 || rx_data[15:0] == 16'h9999);
                if (rx_data == R_RDY && state == STATE_AC) credit_back = 1'b1;
                if (rx_in_frame) begin
                    keep_word;
                    if (!rx_eof) rx_flags = rx_flags | FLAG_TRUNCATED;
                    end_frame;
                end
                if (rx_sof && state == STATE_AC) begin
                    rx_in_frame = 1'b1;
                    rx_count = 32'd0;
                    rx_flags = (rx_unreturned >= rx_credit_limit) ? FLAG_NO_CREDIT : 32'd0;
                    rx_start = cycles;
                    keep_word;
                end
            end else begin
                same_words = 2'd0;
                last_word = 32'd0;
                if (rx_in_frame) begin
                    if (rx_charisk != 4'd0) rx_flags = rx_flags | FLAG_K_INSIDE;
                    keep_word;
                end
            end
        end
    endtask

    task keep_word;
        begin
            if (rx_count <= LAST_WORD) rx_words[{rx_count[9:0], 5'd0}+:32] = rx_data;
            else begin
                rx_words[{LAST_WORD[9:0], 5'd0}+:32] = rx_data;
                rx_flags = rx_flags | FLAG_TOO_LONG;
            end
            rx_count = rx_count + 32'd1;
        end
    endtask

    task end_frame;
        begin
            rx_in_frame = 1'b0;
            frame_received = 1'b1;
            wake_now = 1'b1;
            `PP_FC_FRAME(PORT, rx_start, cycles, rx_count, rx_flags, rx_words);
        end
    endtask

    // FC_Port state machine
    task step_link;
        begin
            next_state = state;
            state_clocks = state_clocks + 32'd1;
            if (recognised)
                case (rx_data)
                    OLS: begin
                        next_state = STATE_OL2;
                        state_clocks = 32'd0; // an offline peer may stay so
                    end
                    NOS: next_state = STATE_LF1;
                    LR: next_state = (state == STATE_OL3 || state == STATE_LF2) ? STATE_LF2 : STATE_LR2;
                    LRR:
                        case (state)
                            STATE_LF1, STATE_LF2, STATE_OL1: next_state = state;
                            STATE_OL3: next_state = STATE_LF2;
                            default: next_state = STATE_LR3;
                        endcase
                    IDLE, ARBFF: if (state == STATE_LR2 || state == STATE_LR3) next_state = STATE_AC;
                    default: next_state = state;
                endcase
            else if (state_clocks >= R_T_TOV_WORDS)
                case (state)
                    STATE_LR1, STATE_LR2, STATE_LR3: next_state = STATE_LF2;
                    STATE_OL2: next_state = STATE_OL3;
                    default: next_state = state;
                endcase
            case (link_order)
                LINK_OFFLINE: next_state = STATE_OL1;
                LINK_FAILED: next_state = STATE_LF2;
                LINK_RESET: begin
                    if (state == STATE_AC) next_state = STATE_LR1;
                    link_order = LINK_NORMAL;
                end
                default: ;
            endcase
            if (next_state != state) begin
                if (state == STATE_AC || next_state == STATE_AC) begin
                    // a link reset and every initialisation restore credit and lose what is under way
                    rx_in_frame = 1'b0;
                    tx_outstanding = 32'd0;
                    rx_unreturned = 32'd0;
                    r_rdy_owed = 32'd0;
                    if (!(tx_held && tx_info[17])) begin
                        tx_held = 1'b0;
                        tx_sending = 1'b0;
                    end
                    since_item = 7'd0;
                    fills = 2'd0;
                    wake_now = 1'b1;
                end
                state = next_state;
                state_clocks = 32'd0;
                `PP_FC_LINK(PORT, cycles, {28'd0, state});
                if (state != STATE_AC) wake_now = 1'b1;
            end
        end
    endtask

    task transmit_word;
        begin
            credit_taken = 1'b0;
            send_r_rdy = 1'b0;
            tx_last = 1'b0;
            if (!tx_held && tx_pending) take_item;
            if (tx_held && !tx_sending) begin
                start_item = (state == STATE_AC || tx_info[17]) && since_item >= {1'b0, tx_info[23:18]}
                    && (fills == 2'd2 || tx_info[23:18] == 6'd0) && (!tx_info[16] || tx_outstanding < tx_credit_limit);
                if (start_item && !(state == STATE_AC && r_rdy_owed != 32'd0 && !r_rdy_hold && fills == 2'd2 && tx_info[16])) begin
                    tx_sending = 1'b1;
                    tx_index = 10'd0;
                    credit_taken = tx_info[16];
                    if (tx_info[23:18] != 6'd0) tx_start = cycles;
                end
            end
            if (tx_sending) begin
                tx_data <= tx_words[{tx_index, 5'd0}+:32];
                tx_charisk <= tx_k[{tx_index, 2'd0}+:4];
                tx_index = tx_index + 10'd1;
                tx_last = ({22'd0, tx_index} == {16'd0, tx_info[15:0]});
                if (tx_last) begin
                    `PP_FC_SENT(PORT, tx_start, cycles);
                    tx_held = 1'b0;
                    tx_sending = 1'b0;
                    since_item = 7'd0;
                    fills = 2'd0;
                    if (tx_pending) take_item;
                end
            end else begin
                tx_charisk <= 4'b1000;
                if (since_item != 7'd127) since_item = since_item + 7'd1;
                if (state == STATE_AC && r_rdy_owed != 32'd0 && !r_rdy_hold && fills == 2'd2) begin
                    tx_data <= R_RDY;
                    send_r_rdy = 1'b1;
                    fills = 2'd0;
                end else begin
                    case (state)
                        STATE_AC, STATE_LR3: tx_data <= IDLE;
                        STATE_LR1, STATE_OL2: tx_data <= LR;
                        STATE_LR2: tx_data <= LRR;
                        STATE_LF1, STATE_OL1: tx_data <= OLS;
                        default: tx_data <= NOS;
                    endcase
                    if (fills != 2'd2) fills = fills + 2'd1;
                end
            end
        end
    endtask

    task take_item;
        begin
            `PP_FC_TAKE(PORT, cycles, tx_words, tx_k, tx_info);
            tx_held = (tx_info[15:0] != 16'd0);
            tx_pending = tx_info[24];
        end
    endtask

    task count_credit;
        begin
            if (credit_back) begin
                r_rdy_received = r_rdy_received + 32'd1;
                if (tx_outstanding != 32'd0) tx_outstanding = tx_outstanding - 32'd1;
            end
            if (credit_taken) begin
                tx_outstanding = tx_outstanding + 32'd1;
                if (tx_credit_limit - tx_outstanding < credit_min) credit_min = tx_credit_limit - tx_outstanding;
            end
            if (frame_received) begin
                rx_unreturned = rx_unreturned + 32'd1;
                if (r_rdy_drop != 32'd0) r_rdy_drop = r_rdy_drop - 32'd1;
                else r_rdy_owed = r_rdy_owed + 32'd1;
            end
            if (send_r_rdy) begin
                r_rdy_owed = r_rdy_owed - 32'd1;
                r_rdy_sent = r_rdy_sent + 32'd1;
                if (rx_unreturned != 32'd0) rx_unreturned = rx_unreturned - 32'd1;
            end
        end
    endtask
    // verilator lint_on BLKSEQ

endmodule

`resetall
