// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Backup engine: saves a volume to a device, or restores it, in chunks through the cache. Chunk n uses slot n mod BACKUP_SLOTS, and slots
   are freed in that order, so the backup pointer is the end of the last chunk before the first one that is not yet good. */
module backup_engine #(
    parameter TASKS = 32,        // 1 to 256: chunk k uses segment list slot TASKS + k
    parameter BACKUP_SLOTS = 4,  // 1 to 16
    parameter VOLUMES = 4,       // 1 to 16
    parameter RETRIES = 3,       // times a failed chunk or login is tried again, 0 to 15
    parameter RETRY_TICKS = 64   // ticks before it is, 1 to 255
) (
    input  wire                  clk,
    input  wire                  rst,
    input  wire                  tick,

    // job, from the management registers
    input  wire                  start_backup,
    input  wire                  start_restore,
    input  wire                  abort_backup,
    input  wire [7:0]            cfg_volume,
    input  wire [23:0]           cfg_port_id,
    input  wire [15:0]           cfg_lun,
    input  wire [31:0]           cfg_lba,
    input  wire [7:0]            cfg_chunk,
    input  wire [31:0]           cfg_copy_pointer,
    input  wire [VOLUMES*32-1:0] cfg_volume_blocks,
    input  wire [VOLUMES*2-1:0]  cfg_volume_flags,

    // status
    output wire [3:0]            status_state,
    output wire [31:0]           status_pointer,
    output wire [31:0]           status_copy_pointer,
    output wire [31:0]           status_error,
    output wire [31:0]           status_sense,
    output wire                  status_active,
    output reg                   stat_chunk,
    output reg                   stat_retry,

    // chunk service, client 1
    output reg                   chunk_valid,
    input  wire                  chunk_ready,
    output reg  [2:0]            chunk_op,
    output reg  [8:0]            chunk_slot,
    output wire [7:0]            chunk_volume,
    output reg  [31:0]           chunk_lba,
    output reg  [7:0]            chunk_blocks,
    input  wire                  chunk_rsp_valid,
    output wire                  chunk_rsp_ready,
    input  wire [2:0]            chunk_rsp_op,
    /* verilator lint_off UNUSEDSIGNAL */ // only slots of this engine are answered here
    input  wire [8:0]            chunk_rsp_slot,
    /* verilator lint_on UNUSEDSIGNAL */
    input  wire                  chunk_rsp_error,

    // transfer instruction; the fields of target operations are not used here
    output reg                   ti_valid,
    input  wire                  ti_ready,
    output reg  [3:0]            ti_op,
    output reg  [8:0]            ti_slot,
    output reg  [16:0]           ti_length,
    output wire [23:0]           ti_port_id,
    output wire [15:0]           ti_lun,
    output reg  [31:0]           ti_lba,

    // completion, of initiator operations only
    input  wire                  done_valid,
    output wire                  done_ready,
    input  wire [3:0]            done_op,
    /* verilator lint_off UNUSEDSIGNAL */
    input  wire [8:0]            done_slot,
    /* verilator lint_on UNUSEDSIGNAL */
    input  wire [7:0]            done_status,
    input  wire [7:0]            done_scsi_status,
    input  wire [23:0]           done_sense,

    // management information store, client 1: the progress record 630
    output wire                  mis_valid,
    input  wire                  mis_ready,
    output wire                  mis_write,
    output wire [9:0]            mis_addr,
    output reg  [31:0]           mis_wdata
);

    /* states of the job, as in BACKUP_STATE */
    localparam [3:0] STATE_IDLE = 4'd0;
    localparam [3:0] STATE_LOGIN = 4'd1;
    localparam [3:0] STATE_TRANSFER = 4'd2;
    localparam [3:0] STATE_LOGOUT = 4'd3;
    localparam [3:0] STATE_DONE = 4'd4;
    localparam [3:0] STATE_FAILED = 4'd5;
    localparam [3:0] STATE_ABORTED = 4'd6;

    /* states of a slot; it holds cache segments from PINNED to RELEASING */
    localparam [3:0] SLOT_FREE = 4'd0;
    localparam [3:0] SLOT_ACQUIRE = 4'd1;     // to be asked of the cache
    localparam [3:0] SLOT_ACQUIRING = 4'd2;
    localparam [3:0] SLOT_PINNED = 4'd3;      // to be asked of the port
    localparam [3:0] SLOT_TRANSFER = 4'd4;
    localparam [3:0] SLOT_RELEASE = 4'd5;     // to be given back
    localparam [3:0] SLOT_RELEASING = 4'd6;
    localparam [3:0] SLOT_GOOD = 4'd7;        // waits for those before it
    localparam [3:0] SLOT_DEAD = 4'd8;        // given up
    localparam [3:0] SLOT_WAIT_CACHE = 4'd9;  // retry delay, then ACQUIRE
    localparam [3:0] SLOT_WAIT_PORT = 4'd10;  // retry delay, then PINNED or LOGIN
    localparam [3:0] SLOT_LOGIN = 4'd11;      // the device has to be logged in again
    localparam [3:0] SLOT_LOGGING_IN = 4'd12;

    localparam [2:0] ACQUIRE_READ = 3'd0;
    localparam [2:0] ACQUIRE_WRITE = 3'd1;
    localparam [2:0] RELEASE = 3'd2;
    localparam [2:0] RELEASE_DIRTY = 3'd3;
    localparam [2:0] RELEASE_DISCARD = 3'd4;

    localparam [3:0] TI_LOGIN = 4'd8;
    localparam [3:0] TI_WRITE = 4'd9;
    localparam [3:0] TI_READ = 4'd10;
    localparam [3:0] TI_LOGOUT = 4'd11;

    /* errors beyond the done_status values */
    localparam [7:0] ERROR_VOLUME = 8'h11;
    localparam [7:0] ERROR_CHUNK = 8'h12;
    localparam [7:0] ERROR_LBA = 8'h13;
    localparam [7:0] ERROR_CACHE = 8'h20;

    localparam VOLUME_BITS = VOLUMES > 1 ? $clog2(VOLUMES) : 1;
    localparam SLOT_BITS = BACKUP_SLOTS > 1 ? $clog2(BACKUP_SLOTS) : 1;
    localparam [8:0] FIRST_SLOT = TASKS;
    localparam LAST_SLOT = BACKUP_SLOTS - 1;
    localparam [SLOT_BITS-1:0] LAST = LAST_SLOT[SLOT_BITS-1:0];
    localparam [3:0] TRIES = RETRIES;
    localparam [7:0] DELAY = RETRY_TICKS;

    initial begin
        if (BACKUP_SLOTS < 1 || BACKUP_SLOTS > 16) begin
            $display("%m: BACKUP_SLOTS = %0d, must be 1 to 16", BACKUP_SLOTS);
            $finish;
        end
        if (RETRIES < 0 || RETRIES > 15) begin
            $display("%m: RETRIES = %0d, must be 0 to 15", RETRIES);
            $finish;
        end
        if (RETRY_TICKS < 1 || RETRY_TICKS > 255) begin
            $display("%m: RETRY_TICKS = %0d, must be 1 to 255", RETRY_TICKS);
            $finish;
        end
    end

    integer i;

    /* the job */
    reg [3:0]  state_reg;
    reg        restore_reg;
    reg [7:0]  volume_reg;
    reg [23:0] port_id_reg;
    reg [15:0] lun_reg;
    reg [31:0] lba_reg;
    reg [7:0]  chunk_reg;
    reg [31:0] capacity_reg;
    reg [31:0] copy_reg;
    reg [31:0] pointer_reg;
    reg [31:0] next_reg;          // first block no chunk has been made of
    reg [15:0] error_reg;
    reg [23:0] sense_reg;
    reg        ignored_reg;       // a start came while the job ran
    reg        stopping_reg;      // no new chunks; what is under way is drained
    reg        aborted_reg;
    reg        asked_reg;         // login or logout has been handed to the port
    reg [3:0]  login_tries_reg;
    reg [7:0]  login_wait_reg;

    /* the slots */
    reg [3:0]  slot_state [0:BACKUP_SLOTS-1];
    reg [31:0] slot_lba [0:BACKUP_SLOTS-1];
    reg [7:0]  slot_blocks [0:BACKUP_SLOTS-1];
    reg [3:0]  slot_tries [0:BACKUP_SLOTS-1];
    reg [7:0]  slot_wait [0:BACKUP_SLOTS-1];
    reg        slot_good [0:BACKUP_SLOTS-1];
    reg        slot_relogin [0:BACKUP_SLOTS-1];
    reg [SLOT_BITS-1:0] head_reg; // the oldest chunk
    reg [SLOT_BITS-1:0] tail_reg; // where the next chunk goes
    reg [SLOT_BITS-1:0] scan_reg; // the slot looked at in this clock
    reg [SLOT_BITS:0]   quiet_reg; // slots in a row that need nothing more, while stopping

    assign status_state = state_reg;
    assign status_pointer = pointer_reg;
    assign status_copy_pointer = copy_reg;
    assign status_error = {15'd0, ignored_reg, error_reg};
    assign status_sense = {8'd0, sense_reg};
    assign status_active = state_reg == STATE_LOGIN || state_reg == STATE_TRANSFER || state_reg == STATE_LOGOUT;

    assign chunk_volume = volume_reg;
    assign ti_port_id = port_id_reg;
    assign ti_lun = lun_reg;
    assign chunk_rsp_ready = 1'b1;
    assign done_ready = 1'b1;

    wire [VOLUME_BITS+4:0] volume_bit = {cfg_volume[VOLUME_BITS-1:0], 5'd0};
    wire [VOLUME_BITS:0]   flag_bit = {cfg_volume[VOLUME_BITS-1:0], 1'b0};
    wire        volume_known = {24'd0, cfg_volume} < VOLUMES;
    wire [31:0] volume_blocks = volume_known ? cfg_volume_blocks[volume_bit +: 32] : 32'd0;
    wire        volume_present = volume_known && cfg_volume_flags[flag_bit] && volume_blocks != 32'd0;
    wire        chunk_legal = cfg_chunk >= 8'd8 && cfg_chunk <= 8'd128 && cfg_chunk[2:0] == 3'd0;
    /* verilator lint_off UNUSEDSIGNAL */ // only the carry counts
    wire [32:0] device_end = {1'b0, cfg_lba} + {1'b0, volume_blocks};
    /* verilator lint_on UNUSEDSIGNAL */
    wire [31:0] copy_now = cfg_copy_pointer < capacity_reg ? cfg_copy_pointer : capacity_reg;

    wire [31:0] left = capacity_reg - next_reg;
    wire [7:0]  next_blocks = left < {24'd0, chunk_reg} ? left[7:0] : chunk_reg;
    wire        next_exists = next_reg != capacity_reg && {24'd0, next_blocks} <= copy_reg - next_reg;

    wire [SLOT_BITS-1:0] done_index = done_slot[SLOT_BITS-1:0] - FIRST_SLOT[SLOT_BITS-1:0];
    wire [SLOT_BITS-1:0] rsp_index = chunk_rsp_slot[SLOT_BITS-1:0] - FIRST_SLOT[SLOT_BITS-1:0];
    wire [8:0]  scan_slot = FIRST_SLOT + {{9-SLOT_BITS{1'b0}}, scan_reg};
    wire        chunk_free = !chunk_valid || chunk_ready;
    wire        ti_free = !ti_valid || ti_ready;
    wire        lost_login = done_status == 8'd6 || done_status == 8'd7;

    /* The progress record is written word 8 first and state last, from one snapshot, copy pointer before backup pointer: whoever
       reads it in between never sees a backup pointer beyond the copy pointer of the same job. */
    reg         record_dirty_reg;
    reg         record_busy_reg;
    reg [3:0]   record_word_reg;
    reg [3:0]   seen_state_reg;
    reg [31:0]  seen_pointer_reg;
    reg [31:0]  seen_copy_reg;

    assign mis_valid = record_busy_reg;
    assign mis_write = 1'b1;
    assign mis_addr = {6'h06, record_word_reg};

    always @*
        case (record_word_reg)
            4'd0: mis_wdata = {28'd0, seen_state_reg};
            4'd1: mis_wdata = {24'd0, volume_reg};
            4'd2: mis_wdata = seen_pointer_reg;
            4'd3: mis_wdata = seen_copy_reg;
            4'd4: mis_wdata = capacity_reg;
            4'd5: mis_wdata = {8'd0, port_id_reg};
            4'd6: mis_wdata = {16'd0, lun_reg};
            4'd7: mis_wdata = lba_reg;
            default: mis_wdata = {16'd0, error_reg};
        endcase

    always @(posedge clk) begin
        if (record_busy_reg && mis_ready) begin
            record_word_reg <= record_word_reg - 4'd1;
            record_busy_reg <= record_word_reg != 4'd0;
        end
        if (!record_busy_reg && record_dirty_reg) begin
            record_busy_reg <= 1'b1;
            record_word_reg <= 4'd8;
            seen_state_reg <= state_reg;
            seen_pointer_reg <= pointer_reg;
            seen_copy_reg <= copy_reg;
            record_dirty_reg <= 1'b0;
        end else if (!record_busy_reg)
            record_dirty_reg <= seen_state_reg != state_reg || seen_pointer_reg != pointer_reg || seen_copy_reg != copy_reg;
        if (rst) begin
            record_dirty_reg <= 1'b0;
            record_busy_reg <= 1'b0;
            record_word_reg <= 4'd0;
            seen_state_reg <= STATE_IDLE;
            seen_pointer_reg <= 32'd0;
            seen_copy_reg <= 32'd0;
        end
    end

    always @(posedge clk) begin
        stat_chunk <= 1'b0;
        stat_retry <= 1'b0;
        if (chunk_ready)
            chunk_valid <= 1'b0;
        if (ti_ready)
            ti_valid <= 1'b0;
        if (status_active) begin
            if (copy_now > copy_reg)
                copy_reg <= copy_now;
            if (start_backup || start_restore)
                ignored_reg <= 1'b1;
            if (abort_backup && state_reg != STATE_LOGOUT && !stopping_reg) begin
                stopping_reg <= 1'b1;
                aborted_reg <= 1'b1;
            end
        end

        case (state_reg)
            STATE_LOGIN: begin
                /* one instruction at a time on slot 0; a refused login is tried again like a chunk */
                if (tick && login_wait_reg != 8'd0)
                    login_wait_reg <= login_wait_reg - 8'd1;
                if (!asked_reg && stopping_reg)
                    state_reg <= STATE_ABORTED;
                else if (!asked_reg && login_wait_reg == 8'd0 && ti_free) begin
                    ti_valid <= 1'b1;
                    ti_op <= TI_LOGIN;
                    ti_slot <= FIRST_SLOT;
                    ti_length <= 17'd0;
                    ti_lba <= 32'd0;
                    asked_reg <= 1'b1;
                end
                if (done_valid && done_op == TI_LOGIN) begin
                    asked_reg <= 1'b0;
                    if (done_status == 8'd0)
                        state_reg <= stopping_reg ? STATE_LOGOUT : STATE_TRANSFER;
                    else if (stopping_reg)
                        state_reg <= STATE_ABORTED;
                    else if (done_status != 8'd3 && login_tries_reg != TRIES) begin
                        login_tries_reg <= login_tries_reg + 4'd1;
                        login_wait_reg <= DELAY;
                        stat_retry <= 1'b1;
                    end else begin
                        error_reg <= {done_scsi_status, done_status};
                        sense_reg <= done_sense;
                        state_reg <= STATE_FAILED;
                    end
                end
            end
            STATE_TRANSFER: begin
                /* the order chunks finish in does not matter, the order they are counted in does */
                if (slot_state[head_reg] == SLOT_GOOD) begin
                    slot_state[head_reg] <= SLOT_FREE;
                    pointer_reg <= pointer_reg + {24'd0, slot_blocks[head_reg]};
                    head_reg <= head_reg == LAST ? {SLOT_BITS{1'b0}} : head_reg + 1'b1;
                    stat_chunk <= 1'b1;
                end
                if (slot_state[tail_reg] == SLOT_FREE && next_exists && !stopping_reg) begin
                    slot_state[tail_reg] <= SLOT_ACQUIRE;
                    slot_lba[tail_reg] <= next_reg;
                    slot_blocks[tail_reg] <= next_blocks;
                    slot_tries[tail_reg] <= 4'd0;
                    slot_good[tail_reg] <= 1'b0;
                    slot_relogin[tail_reg] <= 1'b0;
                    next_reg <= next_reg + {24'd0, next_blocks};
                    tail_reg <= tail_reg == LAST ? {SLOT_BITS{1'b0}} : tail_reg + 1'b1;
                end

                if (tick)
                    for (i = 0; i < BACKUP_SLOTS; i = i + 1)
                        if (slot_wait[i] != 8'd0)
                            slot_wait[i] <= slot_wait[i] - 8'd1;

                scan_reg <= scan_reg == LAST ? {SLOT_BITS{1'b0}} : scan_reg + 1'b1;
                quiet_reg <= {SLOT_BITS+1{1'b0}};
                case (slot_state[scan_reg])
                    SLOT_FREE, SLOT_DEAD:
                        if (stopping_reg)
                            quiet_reg <= quiet_reg + 1'b1;
                    SLOT_ACQUIRE:
                        if (stopping_reg)
                            slot_state[scan_reg] <= SLOT_DEAD;
                        else if (chunk_free) begin
                            chunk_valid <= 1'b1;
                            chunk_op <= restore_reg ? ACQUIRE_WRITE : ACQUIRE_READ;
                            chunk_slot <= scan_slot;
                            chunk_lba <= slot_lba[scan_reg];
                            chunk_blocks <= slot_blocks[scan_reg];
                            slot_state[scan_reg] <= SLOT_ACQUIRING;
                        end
                    SLOT_PINNED, SLOT_LOGIN:
                        if (stopping_reg)
                            slot_state[scan_reg] <= SLOT_RELEASE;
                        else if (ti_free) begin
                            ti_valid <= 1'b1;
                            ti_slot <= scan_slot;
                            ti_length <= slot_state[scan_reg] == SLOT_LOGIN ? 17'd0 : {slot_blocks[scan_reg], 9'd0};
                            ti_lba <= lba_reg + slot_lba[scan_reg];
                            ti_op <= slot_state[scan_reg] == SLOT_LOGIN ? TI_LOGIN : restore_reg ? TI_READ : TI_WRITE;
                            slot_state[scan_reg] <= slot_state[scan_reg] == SLOT_LOGIN ? SLOT_LOGGING_IN : SLOT_TRANSFER;
                        end
                    SLOT_RELEASE:
                        if (chunk_free) begin
                            chunk_valid <= 1'b1;
                            chunk_op <= !restore_reg ? RELEASE : slot_good[scan_reg] ? RELEASE_DIRTY : RELEASE_DISCARD;
                            chunk_slot <= scan_slot;
                            chunk_lba <= slot_lba[scan_reg];
                            chunk_blocks <= slot_blocks[scan_reg];
                            slot_state[scan_reg] <= SLOT_RELEASING;
                        end
                    SLOT_WAIT_CACHE:
                        if (stopping_reg)
                            slot_state[scan_reg] <= SLOT_DEAD;
                        else if (slot_wait[scan_reg] == 8'd0)
                            slot_state[scan_reg] <= SLOT_ACQUIRE;
                    SLOT_WAIT_PORT:
                        if (stopping_reg)
                            slot_state[scan_reg] <= SLOT_RELEASE;
                        else if (slot_wait[scan_reg] == 8'd0)
                            slot_state[scan_reg] <= slot_relogin[scan_reg] ? SLOT_LOGIN : SLOT_PINNED;
                    SLOT_GOOD:
                        /* beyond one that was given up: it is not counted */
                        if (stopping_reg && slot_state[head_reg] == SLOT_DEAD)
                            slot_state[scan_reg] <= SLOT_DEAD;
                    default: ;
                endcase

                if (chunk_rsp_valid) begin
                    if (chunk_rsp_op == ACQUIRE_READ || chunk_rsp_op == ACQUIRE_WRITE) begin
                        slot_state[rsp_index] <= SLOT_PINNED;
                        if (chunk_rsp_error) begin
                            slot_tries[rsp_index] <= slot_tries[rsp_index] + 4'd1;
                            slot_wait[rsp_index] <= DELAY;
                            slot_state[rsp_index] <= SLOT_WAIT_CACHE;
                            stat_retry <= slot_tries[rsp_index] != TRIES;
                            if (slot_tries[rsp_index] == TRIES) begin
                                slot_state[rsp_index] <= SLOT_DEAD;
                                if (!stopping_reg) begin
                                    stopping_reg <= 1'b1;
                                    error_reg <= {8'd0, ERROR_CACHE};
                                end
                            end
                        end
                    end else
                        slot_state[rsp_index] <= slot_good[rsp_index] ? SLOT_GOOD : SLOT_DEAD;
                end

                if (done_valid) begin
                    if (done_status == 8'd0 && done_op == TI_LOGIN) begin
                        slot_relogin[done_index] <= 1'b0;
                        slot_state[done_index] <= SLOT_PINNED;
                    end else if (done_status == 8'd0) begin
                        slot_good[done_index] <= 1'b1;
                        slot_state[done_index] <= SLOT_RELEASE;
                    end else if (slot_tries[done_index] != TRIES && !stopping_reg) begin
                        slot_tries[done_index] <= slot_tries[done_index] + 4'd1;
                        slot_wait[done_index] <= DELAY;
                        slot_state[done_index] <= SLOT_WAIT_PORT;
                        if (lost_login)
                            slot_relogin[done_index] <= 1'b1;
                        stat_retry <= 1'b1;
                    end else begin
                        slot_state[done_index] <= SLOT_RELEASE;
                        if (!stopping_reg) begin
                            stopping_reg <= 1'b1;
                            error_reg <= {done_scsi_status, done_status};
                            sense_reg <= done_sense;
                        end
                    end
                end

                if (pointer_reg == capacity_reg || quiet_reg > {1'b0, LAST}) begin
                    state_reg <= STATE_LOGOUT;
                    asked_reg <= 1'b0;
                end
            end
            STATE_LOGOUT: begin
                /* what has been saved is saved: the answer to the logout changes nothing */
                if (!asked_reg && ti_free) begin
                    ti_valid <= 1'b1;
                    ti_op <= TI_LOGOUT;
                    ti_slot <= FIRST_SLOT;
                    ti_length <= 17'd0;
                    ti_lba <= 32'd0;
                    asked_reg <= 1'b1;
                end
                if (done_valid && done_op == TI_LOGOUT)
                    state_reg <= pointer_reg == capacity_reg ? STATE_DONE : aborted_reg ? STATE_ABORTED : STATE_FAILED;
            end
            default: // idle, done, failed, aborted
                if (start_backup || start_restore) begin
                    state_reg <= STATE_LOGIN;
                    restore_reg <= start_restore;
                    volume_reg <= cfg_volume;
                    port_id_reg <= cfg_port_id;
                    lun_reg <= cfg_lun;
                    lba_reg <= cfg_lba;
                    chunk_reg <= cfg_chunk;
                    capacity_reg <= volume_blocks;
                    copy_reg <= cfg_copy_pointer < volume_blocks ? cfg_copy_pointer : volume_blocks;
                    pointer_reg <= 32'd0;
                    next_reg <= 32'd0;
                    error_reg <= 16'd0;
                    sense_reg <= 24'd0;
                    ignored_reg <= 1'b0;
                    stopping_reg <= 1'b0;
                    aborted_reg <= 1'b0;
                    asked_reg <= 1'b0;
                    login_tries_reg <= 4'd0;
                    login_wait_reg <= 8'd0;
                    head_reg <= {SLOT_BITS{1'b0}};
                    tail_reg <= {SLOT_BITS{1'b0}};
                    scan_reg <= {SLOT_BITS{1'b0}};
                    quiet_reg <= {SLOT_BITS+1{1'b0}};
                    for (i = 0; i < BACKUP_SLOTS; i = i + 1)
                        slot_state[i] <= SLOT_FREE;
                    if (!volume_present || !chunk_legal || device_end[32]) begin
                        state_reg <= STATE_FAILED;
                        error_reg <= {8'd0, !volume_present ? ERROR_VOLUME : !chunk_legal ? ERROR_CHUNK : ERROR_LBA};
                    end
                end
        endcase

        if (rst) begin
            state_reg <= STATE_IDLE;
            chunk_valid <= 1'b0;
            ti_valid <= 1'b0;
            pointer_reg <= 32'd0;
            copy_reg <= 32'd0;
            error_reg <= 16'd0;
            sense_reg <= 24'd0;
            ignored_reg <= 1'b0;
            stopping_reg <= 1'b0;
            aborted_reg <= 1'b0;
            stat_chunk <= 1'b0;
            stat_retry <= 1'b0;
        end
    end

    initial begin
        state_reg = STATE_IDLE;
        restore_reg = 1'b0;
        volume_reg = 8'd0;
        port_id_reg = 24'd0;
        lun_reg = 16'd0;
        lba_reg = 32'd0;
        chunk_reg = 8'd0;
        capacity_reg = 32'd0;
        copy_reg = 32'd0;
        pointer_reg = 32'd0;
        next_reg = 32'd0;
        error_reg = 16'd0;
        sense_reg = 24'd0;
        ignored_reg = 1'b0;
        stopping_reg = 1'b0;
        aborted_reg = 1'b0;
        asked_reg = 1'b0;
        login_tries_reg = 4'd0;
        login_wait_reg = 8'd0;
        head_reg = {SLOT_BITS{1'b0}};
        tail_reg = {SLOT_BITS{1'b0}};
        scan_reg = {SLOT_BITS{1'b0}};
        quiet_reg = {SLOT_BITS+1{1'b0}};
        chunk_valid = 1'b0;
        chunk_op = 3'd0;
        chunk_slot = 9'd0;
        chunk_lba = 32'd0;
        chunk_blocks = 8'd0;
        ti_valid = 1'b0;
        ti_op = 4'd0;
        ti_slot = 9'd0;
        ti_length = 17'd0;
        ti_lba = 32'd0;
        stat_chunk = 1'b0;
        stat_retry = 1'b0;
        record_busy_reg = 1'b0;
        record_dirty_reg = 1'b0;
        for (i = 0; i < BACKUP_SLOTS; i = i + 1) begin
            slot_state[i] = SLOT_FREE;
            slot_lba[i] = 32'd0;
            slot_blocks[i] = 8'd0;
            slot_tries[i] = 4'd0;
            slot_wait[i] = 8'd0;
            slot_good[i] = 1'b0;
            slot_relogin[i] = 1'b0;
        end
    end

endmodule

`resetall
