// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

// Task generator (figure 12): takes transfer instructions and received requests in turn, makes a task for each, waits for none.
module task_generator #(
    parameter TASKS = 32      // 1 to 256
) (
    input  wire         clk,
    input  wire         rst,

    // 1101: transfer instruction; operations of a host's task are used in place, those of the array itself wait in a queue
    input  wire         ti_valid,
    output wire         ti_ready,
    input  wire [3:0]   ti_op,
    input  wire [7:0]   ti_task,
    input  wire [8:0]   ti_slot,
    input  wire [11:0]  ti_offset,
    input  wire [16:0]  ti_length,
    input  wire [23:0]  ti_port_id,
    input  wire [15:0]  ti_lun,
    input  wire [31:0]  ti_lba,

    // 1103: received frame
    input  wire         rx_event_valid,
    output wire         rx_event_ready,
    input  wire [3:0]   rx_event_kind,
    input  wire [8:0]   rx_event_row,
    input  wire [191:0] rx_event_header,
    input  wire         cmnd_ok,

    // Last frame of a sequence sent
    input  wire         tx_valid,
    input  wire [8:0]   tx_row,
    input  wire [3:0]   tx_tag,
    output wire         tx_pop,
    output wire         reply_sent,
    input  wire         reply_room,

    // Exchange timers
    input  wire         timeout_valid,
    input  wire [8:0]   timeout_row,
    output wire         timeout_ready,

    // Logins
    output wire         lookup_valid,
    output wire [23:0]  lookup_id,
    input  wire         lookup_granted,
    input  wire         lookup_hit,
    input  wire [5:0]   lookup_index,
    input  wire         lookup_initiator,
    input  wire         lookup_target,
    input  wire [9:0]   lookup_payload_words,
    output wire         login_valid,
    input  wire         login_ready,
    output wire [23:0]  login_id,
    output wire         login_logout,
    input  wire         login_done_valid,
    output wire         login_done_ready,
    input  wire [7:0]   login_done_status,
    input  wire         logout_valid,
    output wire         logout_ready,
    input  wire [23:0]  logout_id,
    input  wire         logout_all,

    // Is there such an exchange (REC, RRQ); valid and the fields stay until done
    input  wire         exchange_valid,
    input  wire [23:0]  exchange_peer,
    input  wire         exchange_own,       // this port is its originator
    input  wire [15:0]  exchange_ox_id,
    input  wire [15:0]  exchange_rx_id,     // FFFFh: not known
    output reg          exchange_done,
    output reg          exchange_open,
    output reg  [15:0]  exchange_responder, // its RX_ID
    output reg          exchange_initiative,
    output reg  [31:0]  exchange_bytes,

    // What exchange_status needs and tells
    output wire         status_created,
    output wire         status_burst,
    output wire         status_asked,
    input  wire         status_initiative,
    input  wire [31:0]  status_bytes,

    // Task table
    output wire [8:0]   context_rd_row,
    input  wire [153:0] context_rd_data,
    input  wire [8:0]   free_row,
    input  wire [8:0]   free_count,
    input  wire         free_ready,
    output wire         allocate,
    input  wire         release_valid,

    // Room in the queues to the array
    input  wire         queues_room,

    // One step of a task
    output wire         step_start,
    output reg          step_to_engine,
    output reg  [3:0]   step_event,
    output reg  [8:0]   step_row,
    output reg  [153:0] step_context,
    output reg  [3:0]   step_tag,
    output reg          step_kill_all,
    output reg          step_reply,
    output reg  [3:0]   step_reply_kind,
    output reg          step_done,
    output reg  [3:0]   step_done_op,
    output reg  [8:0]   step_done_slot,
    output reg  [7:0]   step_done_status,
    output wire [15:0]  create_lun,
    output wire [31:0]  create_lba,
    output reg  [5:0]   create_login,
    input  wire         step_finished,

    // Counters
    output reg          stat_unknown_exchange,
    output reg          stat_sequence_error,
    output reg          stat_not_logged_in,
    output reg          stat_bad_header,
    output reg          stat_abts_received,
    output reg          stat_refused,
    output reg          stat_host_request
);

