// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

// Task executor: gives one event to the engine of its task, then carries out in order what the engine decided.
module task_executor #(
    parameter TASKS = 32      // 1 to 256
) (
    input  wire         clk,
    input  wire         rst,

    // One step, from the task generator; the fields stay until `finished`
    input  wire         start,
    input  wire         to_engine,          // 0: only the reply or the completion given here
    input  wire [3:0]   event_code,
    input  wire [8:0]   row,
    input  wire [153:0] row_context,
    input  wire [3:0]   tx_tag,
    input  wire         kill_all,
    input  wire         direct_reply,
    input  wire [3:0]   direct_kind,
    input  wire         direct_done,
    input  wire [3:0]   direct_op,
    input  wire [8:0]   direct_slot,
    input  wire [7:0]   direct_status,
    output wire         finished,

    // Received frame of the event
    input  wire [191:0] rx_header,
    input  wire [9:0]   rx_words,
    input  wire [383:0] rx_payload,
    input  wire [57:0]  progress,
    input  wire         progress_fresh,

    // Transfer instruction at the head
    input  wire [3:0]   ti_op,
    input  wire [8:0]   ti_slot,
    input  wire [11:0]  ti_offset,
    input  wire [16:0]  ti_length,
    input  wire [31:0]  ti_relative_offset,
    input  wire [7:0]   ti_status,
    input  wire [23:0]  ti_sense,
    input  wire [31:0]  ti_lba,
    input  wire [31:0]  ti_residual,
    input  wire         ti_residual_under,
    input  wire         ti_residual_over,
    input  wire         ti_rsp_code_valid,
    input  wire [7:0]   ti_rsp_code,

    // Initiator instruction a task is being made for
    input  wire [15:0]  create_lun,
    input  wire [31:0]  create_lba,

    // Task table
    output wire         context_write,
    output wire [153:0] context_wr_data,
    output wire         window_write,
    output reg  [133:0] window_wr_data,
    output wire         descriptor_write,
    output wire [8:0]   descriptor_wr_row,
    output wire [195:0] descriptor_wr_data,
    output wire         iu_write,
    output wire [12:0]  iu_wr_addr,
    output wire [31:0]  iu_wr_data,
    output wire [1:0]   timer_command,
    output wire         release_valid,

    // Scheduler and dispatch: stop what they do for this row
    output wire         cancel,
    input  wire         tx_busy,
    input  wire [8:0]   tx_busy_row,
    input  wire         rx_busy,
    input  wire [8:0]   rx_busy_row,

    // A reply row has been sent
    input  wire         reply_sent,
    input  wire [8:0]   reply_sent_row,
    output wire         reply_room,         // a row is free

    // Host request
    output wire         request_push,
    output wire [1:0]   request_op,
    output wire [63:0]  cmnd_lun,
    output wire [2:0]   cmnd_attribute,
    output wire [7:0]   cmnd_task_management,
    output wire         cmnd_read,
    output wire         cmnd_write,
    output wire [127:0] cmnd_cdb,
    output wire [31:0]  cmnd_length,
    output wire         cmnd_ok,

    // Completion
    output wire         done_push,
    output wire [60:0]  done_data,

    // Counters
    output wire         stat_timeout,
    output wire         stat_abts_sent,
    output wire         stat_sequence_error,
    output wire         stat_unknown_exchange
);

`include "port/fc_constants.vh"
`include "port/task_context.vh"

localparam [8:0] FIRST_REPLY = TASKS[8:0];
localparam [7:0] TASK_SET_FULL = 8'h28;

localparam [2:0] STATE_IDLE = 3'd0;
localparam [2:0] STATE_ACT = 3'd1;
localparam [2:0] STATE_QUIESCE = 3'd2;
localparam [2:0] STATE_BUILD = 3'd3;
localparam [2:0] STATE_BUILDING = 3'd4;
localparam [2:0] STATE_COMMIT = 3'd5;

