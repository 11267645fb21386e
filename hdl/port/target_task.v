// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

// Target task (figure 14): what one event does to a task of a host; one engine serves all contexts.
module target_task (
    input  wire         clk,

    // One step: the task's context and the event; the actions stand from the following clock on
    input  wire         start,
    input  wire [3:0]   event_code,
    input  wire [153:0] row_context,
    input  wire [3:0]   done_tag,
    input  wire         task_management,
    input  wire [7:0]   abts_seq_id,

    // Transfer instruction at the head of the queue
    input  wire [3:0]   ti_op,
    input  wire [8:0]   ti_slot,
    input  wire [11:0]  ti_offset,
    input  wire [16:0]  ti_length,
    input  wire [31:0]  ti_relative_offset,

    // Actions
    output reg  [153:0] next,
    output reg          act_free,
    output reg          act_quiesce,
    output reg          act_arm,
    output reg          act_build,
    output reg  [3:0]   build_kind,
    output reg          act_reply,
    output reg          act_done,
    output reg  [3:0]   done_op,
    output reg  [8:0]   done_slot,
    output reg  [7:0]   done_status,
    output reg          act_request,
    output reg  [1:0]   request_op,
    output reg  [1:0]   timer_command,
    output reg          stat_timeout,

    // Fields of the sequence or window that the actions name
    output wire [8:0]   slot,
    output wire [16:0]  position,
    output wire [31:0]  relative_offset,
    output wire [16:0]  length
);

`include "port/task_context.vh"

localparam [1:0] REQUEST_COMMAND = 2'd0;
localparam [1:0] REQUEST_ABORT = 2'd1;
localparam [1:0] REQUEST_TASK_MANAGEMENT = 2'd2;

wire [3:0] state = row_context[`CTX_STATE];
wire transfer = state == `TARGET_SEND || state == `TARGET_RECEIVE;
wire tag_ok = done_tag == row_context[`CTX_TAG];

assign slot = ti_slot;
assign position = {5'd0, ti_offset};
assign relative_offset = ti_relative_offset;
assign length = ti_length;

initial begin
    next = 154'd0;
    act_free = 1'b0;
    act_quiesce = 1'b0;
    act_arm = 1'b0;
    act_build = 1'b0;
    build_kind = 4'd0;
    act_reply = 1'b0;
    act_done = 1'b0;
    done_op = 4'd0;
    done_slot = 9'd0;
    done_status = 8'd0;
    act_request = 1'b0;
    request_op = 2'd0;
    timer_command = `TIMER_KEEP;
    stat_timeout = 1'b0;
end

always @(posedge clk) if (start) begin
    next <= row_context;
    act_free <= 1'b0;
    act_quiesce <= 1'b0;
    act_arm <= 1'b0;
    act_build <= 1'b0;
    build_kind <= `SEQ_RSP;
    act_reply <= 1'b0;
    act_done <= 1'b0;
    done_op <= state == `TARGET_SEND ? `TI_SEND : `TI_RECEIVE;
    done_slot <= row_context[`CTX_SLOT];
    done_status <= `DONE_GOOD;
    act_request <= 1'b0;
    request_op <= REQUEST_ABORT;
    timer_command <= `TIMER_KEEP;
    stat_timeout <= 1'b0;

    case (event_code)
        // 1301: the login was checked by the task generator
        `EVENT_CREATE: begin
            next[`CTX_STATE] <= `TARGET_WAIT;
            act_request <= 1'b1;
            request_op <= task_management ? REQUEST_TASK_MANAGEMENT : REQUEST_COMMAND;
            timer_command <= `TIMER_STOP;
        end
        // 1302: data transfer, as the array instructs
        `EVENT_INSTRUCTION: begin
            case (ti_op)
                `TI_SEND, `TI_RECEIVE: begin
                    done_op <= ti_op;
                    done_slot <= ti_slot;
                    if (state == `TARGET_WAIT) begin
                        next[`CTX_STATE] <= ti_op == `TI_SEND ? `TARGET_SEND : `TARGET_RECEIVE;
                        next[`CTX_SLOT] <= ti_slot;
                        next[`CTX_TAG] <= row_context[`CTX_TAG] + 4'd1;
                        act_arm <= ti_op == `TI_RECEIVE;
                        act_build <= 1'b1;
                        build_kind <= ti_op == `TI_SEND ? `SEQ_READ_DATA : `SEQ_XFER_RDY;
                    end else begin
                        act_done <= 1'b1;
                        done_status <= state == `TARGET_ABORT ? `DONE_ABORTED : `DONE_PROTOCOL;
                    end
                end
                `TI_RESPOND: if (state == `TARGET_WAIT) begin
                    next[`CTX_STATE] <= `TARGET_RESPOND;
                    next[`CTX_TAG] <= row_context[`CTX_TAG] + 4'd1;
                    act_build <= 1'b1;
                    build_kind <= `SEQ_RSP;
                end
                // 1303, aborted: nothing of the task is left in the array
                `TI_RELEASE: if (state == `TARGET_ABORT) begin
                    act_reply <= row_context[`CTX_ANSWER];
                    build_kind <= `SEQ_BA_ACC;
                    act_free <= 1'b1;
                    next[`CTX_VALID] <= 1'b0;
                end
                // 1303, the array ends it: as if the peer had gone, nothing is answered
                `TI_ABORT: if (state != `TARGET_ABORT) begin
                    next[`CTX_STATE] <= `TARGET_ABORT;
                    next[`CTX_ANSWER] <= 1'b0;
                    next[`CTX_TAG] <= row_context[`CTX_TAG] + 4'd1;
                    act_quiesce <= 1'b1;
                    act_done <= transfer;
                    done_status <= `DONE_ABORTED;
                    act_request <= 1'b1;
                    timer_command <= `TIMER_STOP;
                end
                default: act_done <= 1'b0;
            endcase
        end
        `EVENT_TX_DONE: if (tag_ok) begin
            case (state)
                `TARGET_SEND: begin
                    next[`CTX_STATE] <= `TARGET_WAIT;
                    act_done <= 1'b1;
                end
                `TARGET_RECEIVE: timer_command <= `TIMER_EXCHANGE;
                // 1303: FCP_RSP is out
                `TARGET_RESPOND: begin
                    act_free <= 1'b1;
                    next[`CTX_VALID] <= 1'b0;
                end
                default: act_done <= 1'b0;
            endcase
        end
        `EVENT_RX_DONE, `EVENT_TIMEOUT: if (state == `TARGET_RECEIVE) begin
            next[`CTX_STATE] <= `TARGET_WAIT;
            act_quiesce <= 1'b1;
            act_done <= 1'b1;
            done_status <= event_code == `EVENT_TIMEOUT ? `DONE_TIMEOUT : `DONE_GOOD;
            stat_timeout <= event_code == `EVENT_TIMEOUT;
            timer_command <= `TIMER_STOP;
        end
        `EVENT_ABTS, `EVENT_KILL: begin
            next[`CTX_ANSWER] <= event_code == `EVENT_ABTS;
            next[`CTX_ABTS_SEQ_ID] <= abts_seq_id;
            if (state != `TARGET_ABORT) begin
                next[`CTX_STATE] <= `TARGET_ABORT;
                next[`CTX_TAG] <= row_context[`CTX_TAG] + 4'd1;
                act_quiesce <= 1'b1;
                act_done <= transfer;
                done_status <= `DONE_ABORTED;
                act_request <= 1'b1;
                timer_command <= `TIMER_STOP;
            end
        end
        default: act_done <= 1'b0;
    endcase
end

endmodule

`resetall
