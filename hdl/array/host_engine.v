// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Serves host requests: one row a task, one event at a time, and no task waits for another one's answer.
   Every request to the outside waits in a queue of task numbers; the row says what to do when its turn comes. */
module host_engine #(
    parameter PORTS   = 1,   // 1 or 2
    parameter TASKS   = 32,  // of all ports, 1 to 256, a multiple of PORTS
    parameter VOLUMES = 4,   // 1 to 16
    parameter SEGMENTS = 512 // cache segments
) (
    input  wire                  clk,
    input  wire                  rst,

    // host request
    input  wire                  hr_valid,
    output wire                  hr_ready,
    input  wire [1:0]            hr_op,
    input  wire [7:0]            hr_task,
    input  wire [23:0]           hr_port_id,
    input  wire [6:0]            hr_login,            // {port, row of its login table}
    input  wire [63:0]           hr_lun,
    input  wire [127:0]          hr_cdb,
    input  wire [31:0]           hr_length,
    input  wire                  hr_read,
    input  wire                  hr_write,
    input  wire [2:0]            hr_attribute,
    input  wire [7:0]            hr_task_management,

    // a new login took a row of the login table: which initiator it is, which volumes it does not see
    input  wire                  login_event_valid,
    input  wire [6:0]            login_event_index,
    input  wire [4:0]            login_event_initiator,
    input  wire [15:0]           login_event_hidden,

    // transfer instruction
    output reg                   ti_valid,
    input  wire                  ti_ready,
    output reg  [3:0]            ti_op,
    output reg  [7:0]            ti_task,
    output wire [8:0]            ti_slot,
    output reg  [11:0]           ti_offset,
    output reg  [16:0]           ti_length,
    output reg  [31:0]           ti_relative_offset,
    output reg  [23:0]           ti_port_id,
    output wire [15:0]           ti_lun,
    output reg  [31:0]           ti_lba,            // INFORMATION of the sense data
    output reg  [7:0]            ti_status,
    output reg  [23:0]           ti_sense,
    output reg  [31:0]           ti_residual,
    output reg                   ti_residual_under,
    output reg                   ti_residual_over,
    output reg                   ti_rsp_code_valid,
    output reg  [7:0]            ti_rsp_code,

    // completion, of SEND and RECEIVE only
    input  wire                  done_valid,
    output wire                  done_ready,
    input  wire [3:0]            done_op,
    input  wire [7:0]            done_task,
    input  wire [8:0]            done_slot,
    input  wire [7:0]            done_status,
    input  wire [7:0]            done_scsi_status,
    input  wire [23:0]           done_sense,

    // chunk service
    output reg                   chunk_valid,
    input  wire                  chunk_ready,
    output reg  [2:0]            chunk_op,
    output reg  [8:0]            chunk_slot,
    output reg  [7:0]            chunk_volume,
    output reg  [31:0]           chunk_lba,
    output reg  [7:0]            chunk_blocks,
    input  wire                  chunk_rsp_valid,
    output wire                  chunk_rsp_ready,
    input  wire [2:0]            chunk_rsp_op,
    input  wire [8:0]            chunk_rsp_slot,
    input  wire                  chunk_rsp_error,

    // page service
    output reg                   rs_valid,
    input  wire                  rs_ready,
    output reg  [7:0]            rs_task,
    output reg  [4:0]            rs_op,
    output reg  [31:0]           rs_arg,
    output reg  [7:0]            rs_blocks,
    output reg  [10:0]           rs_length,
    output reg  [5:0]            rs_descriptor,
    output reg  [3:0]            rs_volume,
    output reg  [4:0]            rs_initiator,
    output reg  [24:0]           rs_port_id,        // {port, N_Port_ID of the initiator}
    output reg                   rs_lun_ok,
    output reg  [23:0]           rs_sense,
    input  wire                  rs_done_valid,
    output wire                  rs_done_ready,
    input  wire [7:0]            rs_done_task,
    input  wire [11:0]           rs_done_length,
    input  wire [7:0]            rs_done_status,
    input  wire [23:0]           rs_done_sense,
    input  wire                  rs_done_range,
    input  wire [31:0]           rs_done_lba,
    input  wire [24:0]           rs_done_bytes,
    input  wire [31:0]           rs_done_abort,

    // copy manager
    output reg                   copy_valid,
    input  wire                  copy_ready,
    output reg  [7:0]            copy_task,
    output reg  [3:0]            copy_volume,
    output reg  [4:0]            copy_initiator,
    output reg  [10:0]           copy_length,       // bytes of the parameter list
    output reg                   copy_abort,        // strobe: the command it has is to end
    input  wire                  copy_done_valid,
    output wire                  copy_done_ready,
    input  wire [7:0]            copy_done_task,
    input  wire [7:0]            copy_done_status,
    input  wire [23:0]           copy_done_sense,   // bit 23: copy_done_left is the INFORMATION of the sense data
    input  wire [31:0]           copy_done_left,
    input  wire [15:0]           copy_done_segment,

    // reservations, mode parameters
    output wire [3:0]            check_volume,
    output wire [4:0]            check_initiator,
    output wire [2:0]            check_access,
    input  wire                  conflict,
    input  wire [15:0]           software_protect,
    output reg  [15:0]           reset_volumes,     // strobe: reset of these volumes

    // unit attentions the page service sets
    input  wire                  raise_valid,
    output wire                  raise_ready,
    input  wire [7:0]            raise_condition,
    input  wire [31:0]           raise_initiators,
    input  wire [15:0]           raise_volumes,

    // volumes
    input  wire [VOLUMES*32-1:0] cfg_volume_blocks,
    input  wire [VOLUMES*2-1:0]  cfg_volume_flags,  // {write protected, present} a volume

    // statistics: strobes, one for each chunk moved, with its bytes
    output reg                   stat_read,
    output reg                   stat_write,
    output reg  [16:0]           stat_bytes,
    output reg  [8:0]            status_open,   // tasks that are not idle

    // an accepted READ or WRITE, for the load tables: strobe, where it goes
    output reg                   command_taken,
    output reg  [7:0]            command_task,
    output reg                   command_write,
    output reg  [3:0]            command_volume,
    output reg  [31:0]           command_lba,
    output reg  [31:0]           command_blocks
);