reg [2:0] state_reg;
reg [`REPLY_ROWS-1:0] reply_busy_reg;
reg [1:0] reply_reg;

initial begin
    state_reg = STATE_IDLE;
    reply_busy_reg = {`REPLY_ROWS{1'b0}};
    reply_reg = 2'd0;
end

wire initiator = row_context[`CTX_INITIATOR];
wire by_initiator = to_engine && initiator;
wire by_target = to_engine && !initiator;

// ---- FC-4 codec: the seam ----

wire xfer_ok;
wire [31:0] xfer_offset;
wire [31:0] xfer_length;
wire rsp_ok;
wire [7:0] rsp_status;
wire rsp_residual;
wire rsp_failed;
wire [23:0] rsp_sense;
wire [3:0] codec_index;
wire [31:0] codec_word;
wire [3:0] codec_words;
wire [7:0] codec_r_ctl;
wire [23:0] codec_f_ctl;
wire [3:0] kind;
wire [16:0] length;
wire [31:0] relative_offset;
wire full = kind == `SEQ_TASK_SET_FULL;

fcp_codec codec (
    .rx_payload(rx_payload), .rx_words(rx_words),
    .cmnd_ok(cmnd_ok), .cmnd_lun(cmnd_lun), .cmnd_attribute(cmnd_attribute), .cmnd_task_management(cmnd_task_management),
    .cmnd_read(cmnd_read), .cmnd_write(cmnd_write), .cmnd_cdb(cmnd_cdb), .cmnd_length(cmnd_length),
    .xfer_ok(xfer_ok), .xfer_offset(xfer_offset), .xfer_length(xfer_length),
    .rsp_ok(rsp_ok), .rsp_status(rsp_status), .rsp_residual(rsp_residual), .rsp_failed(rsp_failed), .rsp_sense(rsp_sense),
    .tx_kind(kind), .tx_index(codec_index),
    .tx_lun(create_lun), .tx_op(row_context[`CTX_OP]), .tx_lba(create_lba),
    .tx_offset(relative_offset), .tx_length({15'd0, length}),
    .tx_status(full ? TASK_SET_FULL : ti_status), .tx_sense(ti_sense), .tx_information(ti_lba),
    // a refused command has moved nothing
    .tx_residual(full ? cmnd_length : ti_residual), .tx_residual_under(full ? cmnd_length != 32'd0 : ti_residual_under),
    .tx_residual_over(!full && ti_residual_over), .tx_code_valid(!full && ti_rsp_code_valid), .tx_code(ti_rsp_code),
    .tx_word(codec_word), .tx_words(codec_words), .tx_r_ctl(codec_r_ctl), .tx_f_ctl(codec_f_ctl)
);

// ---- Engines ----

wire [153:0] i_next;
wire i_free;
wire i_quiesce;
wire i_arm;
wire i_build;
wire [3:0] i_kind;
wire i_reply;
wire i_done;
wire [7:0] i_status;
wire [7:0] i_scsi_status;
wire [23:0] i_sense;
wire [1:0] i_timer;
wire i_timeout;
wire i_abts;
wire i_sequence_error;
wire i_unknown;
wire [16:0] i_position;
wire [31:0] i_offset;
wire [16:0] i_length;

initiator_task initiator_engine (
    .clk(clk), .start(start && by_initiator), .event_code(event_code), .row_context(row_context), .done_tag(tx_tag), .kill_all(kill_all),
    .rx_id(rx_header[47:32]), .xfer_ok(xfer_ok), .xfer_offset(xfer_offset), .xfer_length(xfer_length),
    .rsp_ok(rsp_ok), .rsp_status(rsp_status), .rsp_residual(rsp_residual), .rsp_failed(rsp_failed), .rsp_sense(rsp_sense),
    .progress(progress), .progress_fresh(progress_fresh),
    .next(i_next), .act_free(i_free), .act_quiesce(i_quiesce), .act_arm(i_arm), .act_build(i_build), .build_kind(i_kind),
    .act_reply(i_reply), .act_done(i_done), .done_status(i_status), .done_scsi_status(i_scsi_status), .done_sense(i_sense),
    .timer_command(i_timer), .stat_timeout(i_timeout), .stat_abts_sent(i_abts), .stat_sequence_error(i_sequence_error),
    .stat_unknown_exchange(i_unknown), .position(i_position), .relative_offset(i_offset), .length(i_length)
);

wire [153:0] t_next;
wire t_free;
wire t_quiesce;
wire t_arm;
wire t_build;
wire [3:0] t_kind;
wire t_reply;
wire t_done;
wire [3:0] t_op;
wire [8:0] t_done_slot;
wire [7:0] t_status;
wire t_request;
wire [1:0] t_timer;
wire t_timeout;
wire [8:0] t_slot;
wire [16:0] t_position;
wire [31:0] t_offset;
wire [16:0] t_length;

target_task target_engine (
    .clk(clk), .start(start && by_target), .event_code(event_code), .row_context(row_context), .done_tag(tx_tag),
    .task_management(cmnd_task_management != 8'd0), .abts_seq_id(rx_header[95:88]),
    .ti_op(ti_op), .ti_slot(ti_slot), .ti_offset(ti_offset), .ti_length(ti_length), .ti_relative_offset(ti_relative_offset),
    .next(t_next), .act_free(t_free), .act_quiesce(t_quiesce), .act_arm(t_arm), .act_build(t_build), .build_kind(t_kind),
    .act_reply(t_reply), .act_done(t_done), .done_op(t_op), .done_slot(t_done_slot), .done_status(t_status),
    .act_request(t_request), .request_op(request_op), .timer_command(t_timer), .stat_timeout(t_timeout),
    .slot(t_slot), .position(t_position), .relative_offset(t_offset), .length(t_length)
);

wire [153:0] next = initiator ? i_next : t_next;
wire act_quiesce = by_initiator ? i_quiesce : by_target && t_quiesce;
wire act_arm = by_initiator ? i_arm : by_target && t_arm;
wire act_build = by_initiator ? i_build : by_target && t_build;
wire act_reply = by_initiator ? i_reply : by_target ? t_reply : direct_reply;
wire [16:0] position = initiator ? i_position : t_position;
wire [8:0] slot = initiator ? row_context[`CTX_SLOT] : t_slot;
assign kind = by_initiator ? i_kind : by_target ? t_kind : direct_kind;
assign length = initiator ? i_length : t_length;
assign relative_offset = initiator ? i_offset : t_offset;

// ---- Replies have rows of their own; the generator takes nothing that may need one while none is free ----

assign reply_room = !(&reply_busy_reg);
wire [1:0] reply_free = !reply_busy_reg[0] ? 2'd0 : !reply_busy_reg[1] ? 2'd1 : !reply_busy_reg[2] ? 2'd2 : 2'd3;
wire build = act_build || (act_reply && reply_room);
// a task that answers late (TI_RELEASE) remembers the ABTS; every other reply answers the frame at hand
wire from_context = act_build || by_target;
wire [8:0] reply_index = reply_sent_row - FIRST_REPLY;
wire build_done;

sequence_builder builder (
    .clk(clk), .rst(rst), .start(state_reg == STATE_BUILD), .kind(kind),
    .row(act_build ? row : FIRST_REPLY + {7'd0, reply_reg}), .initiator(act_build && initiator),
    .abts_from_responder(!by_target && rx_header[119]),
    .d_id(from_context ? next[`CTX_PEER] : rx_header[151:128]),
    .ox_id(from_context ? next[`CTX_OX_ID] : rx_header[63:48]),
    .rx_id(from_context ? next[`CTX_RX_ID] : rx_header[47:32]),
    .seq_id(by_target ? next[`CTX_ABTS_SEQ_ID] : rx_header[95:88]),
    .tag(next[`CTX_TAG]), .payload_words(next[`CTX_PAYLOAD_WORDS]),
    .slot(slot), .position(position), .offset(relative_offset), .length(length), .done(build_done),
    .codec_index(codec_index), .codec_word(codec_word), .codec_words(codec_words), .codec_r_ctl(codec_r_ctl), .codec_f_ctl(codec_f_ctl),
    .iu_write(iu_write), .iu_wr_addr(iu_wr_addr), .iu_wr_data(iu_wr_data),
    .descriptor_write(descriptor_write), .descriptor_wr_row(descriptor_wr_row), .descriptor_wr_data(descriptor_wr_data)
);

// ---- Order of the actions ----

wire commit = state_reg == STATE_COMMIT;
wire closing = state_reg == STATE_ACT && act_quiesce;

assign finished = commit;
assign cancel = closing;
assign window_write = closing || (state_reg == STATE_BUILD && act_arm);
wire [15:0] row_id = {7'd0, row};
always @* begin
    window_wr_data = 134'd0;
    if (window_write)
        window_wr_data = {length, relative_offset, position, slot, next[`CTX_INITIATOR] ? 16'hFFFF : row_id, next[`CTX_OX_ID],
            next[`CTX_PEER], initiator, !initiator, !closing};
end
assign context_write = commit && to_engine;
assign context_wr_data = next;
assign timer_command = commit ? (by_initiator ? i_timer : by_target ? t_timer : `TIMER_KEEP) : `TIMER_KEEP;
assign release_valid = commit && (by_initiator ? i_free : by_target && t_free);
assign request_push = commit && by_target && t_request;
assign done_push = commit && (by_initiator ? i_done : by_target ? t_done : direct_done);
assign done_data = by_initiator ? {row_context[`CTX_OP], row[7:0], row_context[`CTX_SLOT], i_status, i_scsi_status, i_sense}
    : by_target ? {t_op, row[7:0], t_done_slot, t_status, 32'd0}
    : {direct_op, row[7:0], direct_slot, direct_status, 32'd0};
assign stat_timeout = commit && (by_initiator ? i_timeout : by_target && t_timeout);
assign stat_abts_sent = commit && by_initiator && i_abts;
assign stat_sequence_error = commit && by_initiator && i_sequence_error;
assign stat_unknown_exchange = commit && by_initiator && i_unknown;

always @(posedge clk) begin : order
    reg [2:0] state;
    state = state_reg;

    case (state)
        STATE_IDLE: if (start) state_reg <= STATE_ACT;
        STATE_ACT: begin
            reply_reg <= reply_free;
            state_reg <= act_quiesce ? STATE_QUIESCE : build ? STATE_BUILD : STATE_COMMIT;
        end
        // at most the one frame that is under way in each direction
        STATE_QUIESCE: begin
            if (!(tx_busy && tx_busy_row == row) && !(rx_busy && rx_busy_row == row)) state_reg <= build ? STATE_BUILD : STATE_COMMIT;
        end
        STATE_BUILD: begin
            state_reg <= STATE_BUILDING;
            if (!act_build) reply_busy_reg[reply_reg] <= 1'b1;
        end
        STATE_BUILDING: if (build_done) state_reg <= STATE_COMMIT;
        default: state_reg <= STATE_IDLE;
    endcase
    if (reply_sent) reply_busy_reg[reply_index[1:0]] <= 1'b0;
    if (rst) begin
        state_reg <= STATE_IDLE;
        reply_busy_reg <= {`REPLY_ROWS{1'b0}};
    end
end

// Header fields that only dispatch looks at.
wire unused = &{1'b0, rx_header[191:152], rx_header[127:120], rx_header[118:96], rx_header[87:64], rx_header[31:0], reply_index[8:2], 1'b0};

endmodule

`resetall
