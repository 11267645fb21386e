// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Serves host requests: one row a task, one event at a time, and no task waits for another one's answer.
   Every request to the outside waits in a queue of task numbers; the row says what to do when its turn comes. */
module host_engine #(
    parameter TASKS   = 32,  // 1 to 256
    parameter VOLUMES = 4    // 1 to 16
) (
    input  wire                  clk,
    input  wire                  rst,

    // host request
    input  wire                  hr_valid,
    output wire                  hr_ready,
    input  wire [1:0]            hr_op,
    input  wire [7:0]            hr_task,
    input  wire [23:0]           hr_port_id,
    input  wire [5:0]            hr_login,
    input  wire [63:0]           hr_lun,
    input  wire [127:0]          hr_cdb,
    input  wire [31:0]           hr_length,
    input  wire                  hr_read,
    input  wire                  hr_write,
    input  wire [2:0]            hr_attribute,
    input  wire [7:0]            hr_task_management,

    // a new login took a row of the login table
    input  wire                  login_event_valid,
    input  wire [5:0]            login_event_index,

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
    output wire [31:0]           ti_lba,
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

    // SCSI responder
    output reg                   rs_valid,
    input  wire                  rs_ready,
    output reg  [7:0]            rs_task,
    output reg  [2:0]            rs_page,
    output reg  [7:0]            rs_arg,
    output reg  [3:0]            rs_volume,
    output reg                   rs_lun_ok,
    output reg  [23:0]           rs_sense,
    input  wire                  rs_done_valid,
    output wire                  rs_done_ready,
    input  wire [7:0]            rs_done_task,
    input  wire [8:0]            rs_done_length,

    // volumes
    input  wire [VOLUMES*32-1:0] cfg_volume_blocks,
    input  wire [VOLUMES*2-1:0]  cfg_volume_flags,  // {write protected, present} a volume

    // statistics: strobes, one for each chunk moved, with its bytes
    output reg                   stat_read,
    output reg                   stat_write,
    output reg  [16:0]           stat_bytes,
    output reg  [8:0]            status_open    // tasks that are not idle
);

    localparam [1:0] HR_COMMAND = 2'd0, HR_ABORT = 2'd1;

    localparam [3:0] TI_SEND = 4'd0, TI_RECEIVE = 4'd1, TI_RESPOND = 4'd2, TI_RELEASE = 4'd3;

    localparam [2:0]
        ACQUIRE_READ    = 3'd0,
        ACQUIRE_WRITE   = 3'd1,
        RELEASE         = 3'd2,
        RELEASE_DIRTY   = 3'd3,
        RELEASE_DISCARD = 3'd4;

    // scsi_decode kinds
    localparam [2:0]
        KIND_NONE   = 3'd0,
        KIND_PAGE   = 3'd1,
        KIND_READ   = 3'd2,
        KIND_WRITE  = 3'd3,
        KIND_VERIFY = 3'd4,
        KIND_RANGE  = 3'd5,
        KIND_ERROR  = 3'd6;

    // what a task waits for
    localparam [3:0]
        TASK_IDLE     = 4'd0,
        TASK_ASK      = 4'd1,   // queued for the responder
        TASK_BUILD    = 4'd2,   // the responder's answer
        TASK_ACQUIRE  = 4'd3,   // queued for the chunk service, to acquire
        TASK_STAGE    = 4'd4,   // its answer
        TASK_MOVE     = 4'd5,   // queued for the port, to send or receive
        TASK_DATA     = 4'd6,   // the completion
        TASK_LET      = 4'd7,   // queued for the chunk service, to release
        TASK_LETTING  = 4'd8,   // its answer
        TASK_RESPOND  = 4'd9,   // queued for the port, with status
        TASK_RELEASE  = 4'd10,  // queued for the port, answer to an ABORT
        TASK_LOST     = 4'd11,  // the port has aborted the transfer: its ABORT
        TASK_FUNCTION = 4'd12;  // task management: the commands that were there before

    // how a task goes on after its chunk has been released
    localparam [1:0] END_NOT = 2'd0, END_RESPOND = 2'd1, END_LOST = 2'd2;

    localparam [3:0]
        EVENT_MOVE   = 4'd0,  // head of the port queue
        EVENT_CHUNK  = 4'd1,  // head of the chunk queue
        EVENT_ASK    = 4'd2,  // head of the responder queue
        EVENT_DONE   = 4'd3,
        EVENT_STAGED = 4'd4,
        EVENT_BUILT  = 4'd5,
        EVENT_HOST   = 4'd6,
        EVENT_ANSWER = 4'd7;  // a task management function that may be answered

    localparam [2:0]
        STATE_CLEAR = 3'd0,  // rows and unit attentions after reset
        STATE_IDLE  = 3'd1,
        STATE_READ  = 3'd2,
        STATE_WORK  = 3'd3,
        STATE_SCAN  = 3'd4,  // task management (n_volume, n_port_id): read a row,
        STATE_MARK  = 3'd5;  // and note it when its command must end first

    localparam [7:0] GOOD = 8'h00, CHECK_CONDITION = 8'h02;

    localparam [23:0]
        SENSE_NONE        = 24'h000000,
        SENSE_READ        = 24'h031100,  // unrecovered read error
        SENSE_WRITE       = 24'h030C00,  // write error
        SENSE_IU          = 24'h050E03,  // invalid field in command information unit
        SENSE_RANGE       = 24'h052100,
        SENSE_NO_LUN      = 24'h052500,
        SENSE_RESET       = 24'h062900,  // power on, reset
        SENSE_PROTECTED   = 24'h072700,
        SENSE_DATA_PHASE  = 24'h0B4B00,
        SENSE_TIMEOUT     = 24'h0B4B06;  // initiator response timeout

    localparam [7:0] CODE_COMPLETE = 8'h00, CODE_FIELDS = 8'h02, CODE_REJECTED = 8'h04, CODE_LUN = 8'h09;

    localparam [31:0] LAST_TASK = TASKS - 1;
    localparam [31:0] LAST_SCAN = TASKS > 64 ? TASKS - 1 : 63;  // rows and logins
    localparam TW = TASKS > 128 ? 8 : TASKS > 64 ? 7 : TASKS > 32 ? 6 : TASKS > 16 ? 5 : 4;
    localparam ROW = 4 + 1 + 2 + 3 + 4 + 24 + 32 + 25 + 25 + 25 + 32 + 8 + 24 + 1 + 8 + 3;

    integer i;

    // the rows (RAM 400) and the unit attentions, a bit for each login and volume
    reg [ROW-1:0]     rows [0:(1<<TW)-1];
    reg [ROW-1:0]     row_reg;
    reg [15:0]        attention [0:63];

    initial begin
        for (i = 0; i < (1 << TW); i = i + 1)
            rows[i] = 0;
        for (i = 0; i < 64; i = i + 1)
            attention[i] = 16'hFFFF;
        if (TASKS < 1 || TASKS > 256) begin
            $display("%m: TASKS=%0d: must be 1 to 256", TASKS);
            $finish;
        end
        if (VOLUMES < 1 || VOLUMES > 16) begin
            $display("%m: VOLUMES=%0d: must be 1 to 16", VOLUMES);
            $finish;
        end
    end

    wire [3:0]  r_state;
    wire        r_aborted;
    wire [1:0]  r_end;
    wire [2:0]  r_kind;
    wire [3:0]  r_volume;
    wire [23:0] r_port_id;
    wire [31:0] r_lba;      // first block of the chunk; KIND_PAGE: {.., LUN is there, page, argument}
    wire [24:0] r_left;     // bytes still to move, the chunk under way included; KIND_VERIFY: to stage
    wire [24:0] r_moved;    // bytes moved
    wire [24:0] r_wanted;   // bytes the command would move; KIND_PAGE, before it is built: allocation length
    wire [31:0] r_length;   // FCP_DL
    wire [7:0]  r_status;
    wire [23:0] r_sense;    // also what REQUEST SENSE will report
    wire        r_code_valid;
    wire [7:0]  r_code;
    wire [2:0]  r_release;  // how the chunk will be released

    assign {r_state, r_aborted, r_end, r_kind, r_volume, r_port_id, r_lba, r_left, r_moved, r_wanted, r_length, r_status, r_sense,
            r_code_valid, r_code, r_release} = row_reg;

    reg [3:0]  n_state;
    reg        n_aborted;
    reg [1:0]  n_end;
    reg [2:0]  n_kind;
    reg [3:0]  n_volume;
    reg [23:0] n_port_id;
    reg [31:0] n_lba;
    reg [24:0] n_left;
    reg [24:0] n_moved;
    reg [24:0] n_wanted;
    reg [31:0] n_length;
    reg [7:0]  n_status;
    reg [23:0] n_sense;
    reg        n_code_valid;
    reg [7:0]  n_code;
    reg [2:0]  n_release;

    reg [2:0] state_reg;
    reg [3:0] event_reg;
    reg [7:0] task_reg;
    reg [7:0] count_reg;
    reg [5:1] scan_reg;   // task management: target reset, LU reset, -, clear task set, abort task set

    // task management: commands that must end first, functions that wait for it
    reg [(1<<TW)-1:0] before_reg;
    reg [(1<<TW)-1:0] function_reg;
    reg [8:0]       functions_reg;

    // queues
    reg        port_push;
    reg        chunk_push;
    reg        ask_push;
    reg  [7:0] push_task;
    wire       port_head_valid, chunk_head_valid, ask_head_valid;
    wire [7:0] port_head_task, chunk_head_task, ask_head_task;
    wire       working = state_reg == STATE_WORK;

    task_queue #(.TASKS(TASKS)) port_queue (
        .clk(clk), .rst(rst), .push(port_push), .push_task(push_task),
        .head_valid(port_head_valid), .head_task(port_head_task), .pop(working && event_reg == EVENT_MOVE)
    );

    task_queue #(.TASKS(TASKS)) chunk_queue (
        .clk(clk), .rst(rst), .push(chunk_push), .push_task(push_task),
        .head_valid(chunk_head_valid), .head_task(chunk_head_task), .pop(working && event_reg == EVENT_CHUNK)
    );

    task_queue #(.TASKS(TASKS)) ask_queue (
        .clk(clk), .rst(rst), .push(ask_push), .push_task(push_task),
        .head_valid(ask_head_valid), .head_task(ask_head_task), .pop(working && event_reg == EVENT_ASK)
    );

    // the command
    wire [2:0]  d_kind;
    wire [23:0] d_sense;
    wire        d_any_state, d_inquiry, d_request_sense, d_report_luns, d_lba_over;
    wire [31:0] d_lba, d_blocks, d_allocation;
    wire [2:0]  d_page;
    wire [7:0]  d_page_arg;

    scsi_decode decode (
        .clk(clk), .start(state_reg == STATE_READ && event_reg == EVENT_HOST), .cdb(hr_cdb),
        .kind(d_kind), .sense(d_sense), .any_state(d_any_state), .inquiry(d_inquiry), .request_sense(d_request_sense),
        .report_luns(d_report_luns), .lba_over(d_lba_over), .lba(d_lba), .blocks(d_blocks), .allocation(d_allocation),
        .page(d_page), .page_arg(d_page_arg)
    );

    // single level LUN, peripheral or flat addressing, number below 256
    wire        lun_simple = hr_lun[61:56] == 6'd0 && !hr_lun[63] && hr_lun[47:0] == 48'd0;
    wire [3:0]  volume = hr_lun[51:48];
    reg         lun_ok_reg;
    reg  [31:0] capacity_reg;
    reg         protect_reg;

    // configuration of 16 volumes, those that do not exist all zero
    wire [16*32:0] all_blocks = {{((16 - VOLUMES) * 32 + 1){1'b0}}, cfg_volume_blocks};
    wire [16*2:0]  all_flags = {{((16 - VOLUMES) * 2 + 1){1'b0}}, cfg_volume_flags};

    // the command's arithmetic, used in STATE_WORK of EVENT_HOST
    wire        media = d_kind == KIND_READ || d_kind == KIND_WRITE || d_kind == KIND_VERIFY;
    wire        range_bad = d_lba_over || {1'b0, d_lba} + {1'b0, d_blocks} > {1'b0, capacity_reg};
    wire [24:0] d_bytes = {d_blocks[15:0], 9'd0};
    reg  [24:0] wanted;
    reg  [24:0] planned;
    reg         attention_now;
    reg         refused;

    // the chunk under way
    wire [16:0] chunk_bytes = r_left > 25'd65536 ? 17'd65536 : r_left[16:0];
    wire [16:0] chunk_bytes_up = chunk_bytes + 17'd511;

    wire unused = &{1'b0, hr_lun[62], hr_attribute, scan_reg[3:2], done_op, done_slot, done_scsi_status, done_sense, chunk_rsp_op, chunk_rsp_slot[8], chunk_bytes_up[8:0]};

    assign hr_ready = working && event_reg == EVENT_HOST;
    assign done_ready = working && event_reg == EVENT_DONE;
    assign chunk_rsp_ready = working && event_reg == EVENT_STAGED;
    assign rs_done_ready = working && event_reg == EVENT_BUILT;

    assign ti_slot = {1'b0, ti_task};
    assign ti_lun = 16'd0;
    assign ti_lba = 32'd0;

    initial begin
        ti_valid = 0; ti_op = 0; ti_task = 0; ti_offset = 0; ti_length = 0; ti_relative_offset = 0; ti_port_id = 0; ti_status = 0;
        ti_sense = 0; ti_residual = 0; ti_residual_under = 0; ti_residual_over = 0; ti_rsp_code_valid = 0; ti_rsp_code = 0;
        chunk_valid = 0; chunk_op = 0; chunk_slot = 0; chunk_volume = 0; chunk_lba = 0; chunk_blocks = 0; rs_valid = 0;
        rs_task = 0; rs_page = 0; rs_arg = 0; rs_volume = 0; rs_lun_ok = 0; rs_sense = 0; stat_read = 0; stat_write = 0;
        stat_bytes = 0; status_open = 0; row_reg = 0; n_state = 0; n_aborted = 0; n_end = 0; n_kind = 0; n_volume = 0;
        n_port_id = 0; n_lba = 0; n_left = 0; n_moved = 0; n_wanted = 0; n_length = 0; n_status = 0; n_sense = 0;
        n_code_valid = 0; n_code = 0; n_release = 0; state_reg = STATE_CLEAR; event_reg = EVENT_MOVE; task_reg = 0; count_reg = 0;
        scan_reg = 0; functions_reg = 0; before_reg = 0; function_reg = 0; port_push = 0; chunk_push = 0; ask_push = 0; push_task = 0; lun_ok_reg = 0;
        capacity_reg = 0; protect_reg = 0; wanted = 0; planned = 0; attention_now = 0; refused = 0;
    end

    // n_* are the row's next values, worked out step by step within the clock
    // verilator lint_off BLKSEQ
    always @(posedge clk) begin
        port_push <= 1'b0;
        chunk_push <= 1'b0;
        ask_push <= 1'b0;
        stat_read <= 1'b0;
        stat_write <= 1'b0;
        if (ti_ready)
            ti_valid <= 1'b0;
        if (chunk_ready)
            chunk_valid <= 1'b0;
        if (rs_ready)
            rs_valid <= 1'b0;

        case (state_reg)
            STATE_CLEAR: begin
                rows[count_reg[TW-1:0]] <= {ROW{1'b0}};
                attention[count_reg[5:0]] <= 16'hFFFF;
                count_reg <= count_reg + 8'd1;  // ends at 0
                if (count_reg == 8'd255)
                    state_reg <= STATE_IDLE;
            end

            STATE_IDLE: begin
                count_reg <= count_reg == LAST_TASK[7:0] ? 8'd0 : count_reg + 8'd1;
                state_reg <= STATE_READ;
                // a push of the last event shows in its queue one clock later: look again then
                if (port_head_valid && !ti_valid) begin
                    event_reg <= EVENT_MOVE;
                    task_reg <= port_head_task;
                end else if (chunk_head_valid && !chunk_valid) begin
                    event_reg <= EVENT_CHUNK;
                    task_reg <= chunk_head_task;
                end else if (ask_head_valid && !rs_valid) begin
                    event_reg <= EVENT_ASK;
                    task_reg <= ask_head_task;
                end else if (done_valid) begin
                    event_reg <= EVENT_DONE;
                    task_reg <= done_task;
                end else if (chunk_rsp_valid) begin
                    event_reg <= EVENT_STAGED;
                    task_reg <= chunk_rsp_slot[7:0];
                end else if (rs_done_valid) begin
                    event_reg <= EVENT_BUILT;
                    task_reg <= rs_done_task;
                end else if (hr_valid) begin
                    event_reg <= EVENT_HOST;
                    task_reg <= hr_task;
                end else if (functions_reg != 9'd0 && before_reg == {(1<<TW){1'b0}} && function_reg[count_reg[TW-1:0]]) begin
                    event_reg <= EVENT_ANSWER;
                    task_reg <= count_reg;
                end else
                    state_reg <= STATE_IDLE;
            end

            STATE_READ: begin
                row_reg <= rows[task_reg[TW-1:0]];
                capacity_reg <= all_blocks[{1'b0, volume, 5'd0} +: 32];
                protect_reg <= all_flags[{1'b0, volume, 1'b1}];
                lun_ok_reg <= lun_simple && hr_lun[55:52] == 4'd0 && all_flags[{1'b0, volume, 1'b0}]
                              && all_blocks[{1'b0, volume, 5'd0} +: 32] != 32'd0;
                state_reg <= STATE_WORK;
            end

            STATE_WORK: begin
                {n_state, n_aborted, n_end, n_kind, n_volume, n_port_id, n_lba, n_left, n_moved, n_wanted, n_length, n_status, n_sense,
                 n_code_valid, n_code, n_release} = row_reg;
                state_reg <= STATE_IDLE;

                case (event_reg)
                    EVENT_MOVE:
                        if (r_aborted && r_state == TASK_MOVE && r_kind != KIND_PAGE)
                            n_state = TASK_LET;
                        else begin
                            ti_valid <= 1'b1;
                            ti_task <= task_reg;
                            ti_port_id <= r_port_id;
                            ti_offset <= r_kind == KIND_PAGE ? 12'd0 : {r_lba[2:0], 9'd0};
                            ti_length <= chunk_bytes;
                            ti_relative_offset <= {7'd0, r_moved};
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
                                ti_op <= r_kind == KIND_WRITE ? TI_RECEIVE : TI_SEND;
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
                            n_state = r_state == TASK_MOVE && !r_aborted ? TASK_DATA : TASK_IDLE;
                        end

                    EVENT_CHUNK:
                        if (r_aborted && r_state == TASK_ACQUIRE)
                            n_state = TASK_RELEASE;
                        else begin
                            chunk_valid <= 1'b1;
                            chunk_op <= r_state == TASK_LET ? r_release : r_kind == KIND_WRITE ? ACQUIRE_WRITE : ACQUIRE_READ;
                            chunk_slot <= {1'b0, task_reg};
                            chunk_volume <= {4'd0, r_volume};
                            chunk_lba <= r_lba;
                            chunk_blocks <= chunk_bytes_up[16:9];
                            n_state = r_state == TASK_LET ? TASK_LETTING : TASK_STAGE;
                        end

                    EVENT_ASK:
                        if (r_aborted)
                            n_state = TASK_RELEASE;
                        else begin
                            rs_valid <= 1'b1;
                            rs_task <= task_reg;
                            rs_page <= r_lba[10:8];
                            rs_arg <= r_lba[7:0];
                            rs_lun_ok <= r_lba[11];
                            rs_volume <= r_volume;
                            rs_sense <= r_sense;
                            n_state = TASK_BUILD;
                        end

                    EVENT_DONE: begin
                        n_status = done_status == 8'd0 ? GOOD : CHECK_CONDITION;
                        n_sense = done_status == 8'd0 ? SENSE_NONE : done_status == 8'd2 ? SENSE_TIMEOUT : SENSE_DATA_PHASE;
                        n_end = done_status == 8'd0 ? END_NOT : done_status == 8'd1 ? END_LOST : END_RESPOND;
                        n_release = r_kind != KIND_WRITE ? RELEASE : done_status == 8'd0 ? RELEASE_DIRTY : RELEASE_DISCARD;
                        if (done_status == 8'd0) begin
                            n_moved = r_moved + {8'd0, chunk_bytes};
                            stat_read <= r_kind == KIND_READ;
                            stat_write <= r_kind == KIND_WRITE;
                            stat_bytes <= chunk_bytes;
                        end
                        if (r_kind != KIND_PAGE)
                            n_state = TASK_LET;
                        else if (r_aborted)
                            n_state = TASK_RELEASE;
                        else
                            n_state = done_status == 8'd1 ? TASK_LOST : TASK_RESPOND;
                    end

                    EVENT_STAGED:
                        if (r_state == TASK_STAGE) begin
                            n_release = r_kind == KIND_WRITE ? RELEASE_DISCARD : RELEASE;
                            if (chunk_rsp_error) begin
                                n_status = CHECK_CONDITION;
                                n_sense = r_kind == KIND_WRITE ? SENSE_WRITE : SENSE_READ;
                                n_state = r_aborted ? TASK_RELEASE : TASK_RESPOND;
                            end else
                                n_state = r_aborted || r_kind == KIND_VERIFY ? TASK_LET : TASK_MOVE;
                        end else begin
                            n_lba = r_lba + 32'd128;
                            n_left = r_left - {8'd0, chunk_bytes};
                            if (r_aborted)
                                n_state = TASK_RELEASE;
                            else if (r_end == END_LOST)
                                n_state = TASK_LOST;
                            else if (r_end == END_NOT && chunk_rsp_error && r_kind == KIND_WRITE) begin
                                n_status = CHECK_CONDITION;
                                n_sense = SENSE_WRITE;
                                n_state = TASK_RESPOND;
                            end else
                                n_state = r_end == END_RESPOND || n_left == 25'd0 ? TASK_RESPOND : TASK_ACQUIRE;
                        end

                    EVENT_BUILT: begin
                        n_sense = SENSE_NONE;
                        n_wanted = r_wanted > {16'd0, rs_done_length} ? {16'd0, rs_done_length} : r_wanted;
                        n_left = {7'd0, n_wanted} > r_length ? r_length[24:0] : n_wanted;
                        n_state = r_aborted ? TASK_RELEASE : n_left == 25'd0 ? TASK_RESPOND : TASK_MOVE;
                    end

                    EVENT_ANSWER:
                        if (r_state == TASK_FUNCTION)
                            n_state = TASK_RESPOND;

                    default:  // EVENT_HOST
                        if (hr_op == HR_ABORT) begin
                            n_aborted = 1'b1;
                            if (r_state == TASK_IDLE || r_state == TASK_LOST || r_state == TASK_FUNCTION)
                                n_state = TASK_RELEASE;
                        end else begin
                            n_aborted = 1'b0;
                            n_end = END_NOT;
                            n_kind = d_kind;
                            n_volume = volume;
                            n_port_id = hr_port_id;
                            n_lba = d_lba;
                            n_left = 25'd0;
                            n_moved = 25'd0;
                            n_wanted = 25'd0;
                            n_length = hr_length;
                            n_status = CHECK_CONDITION;
                            n_sense = SENSE_NONE;
                            n_code_valid = 1'b0;
                            n_code = CODE_COMPLETE;
                            n_state = TASK_RESPOND;
                            attention_now = lun_ok_reg && attention[hr_login][volume];
                            if (hr_op == HR_COMMAND) begin
                                wanted = media && d_kind != KIND_VERIFY ? d_bytes
                                         : d_kind == KIND_PAGE ? {16'd0, |d_allocation[31:8] ? 9'd256 : d_allocation[8:0]} : 25'd0;
                                planned = {7'd0, wanted} > hr_length ? hr_length[24:0] : wanted;
                                refused = 1'b1;
                                if (!lun_ok_reg && !d_inquiry && !d_request_sense && !(d_report_luns && hr_lun[55:48] == 8'd0 && lun_simple))
                                    n_sense = SENSE_NO_LUN;
                                else if (attention_now && !d_any_state) begin
                                    n_sense = SENSE_RESET;
                                    attention[hr_login][volume] <= 1'b0;
                                end else if (d_kind == KIND_ERROR)
                                    n_sense = d_sense;
                                else if ((media || d_kind == KIND_RANGE) && range_bad)
                                    n_sense = SENSE_RANGE;
                                else if (d_kind == KIND_WRITE && protect_reg)
                                    n_sense = SENSE_PROTECTED;
                                else if ((hr_read && hr_write)
                                         || (wanted != 25'd0 && (d_kind == KIND_WRITE ? hr_read : hr_write))
                                         || (wanted != 25'd0 && !hr_read && !hr_write && hr_length != 32'd0)) begin
                                    n_status = GOOD;
                                    n_code_valid = 1'b1;
                                    n_code = CODE_FIELDS;
                                end else if (d_kind == KIND_WRITE && planned[8:0] != 9'd0)
                                    n_sense = SENSE_IU;  // a part of a block cannot be written
                                else
                                    refused = 1'b0;

                                if (!refused) begin
                                    n_status = GOOD;
                                    n_wanted = wanted;
                                    n_left = d_kind == KIND_VERIFY ? d_bytes : planned;
                                    if (d_kind == KIND_PAGE && wanted != 25'd0) begin
                                        n_lba = {20'd0, lun_ok_reg, d_page, d_page_arg};
                                        n_state = TASK_ASK;
                                        if (d_request_sense) begin
                                            n_sense = !lun_ok_reg ? SENSE_NO_LUN : attention_now ? SENSE_RESET : SENSE_NONE;
                                            if (lun_ok_reg)
                                                attention[hr_login][volume] <= 1'b0;
                                        end
                                    end else if (media && n_left != 25'd0)
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
                                    count_reg <= 8'd0;
                                    scan_reg <= hr_task_management[5:1];
                                    state_reg <= STATE_SCAN;
                                end
                            end
                        end
                endcase

                rows[task_reg[TW-1:0]] <= {n_state, n_aborted, n_end, n_kind, n_volume, n_port_id, n_lba, n_left, n_moved, n_wanted, n_length,
                                   n_status, n_sense, n_code_valid, n_code, n_release};
                push_task <= task_reg;
                if (n_state != r_state) begin
                    port_push <= n_state == TASK_MOVE || n_state == TASK_RESPOND || n_state == TASK_RELEASE;
                    chunk_push <= n_state == TASK_ACQUIRE || n_state == TASK_LET;
                    ask_push <= n_state == TASK_ASK;
                    if (r_state == TASK_IDLE)
                        status_open <= status_open + 9'd1;
                    if (n_state == TASK_IDLE) begin
                        status_open <= status_open - 9'd1;
                        before_reg[task_reg[TW-1:0]] <= 1'b0;
                    end
                    if (n_state == TASK_FUNCTION) begin
                        function_reg[task_reg[TW-1:0]] <= 1'b1;
                        functions_reg <= functions_reg + 9'd1;
                    end
                    if (r_state == TASK_FUNCTION) begin
                        function_reg[task_reg[TW-1:0]] <= 1'b0;
                        functions_reg <= functions_reg - 9'd1;
                    end
                end
            end

            STATE_SCAN: begin
                row_reg <= rows[count_reg[TW-1:0]];
                state_reg <= STATE_MARK;
            end

            STATE_MARK: begin
                if (!r_aborted && r_state != TASK_IDLE && r_state != TASK_LOST && r_state != TASK_FUNCTION
                    && (scan_reg[5] || r_volume == n_volume) && (!scan_reg[1] || r_port_id == n_port_id))
                    before_reg[count_reg[TW-1:0]] <= 1'b1;
                if (scan_reg[5])
                    attention[count_reg[5:0]] <= 16'hFFFF;
                if (scan_reg[4])
                    attention[count_reg[5:0]][n_volume] <= 1'b1;
                count_reg <= count_reg == LAST_SCAN[7:0] ? 8'd0 : count_reg + 8'd1;
                state_reg <= count_reg == LAST_SCAN[7:0] ? STATE_IDLE : STATE_SCAN;
            end

            default:
                state_reg <= STATE_CLEAR;
        endcase

        if (login_event_valid)
            attention[login_event_index] <= 16'hFFFF;

        if (rst) begin
            state_reg <= STATE_CLEAR;
            count_reg <= 8'd0;
            ti_valid <= 1'b0;
            chunk_valid <= 1'b0;
            rs_valid <= 1'b0;
            before_reg <= {(1<<TW){1'b0}};
            function_reg <= {(1<<TW){1'b0}};
            functions_reg <= 9'd0;
            status_open <= 9'd0;
        end
    end
    // verilator lint_on BLKSEQ

endmodule

`resetall