`include "port/task_context.vh"

localparam integer LAST_TASK = TASKS - 1;
localparam [15:0] LAST = LAST_TASK[15:0];
// Contexts that hosts leave to the array, and the array to hosts
localparam integer RESERVED_TASKS = TASKS >= 8 ? TASKS / 8 : TASKS >= 2 ? 1 : 0;
localparam [8:0] RESERVE = RESERVED_TASKS[8:0];

localparam [3:0] STATE_PICK = 4'd0;
localparam [3:0] STATE_READ = 4'd1;
localparam [3:0] STATE_DECIDE = 4'd2;
localparam [3:0] STATE_SEARCH = 4'd3;
localparam [3:0] STATE_LOOKUP = 4'd4;
localparam [3:0] STATE_CREATE = 4'd5;
localparam [3:0] STATE_START = 4'd6;
localparam [3:0] STATE_STEP = 4'd7;
localparam [3:0] STATE_ACK = 4'd8;

localparam [2:0] SOURCE_TI = 3'd0;
localparam [2:0] SOURCE_RX = 3'd1;
localparam [2:0] SOURCE_QUEUE = 3'd2;
localparam [2:0] SOURCE_TX = 3'd3;
localparam [2:0] SOURCE_TIMEOUT = 3'd4;
localparam [2:0] SOURCE_KILL = 3'd5;
localparam [2:0] SOURCE_LOGIN = 3'd6;
localparam [2:0] SOURCE_QUESTION = 3'd7;

localparam [1:0] LOGIN_IDLE = 2'd0;
localparam [1:0] LOGIN_ASK = 2'd1;
localparam [1:0] LOGIN_WAIT = 2'd2;

reg [3:0] state_reg;
reg [2:0] source_reg;
reg [1:0] turn_reg;
reg [8:0] search_reg;
reg search_data_reg;     // context_rd_data is that of search_reg - 1
reg [8:0] initiators_reg;
reg [8:0] targets_reg;
reg [23:0] kill_id_reg;

initial begin
    state_reg = STATE_PICK;
    source_reg = SOURCE_TI;
    turn_reg = 2'd0;
    search_reg = 9'd0;
    search_data_reg = 1'b0;
    initiators_reg = 9'd0;
    targets_reg = 9'd0;
    kill_id_reg = 24'd0;
end

// ---- Queue of the array's own operations: one a slot at a time, so it cannot fill up ----

wire queue_valid;
wire queue_room;
wire [3:0] q_op;
wire [8:0] q_slot;
wire [11:0] q_offset;
wire [16:0] q_length;
wire [23:0] q_port_id;
wire [15:0] q_lun;
wire [31:0] q_lba;
wire own = ti_op[3];
wire queue_push;
wire queue_pop = state_reg == STATE_ACK && source_reg == SOURCE_QUEUE;
reg [113:0] queue_data;

always @* begin
    queue_data = 114'd0;
    if (queue_push) queue_data = {ti_op, ti_slot, ti_offset, ti_length, ti_port_id, ti_lun, ti_lba};
end

port_fifo #(.WIDTH(114), .DEPTH_LOG2(6)) queue (
    .clk(clk), .rst(rst), .push(queue_push), .push_data(queue_data), .pop(queue_pop), .valid(queue_valid), .head({q_op, q_slot, q_offset, q_length, q_port_id, q_lun, q_lba}), .room(queue_room)
);

assign create_lun = q_lun;
assign create_lba = q_lba;

// ---- Login for an initiator task (1201, 1203): one at a time ----

reg [1:0] login_reg;
reg [3:0] login_op_reg;
reg [8:0] login_slot_reg;
reg [23:0] login_id_reg;

initial begin
    login_reg = LOGIN_IDLE;
    login_op_reg = 4'd0;
    login_slot_reg = 9'd0;
    login_id_reg = 24'd0;
end

assign login_valid = login_reg == LOGIN_ASK;
assign login_id = login_id_reg;
assign login_logout = login_op_reg == `TI_LOGOUT;

