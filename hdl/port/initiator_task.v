// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

// Initiator task (figure 13): what one event does to a task of the array itself; one engine serves all contexts.
module initiator_task (
    input  wire         clk,

    // One step: the task's context and the event; the actions stand from the following clock on
    input  wire         start,
    input  wire [3:0]   event_code,
    input  wire [153:0] row_context,
    input  wire [3:0]   done_tag,
    input  wire         kill_all,

    // What the device said
    input  wire [15:0]  rx_id,
    input  wire         xfer_ok,
    input  wire [31:0]  xfer_offset,
    input  wire [31:0]  xfer_length,
    input  wire         rsp_ok,
    input  wire [7:0]   rsp_status,
    input  wire         rsp_residual,
    input  wire         rsp_failed,
    input  wire [23:0]  rsp_sense,

    // Data received so far
    input  wire [57:0]  progress,
    input  wire         progress_fresh,

    // Actions
    output reg  [153:0] next,
    output reg          act_free,
    output reg          act_quiesce,
    output reg          act_arm,
    output reg          act_build,
    output reg  [3:0]   build_kind,
    output reg          act_reply,
    output reg          act_done,
    output reg  [7:0]   done_status,
    output reg  [7:0]   done_scsi_status,
    output reg  [23:0]  done_sense,
    output reg  [1:0]   timer_command,
    output reg          stat_timeout,
    output reg          stat_abts_sent,
    output reg          stat_sequence_error,
    output reg          stat_unknown_exchange,

    // Fields of the sequence or window that the actions name
    output reg  [16:0]  position,
    output reg  [31:0]  relative_offset,
    output reg  [16:0]  length
);

`include "port/task_context.vh"

wire [3:0] state = row_context[`CTX_STATE];
wire tag_ok = done_tag == row_context[`CTX_TAG];
wire read = row_context[`CTX_OP] == `TI_READ;
wire probe = row_context[`CTX_OP] == `TI_PROBE;
wire alive = state == `INITIATOR_CMND || state == `INITIATOR_WAIT || state == `INITIATOR_DATA;

// RX_ID: named by the device in its first frame, constant from then on
wire [15:0] known_rx_id = read && !progress_fresh ? progress[`RXP_RX_ID] : row_context[`CTX_RX_ID];
wire rx_id_ok = known_rx_id == 16'hFFFF || known_rx_id == rx_id;