`include "array/scsi_kinds.vh"

    localparam [1:0] HR_COMMAND = 2'd0, HR_ABORT = 2'd1, HR_FUNCTION = 2'd2;

    localparam [3:0] TI_SEND = 4'd0, TI_RECEIVE = 4'd1, TI_RESPOND = 4'd2, TI_RELEASE = 4'd3, TI_ABORT = 4'd4;

    localparam [2:0]
        ACQUIRE_READ    = 3'd0,
        ACQUIRE_WRITE   = 3'd1,
        RELEASE         = 3'd2,
        RELEASE_DIRTY   = 3'd3,
        RELEASE_DISCARD = 3'd4,
        SYNCHRONIZE     = 3'd5,
        ACQUIRE_EXCLUSIVE = 3'd6;

    // what a task waits for
    localparam [3:0]
        TASK_IDLE     = 4'd0,
        TASK_ASK      = 4'd1,   // queued for the page service
        TASK_BUILD    = 4'd2,   // its answer
        TASK_ACQUIRE  = 4'd3,   // queued for the chunk service, to acquire
        TASK_STAGE    = 4'd4,   // its answer
        TASK_MOVE     = 4'd5,   // queued for the port, to send or receive
        TASK_DATA     = 4'd6,   // the completion
        TASK_LET      = 4'd7,   // queued for the chunk service, to release
        TASK_LETTING  = 4'd8,   // its answer
        TASK_RESPOND  = 4'd9,   // queued for the port, with status
        TASK_RELEASE  = 4'd10,  // queued for the port, answer to an ABORT
        TASK_LOST     = 4'd11,  // the port has ended it: its ABORT
        TASK_FUNCTION = 4'd12,  // the commands that it ends
        TASK_COPY     = 4'd13,  // queued for the copy manager
        TASK_COPYING  = 4'd14;  // its answer

    // how a task goes on after its chunk has been released
    localparam [1:0] END_NOT = 2'd0, END_RESPOND = 2'd1, END_LOST = 2'd2;

    // the first seven are the heads of the queues, with their numbers: of the port, the chunk service, the page service, commands that
    // somebody ends, copies, write data of each port
    localparam [3:0]
        EVENT_MOVE   = 4'd0,
        EVENT_CHUNK  = 4'd1,
        EVENT_ASK    = 4'd2,
        EVENT_CANCEL = 4'd3,
        EVENT_COPY   = 4'd4,
        EVENT_DATA_0 = 4'd5,
        EVENT_DATA_1 = 4'd6,
        EVENT_DONE   = 4'd7,
        EVENT_STAGED = 4'd8,
        EVENT_BUILT  = 4'd9,
        EVENT_HOST   = 4'd10,
        EVENT_ANSWER = 4'd11,  // a task management function that may be answered
        EVENT_COPIED = 4'd12;

    localparam [2:0]
        QUEUE_PORT   = 3'd0,
        QUEUE_CHUNK  = 3'd1,
        QUEUE_ASK    = 3'd2,
        QUEUE_CANCEL = 3'd3,
        QUEUE_COPY   = 3'd4,
        QUEUE_DATA_0 = 3'd5,
        QUEUE_DATA_1 = 3'd6;

    localparam [2:0]
        STATE_CLEAR = 3'd0,  // rows and unit attentions after reset
        STATE_READ  = 3'd2,
        STATE_WORK  = 3'd3,
        STATE_SCAN  = 3'd4,  // commands that must end: read a row,
        STATE_MARK  = 3'd5,  // and end it when it is one of them
        STATE_TELL  = 3'd6,  // unit attentions
        STATE_IDLE  = 3'd7;

    localparam [7:0] GOOD = 8'h00, CHECK_CONDITION = 8'h02, CONDITION_MET = 8'h04, RESERVATION_CONFLICT = 8'h18;

    localparam [23:0]
        SENSE_NONE        = 24'h000000,
        SENSE_NOT_READY   = 24'h020402,  // initializing command required: the unit is stopped
        SENSE_READ        = 24'h031100,  // unrecovered read error
        SENSE_WRITE       = 24'h030C00,  // write error
        SENSE_IU          = 24'h050E03,  // invalid field in command information unit
        SENSE_RANGE       = 24'h052100,
        SENSE_NO_LUN      = 24'h052500,
        SENSE_PROTECTED   = 24'h072700,
        SENSE_SOFTWARE    = 24'h072702,  // logical unit software write protected
        SENSE_DATA_PHASE  = 24'h0B4B00,
        SENSE_TIMEOUT     = 24'h0B4B06;  // initiator response timeout

    localparam [7:0] CODE_COMPLETE = 8'h00, CODE_FIELDS = 8'h02, CODE_REJECTED = 8'h04, CODE_LUN = 8'h09;

    localparam [31:0] LAST_TASK = TASKS - 1;
    localparam [31:0] PREFETCH_BLOCKS = SEGMENTS * 4;  // half of the cache
    localparam [31:0] LARGEST_PAGE = 32'd2048;
    localparam [7:0] RESET = 8'h02, CLEARED = 8'h80;  // unit_attention
    localparam TW = TASKS > 128 ? 8 : TASKS > 64 ? 7 : TASKS > 32 ? 6 : TASKS > 16 ? 5 : 4;
    localparam ROW = 4 + 1 + 1 + 2 + 4 + 5 + 1 + 1 + 1 + 1 + 1 + 6 + 5 + 4 + 24 + 32 + 25 + 25 + 25 + 32 + 8 + 24 + 1 + 8 + 3;

    integer i;

    // the rows (RAM 400); {hidden volumes, initiator} of each login
    reg [ROW-1:0]     rows [0:(1<<TW)-1];
    reg [ROW-1:0]     row_reg;
    reg [20:0]        logins [0:127];

    initial begin
        for (i = 0; i < (1 << TW); i = i + 1)
            rows[i] = 0;
        for (i = 0; i < 128; i = i + 1)
            logins[i] = 21'd0;
        if (TASKS < 1 || TASKS > 256) begin
            $display("%m: TASKS=%0d: must be 1 to 256", TASKS);
            $finish;
        end
        if (VOLUMES < 1 || VOLUMES > 16) begin
            $display("%m: VOLUMES=%0d: must be 1 to 16", VOLUMES);
            $finish;
        end
    end

    // the row, taken apart in the states that look at it
    reg  [3:0]  r_state;
    reg         r_aborted;
    reg         r_cancelled;  // somebody else has ended it, the port knows
    reg  [1:0]  r_end;
    reg  [3:0]  r_kind;
    reg  [4:0]  r_op;  // what the page service does
    reg         r_lun_ok;
    reg         r_paged;  // the transfer is of the page, not of the chunk
    reg         r_again;  // KIND_CONFIRM, KIND_PROVE: the chunk is written, now verified
    reg         r_through;  // to the medium: each chunk is synchronized, after it is written or before it is read
    reg         r_syncing;  // the chunk is to be synchronized
    reg  [5:0]  r_index;  // UNMAP: descriptor
    reg  [4:0]  r_initiator;
    reg  [3:0]  r_volume;
    reg  [23:0] r_port_id;
    reg  [31:0] r_lba;  // first block of the chunk; KIND_PAGE, KIND_CALL: argument; at the end: INFORMATION
    reg  [24:0] r_left;  // bytes of the blocks still to work on, the chunk under way included; KIND_PAGE: to send; KIND_SYNC: chunks
    reg  [24:0] r_moved;  // bytes moved
    reg  [24:0] r_wanted;  // bytes the command would move; KIND_PAGE, before it is built: allocation length
    reg  [31:0] r_length;  // FCP_DL
    reg  [7:0]  r_status;
    reg  [23:0] r_sense;  // also what REQUEST SENSE will report; bit 23: INFORMATION is valid
    reg         r_code_valid;
    reg  [7:0]  r_code;
    reg  [2:0]  r_release;  // how the chunk will be released

    reg  [3:0]  n_state;
    reg         n_aborted;
    reg         n_cancelled;
    reg  [1:0]  n_end;
    reg  [3:0]  n_kind;
    reg  [4:0]  n_op;
    reg         n_lun_ok;
    reg         n_paged;
    reg         n_again;
    reg         n_through;
    reg         n_syncing;
    reg  [5:0]  n_index;
    reg  [4:0]  n_initiator;
    reg  [3:0]  n_volume;
    reg  [23:0] n_port_id;
    reg  [31:0] n_lba;
    reg  [24:0] n_left;
    reg  [24:0] n_moved;
    reg  [24:0] n_wanted;
    reg  [31:0] n_length;
    reg  [7:0]  n_status;
    reg  [23:0] n_sense;
    reg         n_code_valid;
    reg  [7:0]  n_code;
    reg  [2:0]  n_release;

    reg [2:0]  state_reg;
    reg [3:0]  event_reg;
    reg [7:0]  task_reg;
    reg [7:0]  task_next;   // STATE_READ: the task of the event
    reg [7:0]  count_reg;
    reg        struck_reg;  // strobes of the last clock are to end

    // the set of commands that are being ended
    reg [31:0] scan_initiators;
    reg [15:0] scan_volumes;
    reg [4:0]  scan_self;       // who asked
    reg [31:0] scan_hit;        // initiators of commands that were ended
    reg [7:0]  scan_condition;  // unit attention: RESET for all, CLEARED for other initiators that were hit, 0 none

    // commands that must end first, functions that wait for it
    reg [(1<<TW)-1:0] before_reg;
    reg [(1<<TW)-1:0] function_reg;
    reg [8:0]         functions_reg;

    /* A reset comes in its turn: what the page service has of commands before it is finished first, and what is not yet there never will be. */
    reg               asked_reg;  // the page service owes an answer
    wire              function_next = hr_valid && hr_op == HR_FUNCTION;

    // queues
    reg         push;
    reg  [2:0]  push_queue;
    reg  [7:0]  push_task;
    wire [6:0]  head_valid;
    wire [7:0]  head_task;   // of the queue of the event
    wire        working = state_reg == STATE_WORK;

    task_queues #(.QUEUES(7), .TASKS(TASKS)) queues (
        .clk(clk), .rst(rst), .push(push), .push_queue(push_queue), .push_task(push_task),
        .head_valid(head_valid), .head_queue(event_reg[2:0]), .head_task(head_task), .pop(working && event_reg <= EVENT_DATA_1)
    );

    /* Hosts of a port are asked for no more write data at once than keeps its line busy; of push_task, in the clock of its push. */
    localparam [31:0] PORT_TASKS = TASKS / PORTS;

    wire [1:0]  room;
    reg         asked;
    reg         received;
    reg  [16:0] data_bytes;
    reg         second_reg;  // it is a task of the second port

    genvar p;
    generate
        for (p = 0; p < 2; p = p + 1) begin : port
            if (p < PORTS) begin : used
                write_window window (
                    .clk(clk), .rst(rst), .room(room[p]), .asked(asked && second_reg == (p > 0)), .ended(received && second_reg == (p > 0)),
                    .task_number(push_task), .bytes(data_bytes)
                );
            end else begin : unused
                assign room[p] = 1'b0;
            end
        end
    endgenerate

    /* A command that is aborted while it waits does not wait for the copies before it: the queue is gone through once. */
    reg [8:0] copies_reg;  // in the queue
    reg [8:0] rotate_reg;  // still to be looked at

    // the command
    wire [3:0]  d_kind;
    wire [23:0] d_sense;
    wire [2:0]  d_access;
    wire        d_writes, d_any_state, d_inquiry, d_request_sense, d_report_luns, d_lba_over;
    wire        d_unit_ready, d_starts, d_stops, d_immediate, d_through;
    wire [31:0] d_lba, d_blocks, d_allocation, d_arg;
    wire [4:0]  d_op;

    scsi_decode decode (
        .clk(clk), .start(state_reg == STATE_READ && event_reg == EVENT_HOST), .cdb(hr_cdb),
        .kind(d_kind), .sense(d_sense), .access(d_access), .writes(d_writes), .any_state(d_any_state), .inquiry(d_inquiry),
        .request_sense(d_request_sense), .report_luns(d_report_luns),
        .unit_ready(d_unit_ready), .starts(d_starts), .stops(d_stops), .immediate(d_immediate), .through(d_through), .lba_over(d_lba_over), .lba(d_lba), .blocks(d_blocks),
        .allocation(d_allocation), .op(d_op), .arg(d_arg)
    );

    // single level LUN, peripheral or flat addressing, number below 256; found in STATE_READ
    reg         lun_simple;
    reg  [3:0]  volume_reg;
    reg  [15:0] hidden_reg;
    reg  [4:0]  initiator_reg;
    reg         lun_ok_reg;
    reg  [31:0] capacity_reg;
    reg         protect_reg;
    reg         software_reg;
    reg  [15:0] stopped_reg;   // volumes that START STOP UNIT has stopped

    // configuration of 16 volumes, those that do not exist all zero
    wire [16*32:0] all_blocks = {{((16 - VOLUMES) * 32 + 1){1'b0}}, cfg_volume_blocks};
    wire [16*2:0]  all_flags = {{((16 - VOLUMES) * 2 + 1){1'b0}}, cfg_volume_flags};

    // unit attentions
    wire        attention_busy, attention_pending;
    wire [23:0] attention_sense;
    reg         attention_report;
    reg         attention_forget;
    wire        watch_valid;
    wire [9:0]  watch_condition;
    wire [31:0] watch_initiators;
    wire [15:0] watch_volumes;
    wire        raised = raise_valid && raise_ready;
    wire        watch_ready = raise_ready && !raise_valid;
    wire        telling = state_reg == STATE_TELL && !attention_busy;

    unit_attention attentions (
        .clk(clk), .rst(rst), .busy(attention_busy), .look(working && event_reg == EVENT_HOST), .initiator(initiator_reg), .volume(volume_reg), .pending(attention_pending),
        .sense(attention_sense), .report(attention_report), .forget(attention_forget), .nexus_valid(login_event_valid), .nexus_initiator(login_event_initiator),
        .raise_valid((telling && scan_condition != 8'd0) || raised || (watch_valid && watch_ready)),
        .raise_condition(telling ? {2'd0, scan_condition} : raised ? {2'd0, raise_condition} : watch_condition),
        .raise_initiators(!telling ? (raised ? raise_initiators : watch_initiators)
                          : scan_condition == RESET ? 32'hFFFFFFFF : scan_hit & ~(32'd1 << scan_self)),
        .raise_volumes(telling ? scan_volumes : raised ? raise_volumes : watch_volumes)
    );

    volume_watch #(.VOLUMES(VOLUMES)) watch (
        .clk(clk), .rst(rst), .cfg_volume_blocks(cfg_volume_blocks), .cfg_volume_flags(cfg_volume_flags),
        .login_valid(login_event_valid), .login_initiator(login_event_initiator), .login_hidden(login_event_hidden),
        .raise_valid(watch_valid), .raise_ready(watch_ready), .raise_condition(watch_condition), .raise_initiators(watch_initiators),
        .raise_volumes(watch_volumes)
    );

    // a report is taken in the clock after it is noted, while nothing else happens
    assign raise_ready = state_reg == STATE_IDLE && !attention_busy && !attention_report && !attention_forget;

    assign check_volume = volume_reg;
    assign check_initiator = initiator_reg;
    assign check_access = hr_ready ? d_access : ACCESS_FREE;  // looked at in that clock only

    // what a kind of command does
    function writing;  // acquires for writing
        input [3:0] kind;
        writing = kind == KIND_WRITE || kind == KIND_CONFIRM || kind == KIND_FILL || kind == KIND_ZERO || kind == KIND_SWAP
                  || kind == KIND_PROVE;
    endfunction

    function receiving;  // data come from the host, chunk by chunk
        input [3:0] kind;
        receiving = kind == KIND_WRITE || kind == KIND_CONFIRM;
    endfunction

    function buffered;  // data come from the host, into the page
        input [3:0] kind;
        buffered = kind == KIND_CALL || kind == KIND_FILL || kind == KIND_COMPARE || kind == KIND_MATCH || kind == KIND_SWAP
                   || kind == KIND_PROVE;
    endfunction

    function worked;  // the page service works on the chunk
        input [3:0] kind;
        worked = kind == KIND_FILL || kind == KIND_ZERO || kind == KIND_COMPARE || kind == KIND_MATCH || kind == KIND_SWAP
                 || kind == KIND_PROVE;
    endfunction

    function paced;  // as many blocks at a time as a page holds
        input [3:0] kind;
        paced = kind == KIND_COMPARE || kind == KIND_PROVE;
    endfunction

    // what STATE_WORK makes of the command, of EVENT_HOST
    reg         blank;
    reg         media;
    reg         range_bad;
    reg  [24:0] d_bytes;
    reg  [31:0] ahead;  // PRE-FETCH, SYNCHRONIZE CACHE of 0 blocks: to the end
    reg  [31:0] ahead_up;
    reg         stopped_here;
    reg         needs_start;
    reg         ahead_fits;
    reg  [24:0] ahead_bytes;
    reg         data_out;
    reg  [24:0] wanted;
    reg  [24:0] planned;
    reg         refused;
    reg         advance;  // the chunk is done

    // and of the row: the chunk under way
    reg  [24:0] chunk_limit;
    reg  [16:0] chunk_bytes;
    reg  [16:0] chunk_bytes_up;
    reg  [16:0] move_bytes;
    reg         opening;  // the page has to be opened for data from the host
    reg         pinned;   // the chunk is pinned while the page service works on it

    // the row to be written
    reg          row_write;
    reg [TW-1:0] row_at;

    wire unused = &{1'b0, hr_lun[62], hr_attribute, done_op, done_slot, done_scsi_status, done_sense, chunk_rsp_op, chunk_rsp_slot[8],
                    chunk_bytes_up[8:0], ahead_up[6:0], ahead[31:16], PREFETCH_BLOCKS[31:16]};

    assign hr_ready = working && event_reg == EVENT_HOST;
    assign done_ready = working && event_reg == EVENT_DONE;
    assign chunk_rsp_ready = working && event_reg == EVENT_STAGED;
    assign rs_done_ready = working && event_reg == EVENT_BUILT;
    assign copy_done_ready = working && event_reg == EVENT_COPIED;

    assign ti_slot = {1'b0, ti_task};
    assign ti_lun = 16'd0;

    initial begin
        ti_valid = 0; ti_op = 0; ti_task = 0; ti_offset = 0; ti_length = 0; ti_relative_offset = 0; ti_port_id = 0; ti_lba = 0; ti_status = 0;
        ti_sense = 0; ti_residual = 0; ti_residual_under = 0; ti_residual_over = 0; ti_rsp_code_valid = 0; ti_rsp_code = 0;
        chunk_valid = 0; chunk_op = 0; chunk_slot = 0; chunk_volume = 0; chunk_lba = 0; chunk_blocks = 0; rs_valid = 0;
        rs_task = 0; rs_op = 0; rs_arg = 0; rs_blocks = 0; rs_length = 0; rs_descriptor = 0; rs_volume = 0; rs_initiator = 0; rs_port_id = 0; rs_lun_ok = 0;
        rs_sense = 0; stat_read = 0; stat_write = 0; stat_bytes = 0; status_open = 0; command_taken = 0; command_task = 0; command_write = 0; command_volume = 0; command_lba = 0;
        command_blocks = 0; reset_volumes = 0; row_reg = 0;
        copy_valid = 0; copy_task = 0; copy_volume = 0; copy_initiator = 0; copy_length = 0; copy_abort = 0; copies_reg = 0; rotate_reg = 0;
        n_state = 0; n_aborted = 0; n_cancelled = 0; n_end = 0; n_kind = 0; n_op = 0; n_lun_ok = 0; n_paged = 0; n_again
        = 0; n_through = 0; n_syncing = 0; n_index = 0; n_initiator = 0; n_volume = 0; n_port_id = 0; n_lba = 0; n_left = 0; n_moved = 0; n_wanted =
        0; n_length = 0; n_status = 0; n_sense = 0; n_code_valid = 0; n_code = 0; n_release = 0;
        state_reg = STATE_CLEAR; event_reg = EVENT_MOVE; task_reg = 0; count_reg = 0; scan_initiators = 0; scan_volumes = 0; scan_hit = 0; scan_self = 0;
        scan_condition = 0; functions_reg = 0; asked_reg = 0; before_reg = 0; function_reg = 0; push = 0; asked = 0; received = 0; data_bytes = 0; second_reg = 0;
        push_queue = 0; push_task = 0; hidden_reg = 0; initiator_reg = 0; lun_ok_reg = 0; capacity_reg = 0; protect_reg = 0;
        software_reg = 0; volume_reg = 0; wanted = 0; planned = 0; refused = 0; advance = 0; attention_report = 0; attention_forget = 0;
        stopped_reg = 0; stopped_here = 0; struck_reg = 0;
        r_state = 0; r_aborted = 0; r_cancelled = 0; r_end = 0; r_kind = 0; r_op = 0; r_lun_ok = 0; r_paged = 0; r_again = 0; r_through = 0;
        r_syncing = 0; r_index = 0; r_initiator = 0; r_volume = 0; r_port_id = 0; r_lba = 0; r_left = 0; r_moved = 0; r_wanted = 0; r_length = 0;
        r_status = 0; r_sense = 0; r_code_valid = 0; r_code = 0; r_release = 0;
        blank = 0; media = 0; range_bad = 0; d_bytes = 0; ahead = 0; ahead_up = 0; needs_start = 0; ahead_fits = 0; ahead_bytes = 0; data_out = 0;
        chunk_limit = 0; chunk_bytes = 0; chunk_bytes_up = 0; move_bytes = 0; opening = 0; pinned = 0; row_write = 0; row_at = 0; lun_simple = 0; task_next = 0;
    end

    // r_*, n_* and what else is set with = are worked out step by step within the clock, in the state that needs them
    // verilator lint_off BLKSEQ
    task take_row;
        begin
            {r_state, r_aborted, r_cancelled, r_end, r_kind, r_op, r_lun_ok, r_paged, r_again, r_through, r_syncing, r_index, r_initiator,
             r_volume, r_port_id, r_lba, r_left, r_moved, r_wanted, r_length, r_status, r_sense, r_code_valid, r_code, r_release} = row_reg;
            {n_state, n_aborted, n_cancelled, n_end, n_kind, n_op, n_lun_ok, n_paged, n_again, n_through, n_syncing, n_index, n_initiator,
             n_volume, n_port_id, n_lba, n_left, n_moved, n_wanted, n_length, n_status, n_sense, n_code_valid, n_code, n_release} = row_reg;
        end
    endtask

    always @(posedge clk) begin : step
        reg [2:0] state;
        reg [3:0] chosen;
        reg [7:0] chosen_task;
        reg [7:0] count;
        reg [8:0] rotate;
        reg       struck;
        reg       second;
        // as this clock finds them: Verilator then needs no second copy of the registers
        state = state_reg;
        chosen = event_reg;
        chosen_task = task_reg;
        count = count_reg;
        rotate = rotate_reg;
        struck = struck_reg;
        row_write = 1'b0;
        if (|reset_volumes) for (i = 0; i < 16; i = i + 1)
            if (reset_volumes[i])
                stopped_reg[i] <= 1'b0;

        // what is worked on next
        if (state == STATE_IDLE) begin
            count_reg <= count == LAST_TASK[7:0] ? 8'd0 : count + 8'd1;
            state_reg <= STATE_READ;
            // a push of the last event shows in its queue one clock later: look again then
            if (head_valid[QUEUE_CANCEL] && !ti_valid)
                event_reg <= EVENT_CANCEL;
            else if (head_valid[QUEUE_PORT] && !ti_valid)
                event_reg <= EVENT_MOVE;
            else if (head_valid[QUEUE_DATA_0] && room[0] && !ti_valid)
                event_reg <= EVENT_DATA_0;
            else if (head_valid[QUEUE_DATA_1] && room[1] && !ti_valid)
                event_reg <= EVENT_DATA_1;
            else if (head_valid[QUEUE_CHUNK] && !chunk_valid)
                event_reg <= EVENT_CHUNK;
            else if (head_valid[QUEUE_ASK] && !rs_valid && !function_next)
                event_reg <= EVENT_ASK;
            else if (done_valid) begin
                event_reg <= EVENT_DONE;
                task_reg <= done_task;
            end else if (chunk_rsp_valid) begin
                event_reg <= EVENT_STAGED;
                task_reg <= chunk_rsp_slot[7:0];
            end else if (rs_done_valid) begin
                event_reg <= EVENT_BUILT;
                task_reg <= rs_done_task;
            end else if (copy_done_valid) begin
                event_reg <= EVENT_COPIED;
                task_reg <= copy_done_task;
            end else if (head_valid[QUEUE_COPY] && !copy_valid && (copy_ready || rotate != 9'd0))
                event_reg <= EVENT_COPY;
            else if (hr_valid && !(function_next && asked_reg) && (hr_op == HR_ABORT || (!attention_busy && !attention_report && !attention_forget && !raise_valid && !watch_valid))) begin
                event_reg <= EVENT_HOST;
                task_reg <= hr_task;
            end else if (functions_reg != 9'd0 && before_reg == {(1<<TW){1'b0}} && function_reg[count[TW-1:0]]) begin
                event_reg <= EVENT_ANSWER;
                task_reg <= count;
            end else
                state_reg <= STATE_IDLE;
        end

        if (ti_ready)
            ti_valid <= 1'b0;
        if (chunk_ready)
            chunk_valid <= 1'b0;
        if (rs_ready)
            rs_valid <= 1'b0;
        if (copy_ready)
            copy_valid <= 1'b0;

        case (state)
            STATE_CLEAR: begin
                row_write = 1'b1;
                row_at = count[TW-1:0];
                {n_state, n_aborted, n_cancelled, n_end, n_kind, n_op, n_lun_ok, n_paged, n_again, n_through, n_syncing, n_index, n_initiator,
                 n_volume, n_port_id, n_lba, n_left, n_moved, n_wanted, n_length, n_status, n_sense, n_code_valid, n_code, n_release} = {ROW{1'b0}};
                logins[count[6:0]] <= 21'd0;
                count_reg <= count + 8'd1;  // ends at 0
                if (count == 8'd255)
                    state_reg <= STATE_IDLE;
            end

            STATE_READ: begin
                task_next = event_reg <= EVENT_DATA_1 ? head_task : chosen_task;
                task_reg <= task_next;
                {hidden_reg, initiator_reg} <= logins[hr_login];
                volume_reg <= hr_lun[51:48];
                capacity_reg <= all_blocks[{1'b0, hr_lun[51:48], 5'd0} +: 32];
                protect_reg <= all_flags[{1'b0, hr_lun[51:48], 1'b1}];
                software_reg <= software_protect[hr_lun[51:48]];
                lun_simple = hr_lun[61:56] == 6'd0 && !hr_lun[63] && hr_lun[47:0] == 48'd0;
                lun_ok_reg <= lun_simple && hr_lun[55:52] == 4'd0 && all_flags[{1'b0, hr_lun[51:48], 1'b0}]
                              && all_blocks[{1'b0, hr_lun[51:48], 5'd0} +: 32] != 32'd0 && !logins[hr_login][{1'b0, hr_lun[51:48]} + 5'd5];
                state_reg <= STATE_WORK;
            end

            STATE_WORK: begin
                take_row;
                second = PORTS > 1 && {24'd0, chosen_task} >= PORT_TASKS;
                chunk_limit = paced(r_kind) ? 25'd2048 : 25'd65536;
                chunk_bytes = r_left > chunk_limit ? chunk_limit[16:0] : r_left[16:0];
                chunk_bytes_up = chunk_bytes + 17'd511;
                move_bytes = r_paged && r_kind != KIND_PAGE && !paced(r_kind) ? r_wanted[16:0] : chunk_bytes;
                opening = r_kind == KIND_CALL ? r_wanted != 25'd0 && r_moved == 25'd0 : r_kind != KIND_PAGE && r_paged;
                pinned = worked(r_kind) && !r_paged;
                struck_reg <= 1'b1;
                state_reg <= STATE_IDLE;

                case (chosen)
                    EVENT_CANCEL:
                        // the port ends the task as if an ABTS had come: its ABORT follows
                        if (!r_aborted) begin
                            ti_valid <= 1'b1;
                            ti_op <= TI_ABORT;
                            ti_task <= chosen_task;
                            ti_port_id <= r_port_id;
                        end

                    EVENT_MOVE, EVENT_DATA_0, EVENT_DATA_1:
                        if (r_aborted && r_state == TASK_MOVE && !r_paged)
                            n_state = TASK_LET;
                        else if (r_cancelled && !r_aborted && r_state == TASK_RESPOND)
                            n_state = TASK_LOST;
                        else begin
                            ti_valid <= 1'b1;
                            ti_task <= chosen_task;
                            ti_port_id <= r_port_id;
                            ti_offset <= r_paged ? 12'd0 : {r_lba[2:0], 9'd0};
                            ti_length <= move_bytes;
                            // with status: the segment in which a copy ended
                            ti_relative_offset <= {7'd0, r_state == TASK_MOVE ? r_moved : r_op == OP_COPY ? r_left : 25'd0};
                            ti_lba <= r_sense[23] ? r_lba : 32'd0;
                            ti_status <= r_status;
                            ti_sense <= r_sense;
                            ti_rsp_code_valid <= r_code_valid;
                            ti_rsp_code <= r_code;
                            ti_residual <= 32'd0;
                            ti_residual_under <= 1'b0;
                            ti_residual_over <= 1'b0;
                            if (r_aborted)
                                ti_op <= TI_RELEASE;
                            else if (r_state == TASK_MOVE)
                                ti_op <= receiving(r_kind) || buffered(r_kind) ? TI_RECEIVE : TI_SEND;
                            else begin
                                ti_op <= TI_RESPOND;
                                if (!r_code_valid) begin
                                    if (r_status == GOOD && {7'd0, r_wanted} > r_length) begin
                                        ti_residual_over <= 1'b1;
                                        ti_residual <= {7'd0, r_wanted} - r_length;
                                    end else if (r_length > {7'd0, r_moved}) begin
                                        ti_residual_under <= 1'b1;
                                        ti_residual <= r_length - {7'd0, r_moved};
                                    end
                                end
                            end
                            asked <= chosen != EVENT_MOVE;
                            n_state = r_state == TASK_MOVE && !r_aborted ? TASK_DATA : TASK_IDLE;
                        end

                    EVENT_CHUNK:
                        if (r_aborted && r_state == TASK_ACQUIRE)
                            n_state = TASK_RELEASE;
                        else begin
                            chunk_valid <= 1'b1;
                            chunk_op <= r_state == TASK_LET ? r_release : r_syncing ? SYNCHRONIZE : r_kind == KIND_SWAP ? ACQUIRE_EXCLUSIVE
                                        : writing(r_kind) && !r_again ? ACQUIRE_WRITE : ACQUIRE_READ;
                            chunk_slot <= {1'b0, chosen_task};
                            chunk_volume <= {4'd0, r_volume};
                            chunk_lba <= r_lba;
                            chunk_blocks <= r_kind == KIND_SYNC ? 8'd128 : chunk_bytes_up[16:9];
                            n_state = r_state == TASK_LET ? TASK_LETTING : TASK_STAGE;
                        end

                    EVENT_ASK:
                        if (r_aborted)
                            n_state = pinned ? TASK_LET : TASK_RELEASE;
                        else if (r_cancelled) begin
                            n_end = END_LOST;
                            n_state = pinned ? TASK_LET : TASK_LOST;
                        end else begin
                            asked_reg <= 1'b1;
                            rs_valid <= 1'b1;
                            rs_task <= chosen_task;
                            rs_op <= opening ? OP_OPEN : r_kind == KIND_ZERO ? OP_ZERO : r_kind == KIND_PROVE && r_again ? OP_COMPARE : r_op;
                            rs_arg <= r_lba;
                            rs_blocks <= chunk_bytes_up[16:9];
                            rs_length <= r_wanted[10:0];
                            rs_descriptor <= r_index;
                            rs_lun_ok <= r_lun_ok;
                            rs_volume <= r_volume;
                            rs_initiator <= r_initiator;
                            rs_port_id <= {second, r_port_id};
                            rs_sense <= r_sense;
                            n_state = TASK_BUILD;
                        end

                    EVENT_DONE: begin
                        n_status = done_status == 8'd0 ? r_status : CHECK_CONDITION;
                        n_sense = done_status == 8'd0 ? SENSE_NONE : done_status == 8'd2 ? SENSE_TIMEOUT : SENSE_DATA_PHASE;
                        n_end = done_status == 8'd0 ? END_NOT : done_status == 8'd1 ? END_LOST : END_RESPOND;
                        n_release = !receiving(r_kind) ? RELEASE : done_status == 8'd0 ? RELEASE_DIRTY : RELEASE_DISCARD;
                        received <= receiving(r_kind);
                        if (done_status == 8'd0) begin
                            n_moved = r_moved + {8'd0, move_bytes};
                            stat_read <= r_kind == KIND_READ;
                            stat_write <= receiving(r_kind);
                            stat_bytes <= chunk_bytes;
                        end
                        if (!r_paged)
                            n_state = TASK_LET;
                        else if (r_aborted)
                            n_state = TASK_RELEASE;
                        else if (done_status == 8'd1)
                            n_state = TASK_LOST;
                        else if (done_status != 8'd0 || r_kind == KIND_PAGE)
                            n_state = TASK_RESPOND;
                        else if (r_kind == KIND_CALL)
                            n_state = r_op == OP_COPY ? TASK_COPY : TASK_ASK;
                        else begin
                            n_paged = 1'b0;
                            n_state = TASK_ACQUIRE;
                        end
                    end

                    EVENT_STAGED: begin
                        advance = 1'b0;
                        if (r_state == TASK_STAGE && r_syncing) begin
                            n_syncing = 1'b0;
                            if (chunk_rsp_error) begin
                                n_status = CHECK_CONDITION;
                                n_sense = SENSE_WRITE;
                                n_state = r_aborted ? TASK_RELEASE : TASK_RESPOND;
                            end else if (r_aborted)
                                n_state = TASK_RELEASE;
                            else if (r_kind == KIND_CONFIRM || r_kind == KIND_PROVE) begin
                                n_again = 1'b1;
                                n_state = TASK_ACQUIRE;
                            end else if (writing(r_kind) || r_kind == KIND_SYNC)
                                advance = 1'b1;
                            else
                                n_state = TASK_ACQUIRE;
                        end else if (r_state == TASK_STAGE) begin
                            n_release = writing(r_kind) && !r_again ? RELEASE_DISCARD : RELEASE;
                            if (chunk_rsp_error) begin
                                n_status = CHECK_CONDITION;
                                n_sense = writing(r_kind) && !r_again ? SENSE_WRITE : SENSE_READ;
                                n_state = r_aborted ? TASK_RELEASE : TASK_RESPOND;
                            end else if (r_aborted || r_kind == KIND_VERIFY || r_kind == KIND_PREFETCH || (r_again && r_kind == KIND_CONFIRM))
                                n_state = TASK_LET;
                            else
                                n_state = worked(r_kind) ? TASK_ASK : TASK_MOVE;
                        end else if (r_aborted)
                            n_state = TASK_RELEASE;
                        else if (r_end == END_LOST)
                            n_state = TASK_LOST;
                        else if (r_end == END_RESPOND)
                            n_state = TASK_RESPOND;
                        else if (chunk_rsp_error && writing(r_kind)) begin
                            n_status = CHECK_CONDITION;
                            n_sense = SENSE_WRITE;
                            n_state = TASK_RESPOND;
                        end else if (r_through && writing(r_kind) && !r_again) begin
                            n_syncing = 1'b1;
                            n_state = TASK_ACQUIRE;
                        end else
                            advance = 1'b1;

                        if (advance) begin
                            n_again = 1'b0;
                            n_syncing = r_kind == KIND_SYNC || (r_through && !writing(r_kind));
                            n_lba = r_lba + (paced(r_kind) ? 32'd4 : 32'd128);
                            n_left = r_kind == KIND_SYNC ? r_left - 25'd1 : r_left - {8'd0, chunk_bytes};
                            n_state = n_left == 25'd0 ? TASK_RESPOND : TASK_ACQUIRE;
                            if (n_left != 25'd0 && paced(r_kind)) begin
                                n_paged = 1'b1;
                                n_state = TASK_ASK;
                            end
                            if (n_left == 25'd0 && r_op == OP_UNMAP && r_kind == KIND_ZERO) begin
                                n_kind = KIND_CALL;
                                n_state = TASK_ASK;
                            end
                        end
                    end

                    EVENT_BUILT: begin
                        asked_reg <= 1'b0;
                        if (pinned) begin
                            n_status = rs_done_status;
                            n_sense = rs_done_sense;
                            if (rs_done_status != GOOD) begin
                                n_end = END_RESPOND;
                                n_lba = rs_done_lba;
                            end else if (writing(r_kind) && !r_again)
                                n_release = RELEASE_DIRTY;
                            n_state = TASK_LET;
                        end else if (r_aborted)
                            n_state = TASK_RELEASE;
                        else if (opening)
                            n_state = TASK_MOVE;
                        else if (rs_done_status != GOOD) begin
                            n_status = rs_done_status;
                            n_sense = rs_done_sense;
                            n_state = TASK_RESPOND;
                        end else if (r_kind == KIND_PAGE) begin
                            n_sense = SENSE_NONE;
                            n_wanted = r_wanted > {13'd0, rs_done_length} ? {13'd0, rs_done_length} : r_wanted;
                            n_left = {7'd0, n_wanted} > r_length ? r_length[24:0] : n_wanted;
                            n_state = n_left == 25'd0 ? TASK_RESPOND : TASK_MOVE;
                        end else if (rs_done_range && r_op == OP_UNMAP) begin
                            n_index = r_index + 6'd1;
                            n_lba = rs_done_lba;
                            n_left = rs_done_bytes;
                            n_paged = 1'b0;
                            n_kind = rs_done_bytes == 25'd0 ? KIND_CALL : KIND_ZERO;
                            n_state = rs_done_bytes == 25'd0 ? TASK_ASK : TASK_ACQUIRE;
                        end else if (rs_done_abort != 32'd0) begin
                            n_state = TASK_FUNCTION;
                            scan_initiators <= rs_done_abort;
                            scan_volumes <= 16'd1 << r_volume;
                            scan_hit <= 32'd0;
                            scan_self <= r_initiator;
                            scan_condition <= 8'd0;
                            count_reg <= 8'd0;
                            state_reg <= STATE_SCAN;
                        end else
                            n_state = TASK_RESPOND;
                    end

                    EVENT_COPY: begin
                        if (rotate != 9'd0)
                            rotate_reg <= rotate - 9'd1;
                        if (r_aborted)
                            n_state = TASK_RELEASE;
                        else if (r_cancelled)
                            n_state = TASK_LOST;
                        else if (rotate != 9'd0) begin
                            push <= 1'b1;
                            push_queue <= QUEUE_COPY;
                        end else begin
                            copy_valid <= 1'b1;
                            copy_task <= chosen_task;
                            copy_volume <= r_volume;
                            copy_initiator <= r_initiator;
                            copy_length <= r_wanted[10:0];
                            n_state = TASK_COPYING;
                        end
                    end

                    EVENT_COPIED: begin
                        n_status = copy_done_status;
                        n_sense = copy_done_sense;
                        n_lba = copy_done_left;
                        n_left = {9'd0, copy_done_segment};
                        n_state = r_aborted ? TASK_RELEASE : TASK_RESPOND;
                    end

                    EVENT_ANSWER:
                        if (r_state == TASK_FUNCTION)
                            n_state = TASK_RESPOND;

                    EVENT_HOST:
                        if (hr_op == HR_ABORT) begin
                            n_aborted = 1'b1;
                            copy_abort <= r_state == TASK_COPYING;
                            if (r_state == TASK_COPY)
                                rotate_reg <= copies_reg;
                            if (r_state == TASK_IDLE || r_state == TASK_LOST || r_state == TASK_FUNCTION)
                                n_state = TASK_RELEASE;
                        end else begin
                            blank = d_blocks == 32'd0;
                            media = d_kind != KIND_NONE && d_kind != KIND_PAGE && d_kind != KIND_CALL && d_kind != KIND_ERROR;
                            range_bad = d_lba_over || {1'b0, d_lba} + {1'b0, d_blocks} > {1'b0, capacity_reg};
                            d_bytes = {d_blocks[15:0], 9'd0};
                            ahead = blank ? capacity_reg - d_lba : d_blocks;
                            ahead_up = ahead + 32'd127;
                            stopped_here = stopped_reg[volume_reg];
                            needs_start = d_unit_ready || ((media || d_writes || d_op == OP_COPY) && !d_stops);
                            ahead_fits = ahead <= PREFETCH_BLOCKS;
                            ahead_bytes = {ahead_fits ? ahead[15:0] : PREFETCH_BLOCKS[15:0], 9'd0};
                            data_out = receiving(d_kind) || buffered(d_kind);
                            n_aborted = 1'b0;
                            n_cancelled = 1'b0;
                            n_end = END_NOT;
                            n_kind = d_kind;
                            n_op = d_op;
                            n_lun_ok = lun_ok_reg;
                            n_paged = d_kind == KIND_PAGE || buffered(d_kind);
                            n_again = 1'b0;
                            n_through = d_through;
                            n_syncing = d_kind == KIND_SYNC || (d_through && !writing(d_kind));
                            n_index = 6'd0;
                            n_initiator = initiator_reg;
                            n_volume = volume_reg;
                            n_port_id = hr_port_id;
                            n_lba = media ? d_lba : d_report_luns ? {hidden_reg, d_arg[15:0]} : d_arg;
                            n_left = 25'd0;
                            n_moved = 25'd0;
                            n_wanted = 25'd0;
                            n_length = hr_length;
                            n_status = CHECK_CONDITION;
                            n_sense = SENSE_NONE;
                            n_code_valid = 1'b0;
                            n_code = CODE_COMPLETE;
                            n_state = TASK_RESPOND;
                            if (hr_op == HR_COMMAND) begin
                                case (d_kind)
                                    KIND_READ, KIND_WRITE, KIND_CONFIRM, KIND_COMPARE, KIND_PROVE: wanted = d_bytes;
                                    KIND_FILL, KIND_MATCH: wanted = blank ? 25'd0 : 25'd512;
                                    KIND_SWAP: wanted = blank ? 25'd0 : 25'd1024;
                                    KIND_PAGE: wanted = d_allocation > LARGEST_PAGE ? LARGEST_PAGE[24:0] : d_allocation[24:0];
                                    KIND_CALL: wanted = d_allocation[24:0];
                                    default: wanted = 25'd0;
                                endcase
                                planned = {7'd0, wanted} > hr_length ? hr_length[24:0] : wanted;
                                refused = 1'b1;
                                if (!lun_ok_reg && !d_inquiry && !d_request_sense && !(d_report_luns && hr_lun[55:48] == 8'd0 && lun_simple))
                                    n_sense = SENSE_NO_LUN;
                                else if (lun_ok_reg && attention_pending && !d_any_state) begin
                                    n_sense = attention_sense;
                                    attention_report <= 1'b1;
                                end else if (lun_ok_reg && conflict)
                                    n_status = RESERVATION_CONFLICT;
                                else if (d_kind == KIND_ERROR)
                                    n_sense = d_sense;
                                else if (stopped_here && needs_start)
                                    n_sense = SENSE_NOT_READY;
                                else if (media && range_bad)
                                    n_sense = SENSE_RANGE;
                                else if (d_writes && protect_reg)
                                    n_sense = SENSE_PROTECTED;
                                else if (d_writes && software_reg)
                                    n_sense = SENSE_SOFTWARE;
                                else if ((hr_read && hr_write)
                                         || (wanted != 25'd0 && (data_out ? hr_read : hr_write))
                                         || (wanted != 25'd0 && !hr_read && !hr_write && hr_length != 32'd0)) begin
                                    n_status = GOOD;
                                    n_code_valid = 1'b1;
                                    n_code = CODE_FIELDS;
                                end else if (receiving(d_kind) ? planned[8:0] != 9'd0 : buffered(d_kind) && planned != wanted)
                                    n_sense = SENSE_IU;  // a part of a block or of a list is of no use
                                else
                                    refused = 1'b0;

                                if (!refused) begin
                                    command_taken <= (d_kind == KIND_READ || d_kind == KIND_WRITE || d_kind == KIND_CONFIRM) && d_blocks != 32'd0;
                                    command_task <= chosen_task;
                                    command_write <= d_kind != KIND_READ;
                                    command_volume <= volume_reg;
                                    command_lba <= d_lba;
                                    command_blocks <= d_blocks;
                                    n_status = GOOD;
                                    n_wanted = wanted;
                                    if (d_kind == KIND_READ || receiving(d_kind))
                                        n_left = planned;
                                    else if (d_kind == KIND_PREFETCH) begin
                                        n_left = d_immediate ? 25'd0 : ahead_bytes;
                                        n_status = ahead_fits ? CONDITION_MET : GOOD;
                                    end else if (d_kind == KIND_SYNC)
                                        n_left = d_immediate ? 25'd0 : ahead_up[31:7];
                                    else if (media)
                                        n_left = d_bytes;
                                    attention_forget <= d_report_luns;
                                    if (d_starts || d_stops)
                                        stopped_reg[volume_reg] <= d_stops;

                                    // a page nobody wants a byte of is built all the same: its fields may be wrong
                                    if (d_kind == KIND_PAGE || (wanted != 25'd0 ? n_paged : d_kind == KIND_CALL)) begin
                                        n_state = TASK_ASK;
                                        if (d_request_sense) begin
                                            n_sense = !lun_ok_reg ? SENSE_NO_LUN : attention_pending ? attention_sense
                                                      : stopped_here ? SENSE_NOT_READY : SENSE_NONE;
                                            attention_report <= lun_ok_reg && wanted != 25'd0;
                                        end
                                    end else if (n_left != 25'd0)
                                        n_state = TASK_ACQUIRE;
                                end
                            end else begin
                                n_status = GOOD;
                                n_kind = KIND_NONE;
                                n_code_valid = 1'b1;
                                n_length = 32'd0;
                                // abort task set, clear task set, LU reset, target reset
                                if (hr_task_management != 8'h02 && hr_task_management != 8'h04 && hr_task_management != 8'h10
                                    && hr_task_management != 8'h20)
                                    n_code = CODE_REJECTED;
                                else if (!lun_ok_reg && hr_task_management != 8'h20)
                                    n_code = CODE_LUN;
                                else begin
                                    n_state = TASK_FUNCTION;
                                    scan_initiators <= hr_task_management[1] ? 32'd1 << initiator_reg : 32'hFFFFFFFF;
                                    scan_volumes <= hr_task_management[5] ? ~hidden_reg : 16'd1 << volume_reg;
                                    scan_hit <= 32'd0;
                                    scan_self <= initiator_reg;
                                    scan_condition <= hr_task_management[1] ? 8'd0 : hr_task_management[2] ? CLEARED : RESET;
                                    reset_volumes <= hr_task_management[5] ? ~hidden_reg : hr_task_management[4] ? 16'd1 << volume_reg : 16'd0;
                                    count_reg <= 8'd0;
                                    state_reg <= STATE_SCAN;
                                end
                            end
                        end

                    default: ;
                endcase

                row_write = 1'b1;
                row_at = chosen_task[TW-1:0];
                push_task <= chosen_task;
                data_bytes <= move_bytes;
                second_reg <= second;
                if (n_state != r_state) begin
                    push <= 1'b1;
                    case (n_state)
                        TASK_MOVE: push_queue <= !receiving(n_kind) ? QUEUE_PORT : second ? QUEUE_DATA_1 : QUEUE_DATA_0;
                        TASK_RESPOND, TASK_RELEASE: push_queue <= QUEUE_PORT;
                        TASK_ACQUIRE, TASK_LET: push_queue <= QUEUE_CHUNK;
                        TASK_ASK: push_queue <= QUEUE_ASK;
                        TASK_COPY: push_queue <= QUEUE_COPY;
                        default: push <= 1'b0;
                    endcase
                    if (n_state == TASK_COPY || r_state == TASK_COPY)
                        copies_reg <= n_state == TASK_COPY ? copies_reg + 9'd1 : copies_reg - 9'd1;
                    if (n_state == TASK_IDLE || r_state == TASK_IDLE)
                        status_open <= r_state == TASK_IDLE ? status_open + 9'd1 : status_open - 9'd1;
                    if (n_state == TASK_IDLE)
                        before_reg[chosen_task[TW-1:0]] <= 1'b0;
                    if (n_state == TASK_FUNCTION || r_state == TASK_FUNCTION) begin
                        function_reg[chosen_task[TW-1:0]] <= n_state == TASK_FUNCTION;
                        functions_reg <= n_state == TASK_FUNCTION ? functions_reg + 9'd1 : functions_reg - 9'd1;
                    end
                end
            end

            STATE_SCAN:
                state_reg <= STATE_MARK;

            STATE_MARK: begin
                take_row;
                struck_reg <= 1'b1;
                // functions are not commands; what the port has ended already needs nobody else
                if (r_state != TASK_IDLE && r_state != TASK_FUNCTION && !(r_code_valid && r_kind == KIND_NONE)
                    && scan_volumes[r_volume] && scan_initiators[r_initiator]) begin
                    before_reg[count[TW-1:0]] <= 1'b1;
                    if (!r_aborted && !r_cancelled && r_state != TASK_LOST) begin
                        scan_hit[r_initiator] <= 1'b1;
                        push <= 1'b1;
                        push_queue <= QUEUE_CANCEL;
                        push_task <= count;
                        n_cancelled = 1'b1;
                        row_write = 1'b1;
                        row_at = count[TW-1:0];
                    end
                end
                count_reg <= count == LAST_TASK[7:0] ? 8'd0 : count + 8'd1;
                state_reg <= count == LAST_TASK[7:0] ? STATE_TELL : STATE_SCAN;
            end

            STATE_TELL:
                if (telling)
                    state_reg <= STATE_IDLE;

            STATE_IDLE: ;  // see above

            default:
                state_reg <= STATE_CLEAR;
        endcase

        if (struck) begin
            struck_reg <= 1'b0;
            push <= 1'b0;
            asked <= 1'b0;
            received <= 1'b0;
            copy_abort <= 1'b0;
            stat_read <= 1'b0;
            stat_write <= 1'b0;
            command_taken <= 1'b0;
            reset_volumes <= 16'd0;
            attention_report <= 1'b0;
            attention_forget <= 1'b0;
        end

        // the RAM: one port reads, one writes
        if (state == STATE_READ || state == STATE_SCAN)
            row_reg <= rows[state == STATE_READ ? task_next[TW-1:0] : count[TW-1:0]];
        if (row_write)
            rows[row_at] <= {n_state, n_aborted, n_cancelled, n_end, n_kind, n_op, n_lun_ok, n_paged, n_again, n_through, n_syncing, n_index,
                n_initiator, n_volume, n_port_id, n_lba, n_left, n_moved, n_wanted, n_length, n_status, n_sense, n_code_valid, n_code, n_release};

        if (login_event_valid)
            logins[login_event_index] <= {login_event_hidden, login_event_initiator};

        if (rst) begin
            state_reg <= STATE_CLEAR;
            count_reg <= 8'd0;
            ti_valid <= 1'b0;
            chunk_valid <= 1'b0;
            rs_valid <= 1'b0;
            copy_valid <= 1'b0;
            copies_reg <= 9'd0;
            rotate_reg <= 9'd0;
            stopped_reg <= 16'd0;
            before_reg <= {(1<<TW){1'b0}};
            function_reg <= {(1<<TW){1'b0}};
            functions_reg <= 9'd0;
            asked_reg <= 1'b0;
            status_open <= 9'd0;
        end
    end
    // verilator lint_on BLKSEQ

endmodule

`resetall