// ---- What can be picked ----

wire q_login = q_op == `TI_LOGIN || q_op == `TI_LOGOUT;
wire initiator_room = free_count != 9'd0 && {1'b0, free_count} + {1'b0, targets_reg} > {1'b0, RESERVE};
wire target_room = free_count != 9'd0 && {1'b0, free_count} + {1'b0, initiators_reg} > {1'b0, RESERVE};
wire pick = state_reg == STATE_PICK && free_ready && queues_room;
// with TASKS = 256 every task number is in the table
/* verilator lint_off CMPCONST */
wire ti_task_known = {1'b0, ti_task} <= LAST[8:0];
/* verilator lint_on CMPCONST */
// a frame, and the array's answer to an abort, may need a reply: until a row is free the frame keeps its receive buffer
wire can_ti = ti_valid && (own ? queue_room : ti_op != `TI_RELEASE || reply_room);
wire can_rx = rx_event_valid && reply_room;
wire can_queue = queue_valid && login_reg == LOGIN_IDLE && (q_login || initiator_room);
wire can_login = login_done_valid && login_reg == LOGIN_WAIT;
wire urgent = tx_valid || timeout_valid || can_login || logout_valid;

// 1101 and 1103 in turn, so that neither waits for ever
reg [1:0] choice;
always @* begin
    case (turn_reg)
        2'd0: choice = can_ti ? 2'd0 : can_rx ? 2'd1 : can_queue ? 2'd2 : 2'd3;
        2'd1: choice = can_rx ? 2'd1 : can_queue ? 2'd2 : can_ti ? 2'd0 : 2'd3;
        default: choice = can_queue ? 2'd2 : can_ti ? 2'd0 : can_rx ? 2'd1 : 2'd3;
    endcase
end

wire reply_row = tx_row > LAST[8:0];

assign reply_sent = pick && tx_valid && reply_row;
assign tx_pop = reply_sent || (state_reg == STATE_ACK && source_reg == SOURCE_TX);
assign timeout_ready = state_reg == STATE_ACK && source_reg == SOURCE_TIMEOUT;
assign login_done_ready = state_reg == STATE_ACK && source_reg == SOURCE_LOGIN;
assign rx_event_ready = state_reg == STATE_ACK && source_reg == SOURCE_RX;
assign queue_push = pick && !urgent && !can_question && choice == 2'd0 && own;
assign ti_ready = queue_push || (state_reg == STATE_ACK && source_reg == SOURCE_TI);
// a logout may be overtaken by the loss of the link while its tasks are ended: then there is one more round
assign logout_ready = state_reg == STATE_ACK && source_reg == SOURCE_KILL && step_row == LAST[8:0] && logout_all == step_kill_all
    && logout_id == kill_id_reg;

// ---- The frame and the context it is about ----

wire [23:0] s_id = rx_event_header[151:128];
wire from_responder = rx_event_header[119];
wire [15:0] ox_id = rx_event_header[63:48];
wire [15:0] rx_id = rx_event_header[47:32];
wire own_known = (from_responder ? ox_id : rx_id) <= LAST;

wire [153:0] c = context_rd_data;
wire valid = c[`CTX_VALID];
wire initiator = valid && c[`CTX_INITIATOR];
wire target = valid && !c[`CTX_INITIATOR];
wire from_peer = c[`CTX_PEER] == s_id;
wire from_exchange = from_peer && c[`CTX_OX_ID] == ox_id;
// frames that came before the question have been looked at when it is answered
wire can_question = exchange_valid && !exchange_done && !rx_event_valid;

assign context_rd_row = state_reg == STATE_SEARCH ? search_reg : step_row;
assign lookup_valid = state_reg == STATE_LOOKUP;
assign lookup_id = source_reg == SOURCE_RX ? s_id : q_port_id;
assign step_start = state_reg == STATE_START;
assign allocate = state_reg == STATE_CREATE && create;

wire create = source_reg == SOURCE_RX ? lookup_hit && lookup_initiator && target_room : lookup_hit && lookup_target;

wire decide = state_reg == STATE_DECIDE;
assign status_created = allocate && source_reg == SOURCE_RX;
assign status_burst = decide && source_reg == SOURCE_TI && target && c[`CTX_STATE] == `TARGET_WAIT && (ti_op == `TI_SEND || ti_op == `TI_RECEIVE);
assign status_asked = decide && source_reg == SOURCE_TX && target && c[`CTX_STATE] == `TARGET_RECEIVE && c[`CTX_TAG] == step_tag;

initial begin
    step_to_engine = 1'b0;
    step_event = 4'd0;
    step_row = 9'd0;
    step_context = 154'd0;
    step_tag = 4'd0;
    step_kill_all = 1'b0;
    step_reply = 1'b0;
    step_reply_kind = 4'd0;
    step_done = 1'b0;
    step_done_op = 4'd0;
    step_done_slot = 9'd0;
    step_done_status = 8'd0;
    create_login = 6'd0;
    exchange_done = 1'b0;
    exchange_open = 1'b0;
    exchange_responder = 16'd0;
    exchange_initiative = 1'b0;
    exchange_bytes = 32'd0;
    stat_unknown_exchange = 1'b0;
    stat_sequence_error = 1'b0;
    stat_not_logged_in = 1'b0;
    stat_bad_header = 1'b0;
    stat_abts_received = 1'b0;
    stat_refused = 1'b0;
    stat_host_request = 1'b0;
    if (TASKS < 1 || TASKS > 256) begin
        $display("%m: TASKS %0d must be 1 to 256", TASKS);
        $finish;
    end
end

task engine;
    input [3:0] code;
    begin
        step_to_engine <= 1'b1;
        step_event <= code;
        step_context <= c;
        state_reg <= STATE_START;
    end
endtask

task reply;
    input [3:0] reply_kind;
    begin
        step_reply <= 1'b1;
        step_reply_kind <= reply_kind;
        state_reg <= STATE_START;
    end
endtask

task complete;
    input [3:0] op;
    input [8:0] slot;
    input [7:0] status;
    begin
        step_done <= 1'b1;
        step_done_op <= op;
        step_done_slot <= slot;
        step_done_status <= status;
        state_reg <= STATE_START;
    end
endtask

// What REC and RRQ ask: the exchange of the row that was looked at last, or that there is none.
task answer;
    input open;
    begin
        exchange_done <= 1'b1;
        exchange_open <= open;
        exchange_responder <= c[`CTX_RX_ID];
        exchange_initiative <= status_initiative;
        exchange_bytes <= status_bytes;
        state_reg <= STATE_ACK;
    end
endtask

always @(posedge clk) begin : step
    reg [3:0] state;
    state = state_reg;

    stat_unknown_exchange <= 1'b0;
    stat_sequence_error <= 1'b0;
    stat_not_logged_in <= 1'b0;
    stat_bad_header <= 1'b0;
    stat_abts_received <= 1'b0;
    stat_refused <= 1'b0;
    stat_host_request <= 1'b0;
    exchange_done <= 1'b0;

    if (login_reg == LOGIN_ASK && login_ready) login_reg <= LOGIN_WAIT;
    // how many tasks each side has; a step makes one or ends one
    if (allocate || release_valid) begin
        if (release_valid ? step_context[`CTX_INITIATOR] : source_reg != SOURCE_RX)
            initiators_reg <= release_valid ? initiators_reg - 9'd1 : initiators_reg + 9'd1;
        else
            targets_reg <= release_valid ? targets_reg - 9'd1 : targets_reg + 9'd1;
    end

    case (state)
        STATE_PICK: begin
            step_to_engine <= 1'b0;
            step_reply <= 1'b0;
            step_done <= 1'b0;
            step_tag <= tx_tag;
            step_kill_all <= logout_all;
            kill_id_reg <= logout_id;
            search_reg <= 9'd0;
            search_data_reg <= 1'b0;
            if (pick) begin
                // What has ended goes before what begins: a context or an X_ID is free before it can be asked for again.
                if (tx_valid) begin
                    source_reg <= SOURCE_TX;
                    step_row <= tx_row;
                    if (!reply_row) state_reg <= STATE_READ;
                end else if (timeout_valid) begin
                    source_reg <= SOURCE_TIMEOUT;
                    step_row <= timeout_row;
                    state_reg <= STATE_READ;
                end else if (can_login) begin
                    source_reg <= SOURCE_LOGIN;
                    complete(login_op_reg, login_slot_reg, login_done_status);
                end else if (logout_valid) begin
                    source_reg <= SOURCE_KILL;
                    step_row <= 9'd0;
                    state_reg <= STATE_READ;
                end else if (can_question) begin
                    source_reg <= SOURCE_QUESTION;
                    state_reg <= STATE_SEARCH;
                end else case (choice)
                    2'd0: begin
                        turn_reg <= 2'd1;
                        source_reg <= SOURCE_TI;
                        step_row <= ti_task_known ? {1'b0, ti_task} : 9'd0;
                        if (!own) state_reg <= STATE_READ;
                    end
                    2'd1: begin
                        turn_reg <= 2'd2;
                        source_reg <= SOURCE_RX;
                        step_row <= rx_event_row;
                        state_reg <= STATE_READ;
                        stat_abts_received <= rx_event_kind == `EVENT_ABTS;
                    end
                    2'd2: begin
                        turn_reg <= 2'd0;
                        source_reg <= SOURCE_QUEUE;
                        step_row <= 9'd0;
                        if (!q_login) begin
                            state_reg <= STATE_LOOKUP;
                        end else begin
                            state_reg <= STATE_ACK;
                            if (q_login) login_reg <= LOGIN_ASK;
                            login_op_reg <= q_op;
                            login_slot_reg <= q_slot;
                            login_id_reg <= q_port_id;
                        end
                    end
                    default: state_reg <= STATE_PICK;
                endcase
            end
        end
        STATE_READ: state_reg <= STATE_DECIDE;
        STATE_DECIDE: begin
            state_reg <= STATE_ACK;
            case (source_reg)
                SOURCE_TX: if (valid) engine(`EVENT_TX_DONE);
                SOURCE_TIMEOUT: if (valid) engine(`EVENT_TIMEOUT);
                SOURCE_KILL: if (valid && (step_kill_all || c[`CTX_PEER] == kill_id_reg)) engine(`EVENT_KILL);
                SOURCE_TI: begin
                    if (target && ti_task_known) engine(`EVENT_INSTRUCTION);
                    else if (ti_op == `TI_SEND || ti_op == `TI_RECEIVE) complete(ti_op, ti_slot, `DONE_PROTOCOL);
                end
                default: case (rx_event_kind)
                    `EVENT_RX_DONE: if (target) engine(`EVENT_RX_DONE);
                    `EVENT_ABTS: begin
                        if (own_known && from_responder && initiator && from_peer) engine(`EVENT_ABTS);
                        else if (own_known && !from_responder && target && from_exchange) engine(`EVENT_ABTS);
                        else if (!from_responder && rx_id == 16'hFFFF) state_reg <= STATE_SEARCH;
                        else reply(`SEQ_BA_RJT);
                    end
                    // a command must not name an exchange that is open already
                    `EVENT_CMND: begin
                        if (cmnd_ok) state_reg <= STATE_SEARCH;
                        else stat_bad_header <= 1'b1;
                    end
                    default: begin
                        if (initiator && from_peer) engine(rx_event_kind);
                        else stat_unknown_exchange <= 1'b1;
                    end
                endcase
            endcase
        end
        STATE_SEARCH: begin
            if (source_reg == SOURCE_QUESTION) begin
                if (search_data_reg) begin
                    if (valid && initiator == exchange_own && c[`CTX_PEER] == exchange_peer && c[`CTX_OX_ID] == exchange_ox_id
                        && (exchange_rx_id == 16'hFFFF || c[`CTX_RX_ID] == 16'hFFFF || c[`CTX_RX_ID] == exchange_rx_id)) answer(1'b1);
                    else if (search_reg == LAST[8:0] + 9'd1) answer(1'b0);
                end
            end else if (search_data_reg && target && from_exchange) begin
                step_row <= search_reg - 9'd1;
                if (rx_event_kind == `EVENT_ABTS) begin
                    engine(`EVENT_ABTS);
                end else begin
                    stat_sequence_error <= 1'b1;
                    state_reg <= STATE_ACK;
                end
            end else if (search_data_reg && search_reg == LAST[8:0] + 9'd1) begin
                if (rx_event_kind == `EVENT_ABTS) reply(`SEQ_BA_RJT);
                else state_reg <= STATE_LOOKUP;
            end
            search_reg <= search_reg + 9'd1;
            search_data_reg <= 1'b1;
        end
        STATE_LOOKUP: if (lookup_granted) state_reg <= STATE_CREATE;
        // 1102, 1104: a task is made
        STATE_CREATE: begin
            step_context <= 154'd0;
            step_context[`CTX_VALID] <= 1'b1;
            step_context[`CTX_PAYLOAD_WORDS] <= lookup_payload_words;
            create_login <= lookup_index;
            if (create) begin
                step_to_engine <= 1'b1;
                step_event <= `EVENT_CREATE;
                step_row <= free_row;
                state_reg <= STATE_START;
            end
            if (source_reg == SOURCE_RX) begin
                step_context[`CTX_PEER] <= s_id;
                step_context[`CTX_OX_ID] <= ox_id;
                step_context[`CTX_RX_ID] <= {7'd0, free_row};
                if (!lookup_hit || !lookup_initiator) begin
                    stat_not_logged_in <= 1'b1;
                    state_reg <= STATE_ACK;
                end else if (!target_room) begin
                    stat_refused <= 1'b1;
                    reply(`SEQ_TASK_SET_FULL);
                end else begin
                    stat_host_request <= 1'b1;
                end
            end else begin
                step_context[`CTX_INITIATOR] <= 1'b1;
                step_context[`CTX_PEER] <= q_port_id;
                step_context[`CTX_OX_ID] <= {7'd0, free_row};
                step_context[`CTX_RX_ID] <= 16'hFFFF;
                step_context[`CTX_OP] <= q_op;
                step_context[`CTX_SLOT] <= q_slot;
                step_context[`CTX_OFFSET] <= q_offset;
                step_context[`CTX_LENGTH] <= q_length;
                if (!create) complete(q_op, q_slot, `DONE_NOT_LOGGED_IN);
            end
        end
        STATE_START: state_reg <= STATE_STEP;
        STATE_STEP: if (step_finished) state_reg <= STATE_ACK;
        default: begin
            state_reg <= STATE_PICK;
            if (source_reg == SOURCE_LOGIN) login_reg <= LOGIN_IDLE;
            if (source_reg == SOURCE_KILL && step_row != LAST[8:0]) begin
                step_row <= step_row + 9'd1;
                step_to_engine <= 1'b0;
                state_reg <= STATE_READ;
            end
        end
    endcase

    if (rst) begin
        state_reg <= STATE_PICK;
        login_reg <= LOGIN_IDLE;
        initiators_reg <= 9'd0;
        targets_reg <= 9'd0;
        exchange_done <= 1'b0;
    end
end

// Header fields that dispatch has checked.
wire unused = &{1'b0, rx_event_header[191:152], rx_event_header[127:120], rx_event_header[118:64], rx_event_header[31:0], 1'b0};

endmodule

`resetall