wire [16:0] moved = read ? (progress_fresh ? 17'd0 : progress[`RXP_DONE]) : row_context[`CTX_DONE];

initial begin
    next = 154'd0;
    act_free = 1'b0;
    act_quiesce = 1'b0;
    act_arm = 1'b0;
    act_build = 1'b0;
    build_kind = 4'd0;
    act_reply = 1'b0;
    act_done = 1'b0;
    done_status = 8'd0;
    done_scsi_status = 8'd0;
    done_sense = 24'd0;
    timer_command = `TIMER_KEEP;
    stat_timeout = 1'b0;
    stat_abts_sent = 1'b0;
    stat_sequence_error = 1'b0;
    stat_unknown_exchange = 1'b0;
    position = 17'd0;
    relative_offset = 32'd0;
    length = 17'd0;
end

// Abort the exchange; `status` is what the array hears when the device has answered, or will not answer.
task abort;
    input [7:0] status;
    begin
        next[`CTX_STATE] <= `INITIATOR_ABTS;
        next[`CTX_STATUS] <= status;
        next[`CTX_RX_ID] <= known_rx_id;
        next[`CTX_TAG] <= row_context[`CTX_TAG] + 4'd1;
        act_quiesce <= 1'b1;
        act_build <= 1'b1;
        build_kind <= `SEQ_ABTS;
        timer_command <= `TIMER_STOP;
        stat_abts_sent <= 1'b1;
    end
endtask

// The exchange is over and its OX_ID can be used again.
task finish;
    input [7:0] status;
    begin
        next[`CTX_VALID] <= 1'b0;
        act_quiesce <= 1'b1;
        act_free <= 1'b1;
        act_done <= 1'b1;
        done_status <= status;
        timer_command <= `TIMER_STOP;
    end
endtask

// The exchange is over, but frames of it may still be on their way: its OX_ID rests for R_A_TOV.
task settle;
    begin
        next[`CTX_STATE] <= `INITIATOR_SETTLE;
        act_quiesce <= 1'b1;
        act_done <= 1'b1;
        done_status <= row_context[`CTX_STATUS];
        timer_command <= `TIMER_SETTLE;
    end
endtask

always @(posedge clk) if (start) begin
    next <= row_context;
    act_free <= 1'b0;
    act_quiesce <= 1'b0;
    act_arm <= 1'b0;
    act_build <= 1'b0;
    build_kind <= `SEQ_CMND;
    act_reply <= 1'b0;
    act_done <= 1'b0;
    done_status <= `DONE_GOOD;
    done_scsi_status <= 8'd0;
    done_sense <= 24'd0;
    timer_command <= `TIMER_KEEP;
    stat_timeout <= 1'b0;
    stat_abts_sent <= 1'b0;
    stat_sequence_error <= 1'b0;
    stat_unknown_exchange <= 1'b0;
    position <= {5'd0, row_context[`CTX_OFFSET]};
    relative_offset <= 32'd0;
    length <= row_context[`CTX_LENGTH];

    case (event_code)
        // 1202: the command; a read opens its receive window first
        `EVENT_CREATE: begin
            next[`CTX_STATE] <= `INITIATOR_CMND;
            next[`CTX_TAG] <= row_context[`CTX_TAG] + 4'd1;
            act_arm <= read;
            act_build <= 1'b1;
            build_kind <= `SEQ_CMND;
            timer_command <= `TIMER_STOP;
        end
        `EVENT_TX_DONE: if (tag_ok) begin
            if (state == `INITIATOR_CMND || state == `INITIATOR_DATA) next[`CTX_STATE] <= `INITIATOR_WAIT;
            if (state != `INITIATOR_SETTLE) timer_command <= `TIMER_EXCHANGE;
        end
        // 1202: the device is ready for a burst
        `EVENT_XFER_RDY: if (alive) begin
            if (!rx_id_ok) begin
                stat_unknown_exchange <= 1'b1;
            end else if (xfer_ok && !read && !probe && state == `INITIATOR_WAIT
                && xfer_offset == {15'd0, row_context[`CTX_DONE]} && xfer_length != 32'd0 && xfer_length[1:0] == 2'b00
                && xfer_length <= {15'd0, row_context[`CTX_LENGTH]} - {15'd0, row_context[`CTX_DONE]}) begin
                next[`CTX_STATE] <= `INITIATOR_DATA;
                next[`CTX_RX_ID] <= rx_id;
                next[`CTX_TAG] <= row_context[`CTX_TAG] + 4'd1;
                next[`CTX_DONE] <= row_context[`CTX_DONE] + xfer_length[16:0];
                act_build <= 1'b1;
                build_kind <= `SEQ_WRITE_DATA;
                position <= {5'd0, row_context[`CTX_OFFSET]} + row_context[`CTX_DONE];
                relative_offset <= xfer_offset;
                length <= xfer_length[16:0];
                timer_command <= `TIMER_STOP;
            end else begin
                stat_sequence_error <= 1'b1;
                abort(`DONE_PROTOCOL);
            end
        end
        `EVENT_RSP: if (alive) begin
            if (!rx_id_ok) begin
                stat_unknown_exchange <= 1'b1;
            end else begin
                done_scsi_status <= rsp_status;
                done_sense <= rsp_sense;
                if (!rsp_ok || rsp_failed) finish(`DONE_PROTOCOL);
                else if (rsp_status != 8'd0 || rsp_residual) finish(`DONE_SCSI);
                else if (state != `INITIATOR_WAIT || !(probe || moved == row_context[`CTX_LENGTH])) begin
                    stat_sequence_error <= 1'b1;
                    finish(`DONE_PROTOCOL);
                end else finish(`DONE_GOOD);
            end
        end
        `EVENT_TIMEOUT: begin
            stat_timeout <= state != `INITIATOR_SETTLE;
            if (state == `INITIATOR_SETTLE) begin
                next[`CTX_VALID] <= 1'b0;
                act_free <= 1'b1;
            end else if (state == `INITIATOR_ABTS && row_context[`CTX_RETRY]) begin
                settle;
            end else if (state == `INITIATOR_ABTS) begin
                next[`CTX_RETRY] <= 1'b1;
                abort(row_context[`CTX_STATUS]);
            end else begin
                abort(`DONE_TIMEOUT);
            end
        end
        `EVENT_BLS_REPLY: begin
            if (state == `INITIATOR_ABTS) settle;
            else stat_unknown_exchange <= 1'b1;
        end
        // the device itself aborts the exchange
        `EVENT_ABTS: begin
            act_reply <= 1'b1;
            if (state != `INITIATOR_SETTLE) finish(state == `INITIATOR_ABTS ? row_context[`CTX_STATUS] : `DONE_ABORTED);
            build_kind <= `SEQ_BA_ACC;
        end
        // the login is gone, and with it every exchange
        `EVENT_KILL: begin
            finish(kill_all ? `DONE_LINK_DOWN : `DONE_NOT_LOGGED_IN);
            act_done <= state != `INITIATOR_SETTLE;
        end
        default: act_done <= 1'b0;
    endcase
end

// Progress beyond the count and RX_ID belongs to rx_dispatch.
wire unused = &{1'b0, progress[57:33], 1'b0};

endmodule

`resetall
