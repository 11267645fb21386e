// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

// Receive dispatch: checks each frame, writes solicited data of known exchanges to the cache, hands the rest on as events.
module rx_dispatch #(
    parameter TASKS = 32      // 1 to 256
) (
    input  wire         clk,
    input  wire         rst,

    // Identity
    input  wire [23:0]  my_id,
    input  wire         my_id_valid,

    // Link, head of the receive queue
    input  wire         rxf_valid,
    input  wire [191:0] rxf_header,
    input  wire [9:0]   rxf_words,
    input  wire         rxf_sof_initiate,
    input  wire         rxf_eof_terminate,
    output wire [9:0]   rxf_rd_addr,
    input  wire [31:0]  rxf_rd_data,
    output wire         rxf_pop,

    // Link services
    output wire         ls_rx_valid,
    input  wire [9:0]   ls_rx_rd_addr,
    input  wire         ls_rx_done,

    // Login table; the answer comes one clock later
    output wire         lookup_valid,
    input  wire         lookup_hit,
    input  wire         lookup_initiator,

    // Task table: receive window and progress, data one clock after the row
    output wire [8:0]   window_rd_row,
    input  wire [133:0] window_rd_data,
    input  wire [57:0]  progress_rd_data,
    input  wire         progress_rd_fresh,
    output wire         progress_write,
    output wire [8:0]   progress_wr_row,
    output wire [57:0]  progress_wr_data,

    // The row whose data is being written
    output wire         busy,
    output wire [8:0]   busy_row,

    // Segment list, when the scheduler does not use it
    input  wire         sl_use,
    output wire [8:0]   sl_rd_slot,
    output wire [4:0]   sl_rd_index,
    input  wire [19:0]  sl_rd_line,

    // Front port of the cache, write client
    output wire         fr_wr_valid,
    input  wire         fr_wr_ready,
    output wire [19:0]  fr_wr_line,
    output wire [127:0] fr_wr_data,
    output wire [15:0]  fr_wr_strobe,

    // Event for the task generator; the fields stay until it is taken
    output reg          event_valid,
    input  wire         event_ready,
    output reg  [3:0]   event_kind,
    output reg  [8:0]   event_row,
    output reg  [191:0] event_header,
    output reg  [9:0]   event_words,
    output reg  [383:0] event_payload,

    // Counters
    output reg          stat_bad_header,
    output reg          stat_not_logged_in,
    output reg          stat_unknown_exchange,
    output reg          stat_sequence_error,
    output reg          stat_wrong_d_id
);

`include "port/fc_constants.vh"
`include "port/task_context.vh"

localparam integer LAST_TASK = TASKS - 1;
localparam [15:0] LAST = LAST_TASK[15:0];
localparam [9:0] CAPTURE_WORDS = 10'd12;

localparam [3:0] STATE_IDLE = 4'd0;
localparam [3:0] STATE_CHECK = 4'd1;
localparam [3:0] STATE_SERVICES = 4'd2;
localparam [3:0] STATE_LOOKUP = 4'd3;
localparam [3:0] STATE_LOOKUP_NEXT = 4'd4;
localparam [3:0] STATE_COPY = 4'd5;
localparam [3:0] STATE_DRAIN = 4'd6;
localparam [3:0] STATE_NOTIFY = 4'd7;
localparam [3:0] STATE_WAIT = 4'd8;
localparam [3:0] STATE_CAPTURE = 4'd9;
localparam [3:0] STATE_POP = 4'd10;

reg [3:0] state_reg;
reg [8:0] row_reg;
reg [3:0] kind_reg;
reg [9:0] index_reg;
reg notify_reg;
reg copy_first_reg;

initial begin
    state_reg = STATE_IDLE;
    row_reg = 9'd0;
    kind_reg = 4'd0;
    index_reg = 10'd0;
    notify_reg = 1'b0;
    copy_first_reg = 1'b0;
end

// ---- Header fields of the head frame ----

wire [7:0] r_ctl = rxf_header[191:184];
wire [23:0] d_id = rxf_header[183:160];
wire [23:0] s_id = rxf_header[151:128];
wire [7:0] fc_type = rxf_header[127:120];
wire [23:0] f_ctl = rxf_header[119:96];
wire [7:0] seq_id = rxf_header[95:88];
wire [7:0] df_ctl = rxf_header[87:80];
wire [15:0] seq_cnt = rxf_header[79:64];
wire [15:0] ox_id = rxf_header[63:48];
wire [15:0] rx_id = rxf_header[47:32];
wire [31:0] offset = rxf_header[31:0];

