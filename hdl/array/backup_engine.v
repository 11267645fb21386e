// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Backup engine: saves volumes to devices, restores them, or compares them with what was saved, in chunks through the cache. Up to JOBS
   jobs wait in a queue; this module leads the one under way through login, probe, transfer and logout. */
module backup_engine #(
    parameter TASKS = 32,        // 1 to 256: chunk k uses segment list slot TASKS + k
    parameter BACKUP_SLOTS = 4,  // 1 to 16
    parameter VOLUMES = 4,       // 1 to 16
    parameter PORTS = 1,         // 1 to 4
    parameter JOBS = 8,          // 1 to 8
    parameter RETRIES = 3,       // times a failed chunk, login or probe is tried again, 0 to 15
    parameter RETRY_TICKS = 64,  // ticks before it is, 1 to 255
    parameter PORT_BITS = PORTS > 1 ? $clog2(PORTS) : 1  // follows from PORTS
) (
    input  wire                  clk,
    input  wire                  rst,
    input  wire                  tick,

    // commands; the answer is a strobe, 0 = taken
    input  wire                  job_valid,
    output wire                  job_ready,
    input  wire [2:0]            job_command,
    input  wire [2:0]            job_number,
    input  wire [1:0]            job_kind,
    output wire                  job_answer,
    output wire [7:0]            job_refused,
    input  wire [7:0]            cfg_volume,
    input  wire [23:0]           cfg_port_id,
    input  wire [15:0]           cfg_lun,
    input  wire [31:0]           cfg_lba,
    input  wire [7:0]            cfg_chunk,
    input  wire [31:0]           cfg_copy_pointer,
    input  wire [PORTS-1:0]      cfg_ports,     // ports the job may use, 0 = any
    input  wire                  cfg_part,      // the job is of these blocks of the volume only, which all exist
    input  wire [31:0]           cfg_first,
    input  wire [31:0]           cfg_end,       // the block after the last
    input  wire                  copy_set,      // cfg_copy_pointer raises the copy pointer
    input  wire [VOLUMES*32-1:0] cfg_volume_blocks,
    input  wire [VOLUMES*2-1:0]  cfg_volume_flags,
    input  wire [PORTS*24-1:0]   my_id,

    // ports
    input  wire [PORTS-1:0]      usable_ports,  // the usage table lets a backup use them
    input  wire [PORTS-1:0]      place_ports,   // where new chunks go; none: they wait
    output wire [PORTS-1:0]      job_mask,      // ports the job under way may use
    output wire                  job_started,
    output wire                  job_active,    // a job is under way
    output reg  [PORTS-1:0]      backup_active, // the port has or will get chunks now

    // status: the states of all jobs; one word of a job while `read_valid` is high (0 state, 1 pointer, 2 copy pointer, 3 error, 4 sense);
    // the job that the copy manager follows, while `follow` is high; job 0
    output wire [JOBS*4-1:0]     job_state,
    input  wire                  read_valid,
    input  wire [2:0]            read_number,
    input  wire [2:0]            read_word,
    output wire [31:0]           read_data,
    input  wire                  follow,
    input  wire [2:0]            follow_number,
    output wire [31:0]           follow_pointer,
    output wire [15:0]           follow_error,
    output wire [23:0]           follow_sense,
    output wire [31:0]           first_pointer,
    output wire [31:0]           first_copy,
    output wire [15:0]           first_error,
    output wire [23:0]           first_sense,
    output reg                   event_done,
    output reg                   event_failed,  // paused with an error, or failed
    output wire                  stat_chunk,
    output wire                  stat_retry,

    // chunk service, client 1
    output wire                  chunk_valid,
    input  wire                  chunk_ready,
    output wire [2:0]            chunk_op,
    output wire [8:0]            chunk_slot,
    output wire [7:0]            chunk_volume,
    output wire [31:0]           chunk_lba,
    output wire [7:0]            chunk_blocks,
    input  wire                  chunk_rsp_valid,
    output wire                  chunk_rsp_ready,
    input  wire [2:0]            chunk_rsp_op,
    input  wire [8:0]            chunk_rsp_slot,
    input  wire                  chunk_rsp_error,

    // transfer instruction; the fields of target operations are not used here
    output wire                  ti_valid,
    input  wire                  ti_ready,
    output reg  [3:0]            ti_op,
    output reg  [PORT_BITS-1:0]  ti_port,
    output reg  [8:0]            ti_slot,
    output reg  [11:0]           ti_offset,
    output reg  [16:0]           ti_length,
    output wire [23:0]           ti_port_id,
    output wire [15:0]           ti_lun,
    output reg  [31:0]           ti_lba,

    // completion, of initiator operations only
    input  wire                  done_valid,
    output wire                  done_ready,
    input  wire [3:0]            done_op,
    input  wire [8:0]            done_slot,
    input  wire [7:0]            done_status,
    input  wire [7:0]            done_scsi_status,
    input  wire [23:0]           done_sense,

    // management information store, client 1: the records of the jobs
    output wire                  mis_valid,
    input  wire                  mis_ready,
    output wire                  mis_write,
    output wire [9:0]            mis_addr,
    output wire [31:0]           mis_wdata
);

`include "array/backup_constants.vh"

    localparam [2:0] STATE_IDLE = 3'd0;      // the queue is empty
    localparam [2:0] STATE_LOAD = 3'd1;
    localparam [2:0] STATE_LOGIN = 3'd2;
    localparam [2:0] STATE_PROBE = 3'd3;     // is the last block of the image on the device
    localparam [2:0] STATE_TRANSFER = 3'd4;
    localparam [2:0] STATE_LOGOUT = 3'd5;    // on one used port after the other
    localparam [2:0] STATE_END = 3'd6;

    localparam FIRST = TASKS;
    localparam [8:0] FIRST_SLOT = FIRST[8:0];
    localparam [PORTS-1:0] PORT_0 = 1;
    localparam [3:0] TRIES = RETRIES;
    localparam [7:0] DELAY = RETRY_TICKS;
    localparam [23:0] SENSE_NO_COMMAND = 24'h052000; // the device does not know VERIFY
    localparam [23:0] SENSE_LBA = 24'h052100;

    integer i;

    reg [2:0]           state_reg;
    reg                 pausing_reg;   // paused by the console or by an error
    reg                 aborted_reg;
    reg                 hopeless_reg;  // the job could not begin
    reg [15:0]          error_reg;
    reg [23:0]          sense_reg;
    reg                 asked_reg;     // an operation of this module is at the port
    reg [PORT_BITS-1:0] port_reg;      // and this is the port
    reg [PORTS-1:0]     avoid_reg;     // the port a login or probe failed on last
    reg [PORTS-1:0]     left_reg;      // ports to log out on
    reg [3:0]           tries_reg;
    reg [7:0]           wait_reg;
    reg                 op_valid_reg;
    reg [3:0]           op_reg;

    wire        next_valid;
    wire [2:0]  current;
    wire [1:0]  kind;
    wire [31:0] base;          // block 0 of the volume is there on the device, modulo 2**32
    wire [31:0] first;
    wire [7:0]  chunk;
    wire [31:0] capacity;
    wire [31:0] copy_pointer;
    wire [31:0] begin_pointer;
    wire [63:0] begin_bitmap;
    wire [5:0]  begin_index;
    wire        pause;
    wire        abort;
    wire [31:0] backup_pointer;
    wire [63:0] bitmap;
    wire [5:0]  index;
    wire        moved;
    wire        idle;
    wire        failed;
    wire [15:0] chunk_error;
    wire [23:0] chunk_sense;
    wire [PORTS-1:0] used;
    wire [PORTS-1:0] at_port;
    wire        chunks_retry;
    wire        chunks_ti_valid;
    wire [3:0]  chunks_ti_op;
    wire [PORT_BITS-1:0] chunks_ti_port;
    wire [8:0]  chunks_ti_slot;
    wire [11:0] chunks_ti_offset;
    wire [16:0] chunks_ti_length;
    wire [31:0] chunks_ti_lba;
    wire        record_read;
    wire [2:0]  record_number;
    wire [16*32-1:0] record;
    wire [JOBS-1:0] touched;
    wire [JOBS-1:0] settled;

    wire stopping = pausing_reg || aborted_reg || hopeless_reg;
    wire complete = backup_pointer == capacity;
    wire transfer = state_reg == STATE_TRANSFER;
    wire [PORTS-1:0] place = place_ports & job_mask;

    /* What the job is while it is under way, and what it is afterwards. */
    reg [3:0] live_state;

    always @*
        if (pausing_reg && !aborted_reg)
            live_state = JOB_PAUSING;
        else
            case (state_reg)
                STATE_TRANSFER: live_state = JOB_TRANSFER;
                STATE_LOGOUT, STATE_END: live_state = JOB_LOGOUT;
                default: live_state = JOB_LOGIN;
            endcase

    wire take = state_reg == STATE_IDLE && next_valid && settled == {JOBS{1'b1}};
    wire load = state_reg == STATE_LOAD;
    wire end_valid = state_reg == STATE_END;
    reg  [3:0] end_state;

    always @* begin
        end_state = JOB_IDLE;
        event_done = 1'b0;
        event_failed = 1'b0;
        if (end_valid) begin
            end_state = complete ? JOB_DONE : aborted_reg ? JOB_ABORTED : hopeless_reg ? JOB_FAILED : JOB_PAUSED;
            event_done = complete;
            event_failed = !complete && !aborted_reg && error_reg != 16'd0;
        end
    end

    assign job_started = load;
    assign job_active = state_reg != STATE_IDLE;
    assign chunk_rsp_ready = 1'b1;
    assign done_ready = 1'b1;

    /* The port of a logout: the lowest one. That of a login, too, but not the one it has failed on if there is another. */
    reg [PORT_BITS-1:0] pick;

    always @* begin : choose
        reg [PORTS-1:0] choice;
        choice = {PORTS{1'b0}};
        pick = {PORT_BITS{1'b0}};
        if (state_reg == STATE_LOGIN || state_reg == STATE_LOGOUT) begin
            choice = state_reg == STATE_LOGOUT ? left_reg : place & ~avoid_reg;
            if (choice == {PORTS{1'b0}})
                choice = place;
            for (i = PORTS - 1; i >= 0; i = i - 1)
                if (choice[i])
                    pick = i[PORT_BITS-1:0];
        end
    end

    always @*
        case (state_reg)
            STATE_LOGIN, STATE_PROBE: backup_active = place;
            STATE_TRANSFER: backup_active = stopping ? at_port : at_port | place;
            STATE_LOGOUT: backup_active = left_reg;
            default: backup_active = {PORTS{1'b0}};
        endcase

    /* Operations of this module use the first slot, which is free outside the transfer. */
    assign ti_valid = op_valid_reg || chunks_ti_valid;

    always @* begin
        ti_op = chunks_ti_op;
        ti_port = chunks_ti_port;
        ti_slot = chunks_ti_slot;
        ti_offset = chunks_ti_offset;
        ti_length = chunks_ti_length;
        ti_lba = chunks_ti_lba;
        if (op_valid_reg) begin
            ti_op = op_reg;
            ti_port = port_reg;
            ti_slot = FIRST_SLOT;
            ti_offset = 12'd0;
            ti_length = op_reg == TI_PROBE ? 17'd512 : 17'd0;
            ti_lba = op_reg == TI_PROBE ? base + capacity - 32'd1 : 32'd0;
        end
    end

    wire good = done_status == 8'd0;
    reg  [PORTS-1:0] login_set;

    always @* begin
        login_set = {PORTS{1'b0}};
        if (asked_reg)
            if (done_valid && state_reg == STATE_LOGIN && good)
                login_set = PORT_0 << port_reg;
    end

    reg  login_retry_reg;
    assign stat_retry = chunks_retry || login_retry_reg;

    always @(posedge clk) begin : step
        reg [2:0]           state;
        reg                 asked;
        reg [PORT_BITS-1:0] port;
        reg [PORTS-1:0]     left;
        reg                 waiting;
        // as this clock finds them: Verilator then needs no second copy of the registers
        state = state_reg;
        asked = asked_reg;
        port = port_reg;
        left = left_reg;
        waiting = wait_reg != 8'd0;
        login_retry_reg <= 1'b0;
        if (ti_ready)
            op_valid_reg <= 1'b0;
        if (tick && waiting)
            wait_reg <= wait_reg - 8'd1;

        if (pause)
            pausing_reg <= 1'b1;
        if (abort)
            aborted_reg <= 1'b1;

        case (state)
            STATE_IDLE:
                if (take) begin
                    pausing_reg <= 1'b0;
                    aborted_reg <= 1'b0;
                    hopeless_reg <= 1'b0;
                    error_reg <= 16'd0;
                    sense_reg <= 24'd0;
                    avoid_reg <= {PORTS{1'b0}};
                    tries_reg <= 4'd0;
                    wait_reg <= 8'd0;
                    state_reg <= STATE_LOAD;
                end
            STATE_LOAD: state_reg <= STATE_LOGIN;
            STATE_LOGIN, STATE_PROBE:
                if (done_valid && asked) begin : answer
                    reg checked;
                    reg refused;        // the login
                    reg too_small;
                    reg unknown;        // the device does not know the probe
                    reg nothing_saved;
                    checked = done_status == 8'd4 && done_scsi_status == 8'd2;
                    refused = state == STATE_LOGIN && done_status == 8'd3;
                    too_small = state == STATE_PROBE && checked && done_sense == SENSE_LBA;
                    unknown = state == STATE_PROBE && checked && done_sense == SENSE_NO_COMMAND;
                    nothing_saved = backup_pointer == first && bitmap == 64'd0;
                    asked_reg <= 1'b0;
                    if (good || unknown)
                        state_reg <= state == STATE_LOGIN && nothing_saved ? STATE_PROBE : STATE_TRANSFER;
                    else if (stopping)
                        ; // it is left below
                    else if (!refused && !too_small && tries_reg != TRIES) begin
                        tries_reg <= tries_reg + 4'd1;
                        wait_reg <= DELAY;
                        avoid_reg <= PORT_0 << port;
                        login_retry_reg <= 1'b1;
                        state_reg <= STATE_LOGIN;   // perhaps on another port; answered at once when logged in
                    end else begin
                        error_reg <= {done_scsi_status, too_small ? ERROR_SMALL : done_status};
                        sense_reg <= done_sense;
                        hopeless_reg <= nothing_saved && (refused || too_small);
                        pausing_reg <= !nothing_saved || !refused && !too_small;
                    end
                end else if (!asked && stopping) begin
                    left_reg <= used;
                    state_reg <= STATE_LOGOUT;
                end else if (!asked && state == STATE_PROBE && !place[port])
                    state_reg <= STATE_LOGIN;   // the placement has left the port
                else if (!asked && !waiting && place != {PORTS{1'b0}}) begin
                    op_valid_reg <= 1'b1;
                    op_reg <= state == STATE_LOGIN ? TI_LOGIN : TI_PROBE;
                    if (state == STATE_LOGIN)
                        port_reg <= pick;
                    asked_reg <= 1'b1;
                end
            STATE_TRANSFER: begin
                /* the error of a chunk pauses the job, unless it is stopping already */
                if (failed && !stopping) begin
                    pausing_reg <= 1'b1;
                    error_reg <= chunk_error;
                    sense_reg <= chunk_sense;
                end
                if (complete || stopping && idle) begin
                    left_reg <= used;
                    state_reg <= STATE_LOGOUT;
                end
            end
            STATE_LOGOUT:
                /* what has been saved is saved: the answer to a logout changes nothing */
                if (done_valid && asked) begin
                    asked_reg <= 1'b0;
                    left_reg <= left & ~(PORT_0 << port);
                end else if (!asked && left == {PORTS{1'b0}})
                    state_reg <= STATE_END;
                else if (!asked) begin
                    op_valid_reg <= 1'b1;
                    op_reg <= TI_LOGOUT;
                    port_reg <= pick;
                    asked_reg <= 1'b1;
                end
            default: // the end
                state_reg <= STATE_IDLE;
        endcase

        if (rst) begin
            state_reg <= STATE_IDLE;
            asked_reg <= 1'b0;
            op_valid_reg <= 1'b0;
            login_retry_reg <= 1'b0;
        end
    end

    initial begin
        state_reg = STATE_IDLE;
        pausing_reg = 1'b0;
        aborted_reg = 1'b0;
        hopeless_reg = 1'b0;
        error_reg = 16'd0;
        sense_reg = 24'd0;
        asked_reg = 1'b0;
        port_reg = {PORT_BITS{1'b0}};
        avoid_reg = {PORTS{1'b0}};
        left_reg = {PORTS{1'b0}};
        tries_reg = 4'd0;
        wait_reg = 8'd0;
        op_valid_reg = 1'b0;
        op_reg = 4'd0;
        login_retry_reg = 1'b0;
    end

    backup_jobs #(.PORTS(PORTS), .JOBS(JOBS), .VOLUMES(VOLUMES)) jobs (
        .clk(clk), .rst(rst),
        .job_valid(job_valid), .job_ready(job_ready), .job_command(job_command), .job_number(job_number), .job_kind(job_kind),
        .job_answer(job_answer), .job_refused(job_refused),
        .cfg_volume(cfg_volume), .cfg_port_id(cfg_port_id), .cfg_lun(cfg_lun), .cfg_lba(cfg_lba), .cfg_chunk(cfg_chunk),
        .cfg_copy_pointer(cfg_copy_pointer), .cfg_ports(cfg_ports), .cfg_part(cfg_part), .cfg_first(cfg_first), .cfg_end(cfg_end), .copy_set(copy_set), .cfg_volume_blocks(cfg_volume_blocks),
        .cfg_volume_flags(cfg_volume_flags), .my_id(my_id), .usable_ports(usable_ports),
        .job_state(job_state), .read_valid(read_valid), .read_number(read_number), .read_word(read_word), .read_data(read_data),
        .follow(follow), .follow_number(follow_number), .follow_pointer(follow_pointer), .follow_error(follow_error),
        .follow_sense(follow_sense), .first_pointer(first_pointer), .first_copy(first_copy), .first_error(first_error),
        .first_sense(first_sense),
        .next_valid(next_valid), .take(take), .current(current), .current_kind(kind), .current_volume(chunk_volume),
        .current_port_id(ti_port_id), .current_lun(ti_lun), .current_lba(base), .current_first(first), .current_chunk(chunk), .current_ports(job_mask),
        .current_capacity(capacity), .current_copy(copy_pointer), .current_pointer(begin_pointer), .current_bitmap(begin_bitmap),
        .current_index(begin_index), .pause(pause), .abort(abort),
        .live_state(live_state), .live_moved(moved), .live_pointer(backup_pointer), .live_bitmap(bitmap), .live_index(index),
        .end_valid(end_valid), .end_state(end_state), .end_error(error_reg), .end_sense(sense_reg),
        .record_read(record_read), .record_number(record_number), .record(record), .touched(touched), .settled(settled)
    );

    backup_chunks #(
        .TASKS(TASKS), .BACKUP_SLOTS(BACKUP_SLOTS), .PORTS(PORTS), .PORT_BITS(PORT_BITS), .RETRIES(RETRIES), .RETRY_TICKS(RETRY_TICKS)
    ) chunks (
        .clk(clk), .rst(rst), .tick(tick),
        .load(load), .kind(kind), .lba(base), .chunk(chunk), .capacity(capacity), .copy(copy_pointer), .begin_pointer(begin_pointer),
        .begin_bitmap(begin_bitmap), .begin_index(begin_index), .run(transfer), .stop(stopping), .place(place),
        .login_set(login_set),
        .pointer(backup_pointer), .bitmap(bitmap), .index(index), .moved(moved), .idle(idle), .failed(failed), .error(chunk_error), .sense(chunk_sense),
        .used(used), .at_port(at_port), .stat_chunk(stat_chunk), .stat_retry(chunks_retry),
        .chunk_valid(chunk_valid), .chunk_ready(chunk_ready), .chunk_op(chunk_op), .chunk_slot(chunk_slot), .chunk_lba(chunk_lba),
        .chunk_blocks(chunk_blocks), .chunk_rsp_valid(chunk_rsp_valid), .chunk_rsp_op(chunk_rsp_op), .chunk_rsp_slot(chunk_rsp_slot),
        .chunk_rsp_error(chunk_rsp_error),
        .ti_valid(chunks_ti_valid), .ti_ready(ti_ready && !op_valid_reg), .ti_op(chunks_ti_op), .ti_port(chunks_ti_port),
        .ti_slot(chunks_ti_slot), .ti_offset(chunks_ti_offset), .ti_length(chunks_ti_length), .ti_lba(chunks_ti_lba),
        .done_valid(done_valid), .done_op(done_op), .done_slot(done_slot), .done_status(done_status),
        .done_scsi_status(done_scsi_status), .done_sense(done_sense)
    );

    backup_record #(.JOBS(JOBS)) store (
        .clk(clk), .rst(rst),
        .touched(touched), .current(current), .record_read(record_read), .record_number(record_number), .record(record), .settled(settled),
        .mis_valid(mis_valid), .mis_ready(mis_ready), .mis_write(mis_write), .mis_addr(mis_addr), .mis_wdata(mis_wdata)
    );

endmodule

`resetall