wire from_responder = f_ctl[23];
wire end_sequence = f_ctl[19];
wire initiative = f_ctl[16];
wire services = fc_type == `FC_TYPE_ELS || fc_type == `FC_TYPE_CT;
wire fcp = fc_type == `FC_TYPE_FCP;
wire bls = fc_type == `FC_TYPE_BLS;
wire data = fcp && r_ctl == `FC_RCTL_SOLICITED_DATA;
// the exchange is ours by our own X_ID: OX_ID when the responder speaks, RX_ID when the originator does
wire [15:0] own_id = from_responder ? ox_id : rx_id;
wire own_known = own_id <= LAST;
wire single = rxf_sof_initiate && rxf_eof_terminate && end_sequence;

// F_CTL bits that a frame of this kind may not choose
localparam [23:0] MASK_CONTROL = 24'hFCC20B;
localparam [23:0] MASK_RESPONSE = 24'hFCC208;
localparam [23:0] MASK_DATA = 24'h74C20B;
localparam [23:0] MASK_BLS = 24'h480000;

// What the frame is, and whether its header may be that of such a frame (the highest bit)
function [4:0] classify;
    input [7:0] routing;
    reg [3:0] kind;
    reg kind_ok;
    begin
        kind = `EVENT_CMND;
        kind_ok = 1'b0;
        if (fcp) begin
            case (routing)
                `FC_RCTL_UNSOLICITED_COMMAND: begin
                    kind = `EVENT_CMND;
                    kind_ok = single && initiative && (f_ctl & MASK_CONTROL) == 24'h280000 && seq_cnt == 16'd0 && rx_id == 16'hFFFF
                        && rxf_words >= 10'd8;
                end
                `FC_RCTL_DATA_DESCRIPTOR: begin
                    kind = `EVENT_XFER_RDY;
                    kind_ok = single && (f_ctl & MASK_CONTROL) == 24'h880000 && rxf_words == 10'd3;
                end
                `FC_RCTL_COMMAND_STATUS: begin
                    kind = `EVENT_RSP;
                    kind_ok = single && (f_ctl & MASK_RESPONSE) == 24'h980000 && rxf_words >= 10'd6;
                end
                `FC_RCTL_SOLICITED_DATA: begin
                    kind = `EVENT_RX_DONE;
                    kind_ok = (f_ctl & MASK_DATA) == 24'h000008 && end_sequence == rxf_eof_terminate && (!initiative || end_sequence)
                        && rxf_words != 10'd0;
                end
                default: kind_ok = 1'b0;
            endcase
        end else if (bls) begin
            case (routing)
                `FC_RCTL_ABTS: begin
                    kind = `EVENT_ABTS;
                    kind_ok = rxf_eof_terminate && (f_ctl & MASK_BLS) == 24'h080000;
                end
                `FC_RCTL_BA_ACC, `FC_RCTL_BA_RJT: begin
                    kind = `EVENT_BLS_REPLY;
                    kind_ok = rxf_eof_terminate && from_responder && (f_ctl & MASK_BLS) == 24'h080000;
                end
                default: kind_ok = 1'b0;
            endcase
        end
        classify = {kind_ok, kind};
    end
endfunction

// ---- Solicited data against the receive window ----

wire [133:0] w = window_rd_data;
wire [57:0] p = progress_rd_data;
wire [16:0] received = progress_rd_fresh ? 17'd0 : p[`RXP_DONE];
wire [16:0] frame_bytes = {5'd0, rxf_words, 2'b00};
wire [16:0] received_next = received + frame_bytes;
wire complete = received_next == w[`RXW_LENGTH];

wire exchange_ok = own_known && w[`RXW_ARMED] && w[`RXW_PEER] == s_id && w[`RXW_OX_ID] == ox_id && w[`RXW_FROM_RESPONDER] == from_responder
    && (w[`RXW_RX_ID] == rx_id || (w[`RXW_RX_ID] == 16'hFFFF && (progress_rd_fresh || p[`RXP_RX_ID] == rx_id)));

// A sequence starts with SOFi3 at SEQ_CNT 0 or on from the one before; inside it SEQ_ID stays and SEQ_CNT counts.
wire open = !progress_rd_fresh && p[`RXP_OPEN];
wire [15:0] next_cnt = p[`RXP_SEQ_CNT] + 16'd1;
wire sequence_ok = (open ? !rxf_sof_initiate && seq_id == p[`RXP_SEQ_ID] && seq_cnt == next_cnt
                         : rxf_sof_initiate && (seq_cnt == 16'd0 || (!progress_rd_fresh && seq_cnt == next_cnt)))
    && offset == w[`RXW_BASE] + {15'd0, received} && received_next <= w[`RXW_LENGTH] && (!complete || end_sequence);

assign window_rd_row = own_known ? own_id[8:0] : 9'd0;
assign lookup_valid = state_reg == STATE_IDLE && rxf_valid;

assign progress_write = state_reg == STATE_LOOKUP && !sl_use;
assign progress_wr_row = row_reg;
assign progress_wr_data = {!end_sequence, seq_cnt, seq_id, rx_id, received_reg};

// Taken when the frame is accepted: the window may be closed while its last frame is being written.
reg [16:0] received_reg;
reg [16:0] position_reg;
reg [8:0] slot_reg;

initial begin
    received_reg = 17'd0;
    position_reg = 17'd0;
    slot_reg = 9'd0;
end

assign sl_rd_slot = slot_reg;
assign sl_rd_index = state_reg == STATE_LOOKUP ? position_reg[16:12] : position_reg[16:12] + 5'd1;

assign busy = state_reg == STATE_CHECK || state_reg == STATE_LOOKUP || state_reg == STATE_LOOKUP_NEXT || state_reg == STATE_COPY
    || state_reg == STATE_DRAIN;
assign busy_row = row_reg;

reg [19:0] base_reg;
reg base_here_reg;       // sl_rd_line answers the first lookup

initial begin
    base_reg = 20'd0;
    base_here_reg = 1'b0;
end
wire word_ready;
wire word_last = index_reg == rxf_words - 10'd1;
wire writer_idle;
wire copy = state_reg == STATE_COPY;
wire start_writer = state_reg == STATE_LOOKUP_NEXT && !sl_use;

port_cache_writer writer (
    .clk(clk), .rst(rst),
    .start(start_writer), .position(position_reg), .base(base_here_reg ? sl_rd_line : base_reg),
    .next_base_valid(copy_first_reg), .next_base(sl_rd_line),
    .word_valid(copy), .word_ready(word_ready), .word(rxf_rd_data), .word_last(word_last),
    .idle(writer_idle),
    .fr_wr_valid(fr_wr_valid), .fr_wr_ready(fr_wr_ready), .fr_wr_line(fr_wr_line), .fr_wr_data(fr_wr_data), .fr_wr_strobe(fr_wr_strobe)
);

// ---- Payload reads: one address ahead of the word in use ----

wire capture = state_reg == STATE_CAPTURE;
wire step = capture || (copy && word_ready);
wire capture_last = index_reg == CAPTURE_WORDS || index_reg == rxf_words;

assign rxf_rd_addr = state_reg == STATE_SERVICES ? ls_rx_rd_addr : step ? index_reg + 10'd1 : index_reg;
// the buffer is free as soon as the last word has been read
assign rxf_pop = state_reg == STATE_POP || (copy && word_ready && word_last);
assign ls_rx_valid = state_reg == STATE_SERVICES;

initial begin
    event_valid = 1'b0;
    event_kind = 4'd0;
    event_row = 9'd0;
    event_header = 192'd0;
    event_words = 10'd0;
    event_payload = 384'd0;
    stat_bad_header = 1'b0;
    stat_not_logged_in = 1'b0;
    stat_unknown_exchange = 1'b0;
    stat_sequence_error = 1'b0;
    stat_wrong_d_id = 1'b0;
    if (TASKS < 1 || TASKS > 256) begin
        $display("%m: TASKS %0d must be 1 to 256", TASKS);
        $finish;
    end
end

always @(posedge clk) begin : dispatch
    // As this clock finds them
    reg [3:0] state;
    reg event_waits;
    reg [3:0] kind;
    reg kind_ok;
    state = state_reg;
    event_waits = event_valid;

    stat_bad_header <= 1'b0;
    stat_not_logged_in <= 1'b0;
    stat_unknown_exchange <= 1'b0;
    stat_sequence_error <= 1'b0;
    stat_wrong_d_id <= 1'b0;
    base_here_reg <= progress_write;
    copy_first_reg <= start_writer;
    if (event_ready) event_valid <= 1'b0;
    if (base_here_reg) base_reg <= sl_rd_line;

    case (state)
        STATE_IDLE: begin
            row_reg <= window_rd_row;
            if (rxf_valid) state_reg <= STATE_CHECK;
        end
        STATE_CHECK: begin
            {kind_ok, kind} = classify(r_ctl);
            kind_reg <= kind;
            received_reg <= received_next;
            position_reg <= w[`RXW_POSITION] + received;
            slot_reg <= w[`RXW_SLOT];
            notify_reg <= w[`RXW_NOTIFY] && complete;
            state_reg <= STATE_POP;
            if (services) begin
                state_reg <= STATE_SERVICES;
            end else if (!my_id_valid || d_id != my_id) begin
                stat_wrong_d_id <= 1'b1;
            end else if (!kind_ok || df_ctl != `FC_DFCTL_NONE) begin
                stat_bad_header <= 1'b1;
            end else if (!lookup_hit || (kind == `EVENT_CMND && !lookup_initiator)) begin
                stat_not_logged_in <= 1'b1;
            end else if (data) begin
                if (!exchange_ok) stat_unknown_exchange <= 1'b1;
                else if (!sequence_ok) stat_sequence_error <= 1'b1;
                else state_reg <= STATE_LOOKUP;
            end else if (kind != `EVENT_CMND && kind != `EVENT_ABTS && !own_known) begin
                stat_unknown_exchange <= 1'b1;
            end else begin
                state_reg <= STATE_WAIT;
            end
        end
        STATE_SERVICES: if (ls_rx_done) state_reg <= STATE_POP;
        STATE_LOOKUP: if (!sl_use) state_reg <= STATE_LOOKUP_NEXT;
        STATE_LOOKUP_NEXT: if (!sl_use) state_reg <= STATE_COPY;
        STATE_COPY: begin
            if (word_ready && word_last) state_reg <= notify_reg ? STATE_DRAIN : STATE_IDLE;
        end
        STATE_DRAIN: if (writer_idle) state_reg <= STATE_NOTIFY;
        STATE_NOTIFY: begin
            if (!event_waits) begin
                event_valid <= 1'b1;
                event_kind <= `EVENT_RX_DONE;
                event_row <= row_reg;
                state_reg <= STATE_IDLE;
            end
        end
        STATE_WAIT: begin
            // data of the same exchange has reached the cache before its FCP_RSP is looked at
            if (!event_waits && writer_idle) begin
                event_kind <= kind_reg;
                event_row <= row_reg;
                event_header <= rxf_header;
                event_words <= rxf_words;
                event_payload <= 384'd0;
                state_reg <= STATE_CAPTURE;
            end
        end
        STATE_CAPTURE: begin
            if (capture_last) begin
                event_valid <= 1'b1;
                state_reg <= STATE_POP;
            end else begin
                case (index_reg[3:0])
                    4'd0: event_payload[383:352] <= rxf_rd_data;
                    4'd1: event_payload[351:320] <= rxf_rd_data;
                    4'd2: event_payload[319:288] <= rxf_rd_data;
                    4'd3: event_payload[287:256] <= rxf_rd_data;
                    4'd4: event_payload[255:224] <= rxf_rd_data;
                    4'd5: event_payload[223:192] <= rxf_rd_data;
                    4'd6: event_payload[191:160] <= rxf_rd_data;
                    4'd7: event_payload[159:128] <= rxf_rd_data;
                    4'd8: event_payload[127:96] <= rxf_rd_data;
                    4'd9: event_payload[95:64] <= rxf_rd_data;
                    4'd10: event_payload[63:32] <= rxf_rd_data;
                    default: event_payload[31:0] <= rxf_rd_data;
                endcase
            end
        end
        default: state_reg <= STATE_IDLE;
    endcase

    if (step) index_reg <= index_reg + 10'd1;
    if (state == STATE_IDLE) index_reg <= 10'd0;
    if (rst) begin
        state_reg <= STATE_IDLE;
        event_valid <= 1'b0;
    end
end

endmodule

`resetall
