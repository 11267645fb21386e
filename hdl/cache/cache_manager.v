// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Cache manager: gives clients whole chunks of present or blank segments, pinned; stages what is missing, destages what is dirty.
   A chunk is taken all or nothing: when one of its segments cannot be had it lets go of the others and is tried again after something
   has changed, the oldest first, so that nobody waits while holding and nobody starves. */
// Queues have outputs (length, full) that not every use of them needs.
/* verilator lint_off PINCONNECTEMPTY */
module cache_manager #(
    parameter TASKS = 32,              // 1 to 256
    parameter BACKUP_SLOTS = 4,        // 1 to 16
    parameter CACHE_SETS = 64,         // power of two, 2 to 512
    parameter CACHE_WAYS = 8,          // power of two, 2 to 16; sets x ways at most 1024: the drive tag is the segment
    parameter CHUNK_SEGMENTS = 17,     // longest chunk, 2 to 17; ways x sets must hold one: ways >= ceil(CHUNK_SEGMENTS / sets)
    parameter DESTAGE_PACE = 128,      // clocks between two looks for something to destage, 8 to 65535
    parameter DESTAGE_OUTSTANDING = 8, // destages under way at the background pace, 1 to 255
    parameter HOLD_TRIES = 8           // after so many failed tries of the oldest chunk no other chunk is tried, 1 to 255
) (
    input  wire         clk,
    input  wire         rst,

    // chunk service: client 0 host engine, client 1 backup engine
    input  wire [1:0]   chunk_valid,
    output wire [1:0]   chunk_ready,
    input  wire [5:0]   chunk_op,
    input  wire [17:0]  chunk_slot,
    input  wire [15:0]  chunk_volume,
    input  wire [63:0]  chunk_lba,
    input  wire [15:0]  chunk_blocks,
    output wire [1:0]   chunk_rsp_valid,
    input  wire [1:0]   chunk_rsp_ready,
    output wire [5:0]   chunk_rsp_op,
    output wire [17:0]  chunk_rsp_slot,
    output wire [1:0]   chunk_rsp_error,

    // segment list
    output reg          list_wr_valid,
    output reg  [8:0]   list_wr_slot,
    output reg  [4:0]   list_wr_index,
    output reg  [19:0]  list_wr_line,

    // drive controller
    output wire         drv_valid,
    input  wire         drv_ready,
    output wire         drv_write,
    output wire [9:0]   drv_tag,
    output wire [7:0]   drv_volume,
    output wire [31:0]  drv_segment,
    output wire [19:0]  drv_line,
    input  wire         drv_rsp_valid,
    output wire         drv_rsp_ready,
    /* verilator lint_off UNUSEDSIGNAL */ // a smaller cache has shorter tags
    input  wire [9:0]   drv_rsp_tag,
    /* verilator lint_on UNUSEDSIGNAL */
    input  wire         drv_rsp_error,

    // control and status
    input  wire         flush,               // strobe or level: destage until nothing is dirty
    output wire [15:0]  status_dirty_count,
    output wire         status_pinned,
    output wire         status_busy,         // a request, a chunk in waiting, a staging or a destage is under way
    output reg          stat_read_hit,       // chunk: every segment was there
    output reg          stat_read_miss,      // chunk: at least one segment is staged
    output reg          stat_staged,         // segment
    output reg          stat_destaged,       // segment, confirmed by the drive
    output reg          stat_stage_error,    // segment
    output reg          stat_destage_error,  // segment; it stays dirty
    output reg          stat_backoff         // try of a chunk that failed
);

    localparam SLOTS = TASKS + BACKUP_SLOTS;
    localparam SLOT_BITS = $clog2(SLOTS);
    localparam SET_WIDTH = $clog2(CACHE_SETS);
    localparam WAY_WIDTH = $clog2(CACHE_WAYS);
    localparam SEGMENT_BITS = SET_WIDTH + WAY_WIDTH;
    localparam SEGMENTS = CACHE_SETS * CACHE_WAYS;

    integer i;

    initial begin
        if (TASKS < 1 || TASKS > 256 || BACKUP_SLOTS < 1 || BACKUP_SLOTS > 16) begin
            $display("%m: TASKS=%0d (1 to 256), BACKUP_SLOTS=%0d (1 to 16)", TASKS, BACKUP_SLOTS);
            $finish;
        end
        if (CHUNK_SEGMENTS < 2 || CHUNK_SEGMENTS > 17 || CACHE_WAYS < (CHUNK_SEGMENTS + CACHE_SETS - 1) / CACHE_SETS) begin
            $display("%m: CACHE_SETS=%0d x CACHE_WAYS=%0d cannot hold a chunk of CHUNK_SEGMENTS=%0d (2 to 17)", CACHE_SETS, CACHE_WAYS, CHUNK_SEGMENTS);
            $finish;
        end
        if (DESTAGE_PACE < 8 || DESTAGE_PACE > 65535 || DESTAGE_OUTSTANDING < 1 || DESTAGE_OUTSTANDING > 255 || HOLD_TRIES < 1 || HOLD_TRIES > 255) begin
            $display("%m: DESTAGE_PACE=%0d (8 to 65535), DESTAGE_OUTSTANDING=%0d, HOLD_TRIES=%0d (1 to 255)", DESTAGE_PACE, DESTAGE_OUTSTANDING, HOLD_TRIES);
            $finish;
        end
    end

    // client operations; 0 is ACQUIRE_READ, 2 RELEASE
    localparam CHUNK_ACQUIRE_WRITE = 3'd1;
    localparam CHUNK_RELEASE_DIRTY = 3'd3;
    localparam CHUNK_RELEASE_DISCARD = 3'd4;
    localparam CHUNK_SYNCHRONIZE = 3'd5;       // answered when nothing that was dirty before is dirty; pins nothing
    localparam CHUNK_ACQUIRE_EXCLUSIVE = 3'd6; // for writing, and nobody else has a segment of it

    // directory operations and results, as in cache_directory.v
    localparam OP_ACQUIRE = 3'd0;
    localparam OP_COMMIT = 3'd1;
    localparam OP_FILLED = 3'd2;
    localparam OP_UNPIN = 3'd3;
    localparam OP_SCAN = 3'd4;
    localparam OP_DESTAGED = 3'd5;
    localparam OP_CLEAN = 3'd6;
    localparam ST_HIT = 3'd0;
    localparam ST_FILL = 3'd1;
    localparam ST_BLANK = 3'd2;
    localparam ST_BUSY = 3'd3;
    localparam ST_FULL = 3'd4;

    localparam STATE_RECOVER = 4'd0;       // the directory walks its sets after rst
    localparam STATE_IDLE = 4'd1;          // choose what to do next
    localparam STATE_RECORD = 4'd2;        // the chunk's request is read back
    localparam STATE_TRY = 4'd3;           // pin or allocate segment by segment
    localparam STATE_TRY_RESULT = 4'd4;
    localparam STATE_COMMIT_LOAD = 4'd5;   // all segments are ours: mark what is to be written, stage what is missing
    localparam STATE_COMMIT = 4'd6;
    localparam STATE_COMMIT_RESULT = 4'd7;
    localparam STATE_UNPIN_LOAD = 4'd8;    // let go of segments: release, back-off, failed staging
    localparam STATE_UNPIN = 4'd9;
    localparam STATE_UNPIN_RESULT = 4'd10;
    localparam STATE_DRIVE = 4'd11;        // an answer of the drive
    localparam STATE_DRIVE_RESULT = 4'd12;
    localparam STATE_SCAN = 4'd13;         // look for something to destage in one set
    localparam STATE_SCAN_RESULT = 4'd14;
    localparam STATE_ANSWER = 4'd15;       // to the client

    // why a record is read and what its pins are given up for
    localparam FOR_TRY = 2'd0;             // try it; UNPIN: back-off
    localparam FOR_RELEASE = 2'd1;
    localparam FOR_STAGED = 2'd2;          // all segments staged: answer
    localparam FOR_FAILED = 2'd3;          // a segment could not be staged

    reg [3:0] state_reg;

    // ------------------------------------------------------------------------------------------------------------------------------
    // Requests come in: checked, recorded, queued. Refused ones go the way of the releases, to be answered with an error.

    reg             last_client_reg;
    wire            in_client = &chunk_valid ? !last_client_reg : chunk_valid[1];
    wire [2:0]      in_op = in_client ? chunk_op[5:3] : chunk_op[2:0];
    wire [8:0]      in_slot = in_client ? chunk_slot[17:9] : chunk_slot[8:0];
    wire [7:0]      in_volume = in_client ? chunk_volume[15:8] : chunk_volume[7:0];
    wire [31:0]     in_lba = in_client ? chunk_lba[63:32] : chunk_lba[31:0];
    wire [7:0]      in_blocks = in_client ? chunk_blocks[15:8] : chunk_blocks[7:0];

    reg [SLOTS-1:0] used_reg; // from the acquire until the release or an error has been answered
    reg [SLOTS-1:0] held_reg; // from the good answer until the release comes

    wire [32:0]     in_end = {1'b0, in_lba} + {25'd0, in_blocks};
    /* verilator lint_off UNUSEDSIGNAL */ // low bits: place in the last segment
    wire [7:0]      in_span = {5'd0, in_lba[2:0]} + in_blocks + 8'd7;
    /* verilator lint_on UNUSEDSIGNAL */
    wire [4:0]      in_count = in_span[7:3];
    wire            in_synchronize = in_op == CHUNK_SYNCHRONIZE;
    wire            in_exclusive = in_op == CHUNK_ACQUIRE_EXCLUSIVE;
    wire            in_acquire = in_op <= CHUNK_ACQUIRE_WRITE || in_synchronize || in_exclusive;
    wire            in_slot_good = {23'd0, in_slot} < SLOTS;
    wire            in_good = in_slot_good && (in_acquire
                        ? !used_reg[in_slot[SLOT_BITS-1:0]] && in_blocks != 8'd0 && in_blocks <= 8'd128
                          && (in_end <= 33'h1_0000_0000 || in_synchronize) && {27'd0, in_count} <= CHUNK_SEGMENTS
                        : held_reg[in_slot[SLOT_BITS-1:0]] && in_op <= CHUNK_RELEASE_DISCARD);

    wire acquire_full;
    wire acquire_empty;
    wire prompt_full;
    wire prompt_empty;
    wire can_take = state_reg != STATE_RECOVER && !acquire_full && !prompt_full;
    wire take = |chunk_valid && can_take;

    assign chunk_ready = {in_client && can_take, !in_client && can_take};

    localparam RECORD_WIDTH = 52;
    reg [RECORD_WIDTH-1:0] record_ram [0:SLOTS-1]; // {exclusive, synchronize, client, write, volume, lba, blocks}

    wire [SLOT_BITS-1:0] acquire_slot;
    wire [13:0]          prompt;        // {refused, client, op, slot}
    reg                  acquire_pop;
    reg                  prompt_pop;

    cache_fifo #(.WIDTH(SLOT_BITS), .DEPTH_LOG2(SLOT_BITS)) acquire_queue (
        .clk(clk), .rst(rst),
        .push(take && in_acquire && in_good), .push_data(in_slot[SLOT_BITS-1:0]), .full(acquire_full),
        .pop(acquire_pop), .head(acquire_slot), .empty(acquire_empty), .count()
    );

    cache_fifo #(.WIDTH(14), .DEPTH_LOG2(SLOT_BITS)) prompt_queue (
        .clk(clk), .rst(rst),
        .push(take && !(in_acquire && in_good)), .push_data({!in_good, in_client, in_op, in_slot}), .full(prompt_full),
        .pop(prompt_pop), .head(prompt), .empty(prompt_empty), .count()
    );

    // chunks that were tried in vain, oldest at the head; holds every slot, so it cannot be full
    wire [SLOT_BITS-1:0] wait_slot;
    wire                 wait_empty;
    wire [SLOT_BITS:0]   wait_count;
    reg                  wait_push;
    reg                  wait_pop;
    reg [SLOT_BITS-1:0]  slot_reg;

    cache_fifo #(.WIDTH(SLOT_BITS), .DEPTH_LOG2(SLOT_BITS)) wait_queue (
        .clk(clk), .rst(rst),
        .push(wait_push), .push_data(slot_reg), .full(),
        .pop(wait_pop), .head(wait_slot), .empty(wait_empty), .count(wait_count)
    );

    // ------------------------------------------------------------------------------------------------------------------------------
    // Answers go out, a queue for each client so that a slow one does not hold up the other.

    reg        answer_client_reg;
    reg [2:0]  answer_op_reg;
    reg [8:0]  answer_slot_reg;
    reg        answer_error_reg;
    wire [1:0] answer_full;
    wire [1:0] answer_empty;
    wire       answer_go = state_reg == STATE_ANSWER && !answer_full[answer_client_reg];

    genvar c;
    generate
        for (c = 0; c < 2; c = c + 1) begin : client
            cache_fifo #(.WIDTH(13), .DEPTH_LOG2(SLOT_BITS)) answer_queue (
                .clk(clk), .rst(rst),
                .push(answer_go && answer_client_reg == c), .push_data({answer_op_reg, answer_slot_reg, answer_error_reg}),
                .full(answer_full[c]),
                .pop(chunk_rsp_ready[c]),
                .head({chunk_rsp_op[3*c +: 3], chunk_rsp_slot[9*c +: 9], chunk_rsp_error[c]}),
                .empty(answer_empty[c]), .count()
            );
        end
    endgenerate

    assign chunk_rsp_valid = ~answer_empty;

    // ------------------------------------------------------------------------------------------------------------------------------
    // The chunk at work and its segments.

    reg [RECORD_WIDTH-1:0] record_reg;
    reg [1:0]              for_reg;
    reg                    dirty_reg;      // release: written
    reg [4:0]              index_reg;
    reg [4:0]              limit_reg;      // segments to let go of
    reg                    staging_reg;    // something of the chunk is missing
    reg [4:0]              stages_reg;     // how much

    wire        record_exclusive = record_reg[51];
    wire        record_synchronize = record_reg[50];
    wire        record_client = record_reg[49];
    wire        record_write = record_reg[48];
    wire [7:0]  record_volume = record_reg[47:40];
    wire [31:0] record_lba = record_reg[39:8];
    wire [7:0]  record_blocks = record_reg[7:0];
    /* verilator lint_off UNUSEDSIGNAL */ // low bits: place in the last segment
    wire [7:0]  span = {5'd0, record_lba[2:0]} + record_blocks + 8'd7;
    /* verilator lint_on UNUSEDSIGNAL */
    wire [4:0]  count = span[7:3];
    wire [2:0]  end_in_segment = record_lba[2:0] + record_blocks[2:0];
    wire [28:0] segment = record_lba[31:3] + {24'd0, index_reg};
    wire        last = index_reg + 5'd1 == count;
    wire        full = record_write && (index_reg != 5'd0 || record_lba[2:0] == 3'd0) && (!last || end_in_segment == 3'd0);

    // what the chunk holds: {blank, staging, set, way} for each index
    reg [SEGMENT_BITS+1:0]  entry_ram [0:SLOTS*32-1];
    reg [SEGMENT_BITS+1:0]  entry_reg;
    wire                    entry_blank = entry_reg[SEGMENT_BITS+1];
    wire                    entry_staging = entry_reg[SEGMENT_BITS];
    wire [SEGMENT_BITS-1:0] entry_place = entry_reg[SEGMENT_BITS-1:0];

    reg [4:0]       pending_ram [0:SLOTS-1]; // segments of the slot that the drive still owes
    reg [SLOTS-1:0] failed_reg;              // one of them could not be staged, or destaged

    // SYNCHRONIZE: segments that were clean, or whose destage was begun for this chunk, need no second look; what is written to them
    // later is no concern of it
    reg [16:0] settled_ram [0:SLOTS-1];
    reg [16:0] settled_reg;
    reg        hot_reg;                      // a segment is dirty and pinned, or written while it is destaged

    // ------------------------------------------------------------------------------------------------------------------------------
    // The drive side. A segment has at most one operation under way, so its number is the tag and the queue cannot overflow.

    localparam DRIVE_WIDTH = 1 + SEGMENT_BITS + 8 + 29;
    reg                     drive_push;
    wire [DRIVE_WIDTH-1:0]  drive_push_data;
    wire                    drive_empty;
    wire [SEGMENT_BITS-1:0] drive_place;
    wire [28:0]             drive_segment;

    cache_fifo #(.WIDTH(DRIVE_WIDTH), .DEPTH_LOG2(SEGMENT_BITS)) drive_queue (
        .clk(clk), .rst(rst),
        .push(drive_push), .push_data(drive_push_data), .full(), .count(),
        .pop(drv_ready), .head({drv_write, drive_place, drv_volume, drive_segment}), .empty(drive_empty)
    );

    assign drv_valid = !drive_empty;
    assign drv_tag = {{(10-SEGMENT_BITS){1'b0}}, drive_place};
    assign drv_segment = {3'd0, drive_segment};
    assign drv_line = {{(12-SEGMENT_BITS){1'b0}}, drive_place, 8'd0};
    assign drv_rsp_ready = state_reg == STATE_IDLE;

    reg [SLOT_BITS+1:0]     owner_ram [0:SEGMENTS-1]; // {destage, write, slot} of the operation under way; a destage with write: for the slot
    reg [SLOT_BITS+1:0]     owner_reg;
    reg [SEGMENT_BITS-1:0]  place_reg;
    reg                     error_reg;
    reg                     answer_due_reg; // it was the last segment its chunk waited for
    wire                    owner_destage = owner_reg[SLOT_BITS+1];
    wire                    owner_write = owner_reg[SLOT_BITS];
    wire                    owner_waits = !owner_destage || owner_write;
    wire [SLOT_BITS-1:0]    owner_slot = owner_reg[SLOT_BITS-1:0];
    wire                    owner_last = pending_ram[owner_slot] == 5'd1;
    reg [SEGMENT_BITS:0]    outstanding_reg; // staging and destaging
    reg [SEGMENT_BITS:0]    destaging_reg;

    // ------------------------------------------------------------------------------------------------------------------------------
    // Directory

    reg                   dir_valid;
    wire                  dir_ready;
    reg  [2:0]            dir_op;
    reg                   dir_flag;
    reg  [SET_WIDTH-1:0]  dir_set;
    reg  [WAY_WIDTH-1:0]  dir_way;
    wire                  dir_rsp_valid;
    wire [2:0]            dir_rsp_status;
    wire [SET_WIDTH-1:0]  dir_rsp_set;
    wire [WAY_WIDTH-1:0]  dir_rsp_way;
    wire [7:0]            dir_rsp_volume;
    wire [28:0]           dir_rsp_segment;
    wire [15:0]           pin_count;
    reg  [SET_WIDTH-1:0]  scan_set_reg;   // next set of the background walk
    reg  [SET_WIDTH-1:0]  demand_set_reg; // set that was full
    reg                   demand_reg;

    wire [SEGMENT_BITS-1:0] dir_rsp_place = {dir_rsp_set, dir_rsp_way};

    cache_directory #(.CACHE_SETS(CACHE_SETS), .CACHE_WAYS(CACHE_WAYS)) directory (
        .clk(clk), .rst(rst),
        .req_valid(dir_valid), .req_ready(dir_ready), .req_op(dir_op), .req_flag(dir_flag), .req_exclusive(record_exclusive),
        .req_volume(record_volume), .req_segment(segment), .req_set(dir_set), .req_way(dir_way),
        .rsp_valid(dir_rsp_valid), .rsp_status(dir_rsp_status), .rsp_set(dir_rsp_set), .rsp_way(dir_rsp_way),
        .rsp_volume(dir_rsp_volume), .rsp_segment(dir_rsp_segment),
        .status_dirty_count(status_dirty_count), .status_pin_count(pin_count)
    );

    always @* begin
        dir_valid = 1'b0;
        dir_op = OP_ACQUIRE;
        dir_flag = full;
        {dir_set, dir_way} = entry_place;
        case (state_reg)
            STATE_TRY: begin
                dir_valid = 1'b1;
                if (record_synchronize) begin
                    dir_op = OP_CLEAN;
                    dir_flag = settled_reg[index_reg];
                end
            end
            STATE_COMMIT: begin
                dir_valid = record_write && !entry_staging && !entry_blank;
                dir_op = OP_COMMIT;
            end
            STATE_UNPIN: begin
                dir_valid = 1'b1;
                dir_op = OP_UNPIN;
                dir_flag = dirty_reg;
            end
            STATE_DRIVE: begin
                dir_valid = owner_destage || !error_reg;
                dir_op = owner_destage ? OP_DESTAGED : OP_FILLED;
                dir_flag = owner_destage ? !error_reg : owner_write;
                {dir_set, dir_way} = place_reg;
            end
            STATE_SCAN: begin
                dir_valid = 1'b1;
                dir_op = OP_SCAN;
                dir_set = demand_reg ? demand_set_reg : scan_set_reg;
            end
            default: ;
        endcase
    end

    // ------------------------------------------------------------------------------------------------------------------------------
    // Order of work: the drive's answers, releases, the background look for dirty segments, chunks in waiting (a pass over all of them
    // after something has changed), one new chunk between two passes, the hurried look of a flush.

    reg [SLOT_BITS:0] pass_reg;    // chunks of the pass that are still to be tried
    reg               pass_first_reg;
    reg               pass_hold_reg;
    reg               turn_new_reg;
    reg               changed_reg; // something was given back or has arrived since the last pass began
    reg               waiting_reg; // the chunk at work comes from the queue of waiting chunks
    reg [7:0]         tries_reg;   // failed tries of the oldest waiting chunk
    reg [15:0]        pace_reg;
    reg               flush_reg;

    wire hold = {24'd0, tries_reg} == HOLD_TRIES;
    wire destage_room = status_dirty_count != 16'd0 && {{(31-SEGMENT_BITS){1'b0}}, destaging_reg} < DESTAGE_OUTSTANDING;
    wire destage_due = destage_room && pace_reg == 16'd0;
    wire pass_due = changed_reg && !wait_empty && (!turn_new_reg || acquire_empty || hold);

    wire take_drive = state_reg == STATE_IDLE && drv_rsp_valid;
    wire take_prompt = state_reg == STATE_IDLE && !take_drive && !prompt_empty;
    wire take_destage = state_reg == STATE_IDLE && !take_drive && !take_prompt && destage_due;
    wire take_wait = state_reg == STATE_IDLE && !take_drive && !take_prompt && !take_destage && pass_reg != 0;
    wire take_pass = state_reg == STATE_IDLE && !take_drive && !take_prompt && !take_destage && !take_wait && pass_due;
    wire take_new = state_reg == STATE_IDLE && !take_drive && !take_prompt && !take_destage && !take_wait && !take_pass && !acquire_empty && !hold;
    wire take_flush = state_reg == STATE_IDLE && !take_drive && !take_prompt && !take_destage && !take_wait && !take_pass && !take_new
        && flush_reg && destage_room;

    // the try of a chunk ends
    wire tried = state_reg == STATE_TRY_RESULT && dir_rsp_valid;
    wire clean_begun = tried && record_synchronize && dir_rsp_status == ST_FILL;
    wire clean_waits = staging_reg || dir_rsp_status == ST_BUSY || dir_rsp_status == ST_BLANK;
    wire clean_hot = hot_reg || dir_rsp_status == ST_BLANK;
    wire clean_owes = stages_reg != 5'd0 || clean_begun;
    wire try_good = tried && !record_synchronize && dir_rsp_status <= ST_BLANK;
    wire try_done = last && (try_good || (tried && record_synchronize && (clean_owes || !clean_waits)));
    wire try_failed = tried && (record_synchronize ? last && !clean_owes && clean_waits : dir_rsp_status > ST_BLANK);
    wire stage_now = state_reg == STATE_COMMIT && entry_staging;
    wire scan_found = state_reg == STATE_SCAN_RESULT && dir_rsp_valid && dir_rsp_status == ST_HIT;
    wire destage_now = scan_found || clean_begun;

    assign drive_push_data = stage_now ? {1'b0, entry_place, record_volume, segment} : {1'b1, dir_rsp_place, dir_rsp_volume, dir_rsp_segment};

    always @* begin
        acquire_pop = take_new;
        prompt_pop = take_prompt;
        // while the oldest is held on to it stays at the head; otherwise a pass turns the queue round once and keeps its order
        wait_pop = waiting_reg && (try_done || (try_failed && !pass_hold_reg));
        wait_push = try_failed && !(waiting_reg && pass_hold_reg);
        drive_push = stage_now || destage_now;
    end

    assign status_pinned = pin_count != 16'd0;
    assign status_busy = state_reg != STATE_IDLE || !prompt_empty || !acquire_empty || !wait_empty || outstanding_reg != 0;

    initial begin
        state_reg = STATE_RECOVER;
        last_client_reg = 1'b0;
        used_reg = {SLOTS{1'b0}};
        held_reg = {SLOTS{1'b0}};
        failed_reg = {SLOTS{1'b0}};
        slot_reg = {SLOT_BITS{1'b0}};
        answer_client_reg = 1'b0;
        answer_op_reg = 3'd0;
        answer_slot_reg = 9'd0;
        answer_error_reg = 1'b0;
        record_reg = {RECORD_WIDTH{1'b0}};
        for_reg = FOR_TRY;
        dirty_reg = 1'b0;
        index_reg = 5'd0;
        limit_reg = 5'd0;
        staging_reg = 1'b0;
        stages_reg = 5'd0;
        entry_reg = 0;
        owner_reg = 0;
        place_reg = 0;
        error_reg = 1'b0;
        answer_due_reg = 1'b0;
        settled_reg = 17'd0;
        hot_reg = 1'b0;
        outstanding_reg = 0;
        destaging_reg = 0;
        scan_set_reg = 0;
        demand_set_reg = 0;
        demand_reg = 1'b0;
        pass_reg = 0;
        pass_first_reg = 1'b0;
        pass_hold_reg = 1'b0;
        turn_new_reg = 1'b0;
        changed_reg = 1'b0;
        waiting_reg = 1'b0;
        tries_reg = 8'd0;
        pace_reg = 16'd0;
        flush_reg = 1'b0;
        list_wr_valid = 1'b0;
        list_wr_slot = 9'd0;
        list_wr_index = 5'd0;
        list_wr_line = 20'd0;
        stat_read_hit = 1'b0;
        stat_read_miss = 1'b0;
        stat_staged = 1'b0;
        stat_destaged = 1'b0;
        stat_stage_error = 1'b0;
        stat_destage_error = 1'b0;
        stat_backoff = 1'b0;
        for (i = 0; i < SLOTS; i = i + 1) begin
            record_ram[i] = {RECORD_WIDTH{1'b0}};
            pending_ram[i] = 5'd0;
            settled_ram[i] = 17'd0;
        end
        for (i = 0; i < SLOTS * 32; i = i + 1) entry_ram[i] = 0;
        for (i = 0; i < SEGMENTS; i = i + 1) owner_ram[i] = 0;
    end

    always @(posedge clk) begin
        list_wr_valid <= 1'b0;
        stat_read_hit <= 1'b0;
        stat_read_miss <= 1'b0;
        stat_staged <= 1'b0;
        stat_destaged <= 1'b0;
        stat_stage_error <= 1'b0;
        stat_destage_error <= 1'b0;
        stat_backoff <= 1'b0;

        if (take) begin
            last_client_reg <= in_client;
            if (in_good && in_acquire) begin
                record_ram[in_slot[SLOT_BITS-1:0]] <= {in_exclusive, in_synchronize, in_client, in_op == CHUNK_ACQUIRE_WRITE || in_exclusive,
                    in_volume, in_lba, in_blocks};
                settled_ram[in_slot[SLOT_BITS-1:0]] <= 17'd0;
                used_reg[in_slot[SLOT_BITS-1:0]] <= 1'b1;
            end else if (in_good)
                held_reg[in_slot[SLOT_BITS-1:0]] <= 1'b0;
        end

        if (flush)
            flush_reg <= 1'b1;
        else if (status_dirty_count == 16'd0)
            flush_reg <= 1'b0;

        if (pace_reg != 16'd0)
            pace_reg <= pace_reg - 16'd1;

        if (drive_push && !take_drive)
            outstanding_reg <= outstanding_reg + 1'b1;
        else if (take_drive && !drive_push)
            outstanding_reg <= outstanding_reg - 1'b1;

        case (state_reg)
            STATE_RECOVER:
                if (dir_ready)
                    state_reg <= STATE_IDLE;

            STATE_IDLE: begin
                demand_reg <= 1'b0;
                dirty_reg <= 1'b0;
                index_reg <= 5'd0;
                stages_reg <= 5'd0;
                staging_reg <= 1'b0;
                hot_reg <= 1'b0;
                waiting_reg <= take_wait;
                if (take_drive) begin
                    place_reg <= drv_rsp_tag[SEGMENT_BITS-1:0];
                    error_reg <= drv_rsp_error;
                    owner_reg <= owner_ram[drv_rsp_tag[SEGMENT_BITS-1:0]];
                    state_reg <= STATE_DRIVE;
                end
                if (take_prompt) begin
                    answer_client_reg <= prompt[12];
                    answer_op_reg <= prompt[11:9];
                    answer_slot_reg <= prompt[8:0];
                    answer_error_reg <= prompt[13];
                    dirty_reg <= prompt[11:9] == CHUNK_RELEASE_DIRTY;
                    slot_reg <= prompt[SLOT_BITS-1:0];
                    record_reg <= record_ram[prompt[SLOT_BITS-1:0]];
                    for_reg <= FOR_RELEASE;
                    state_reg <= prompt[13] ? STATE_ANSWER : STATE_RECORD;
                end
                if (take_destage || take_flush) begin
                    scan_set_reg <= scan_set_reg + 1'b1;
                    pace_reg <= DESTAGE_PACE[15:0];
                    state_reg <= STATE_SCAN;
                end
                if (take_pass) begin
                    changed_reg <= 1'b0;
                    pass_reg <= hold ? 1 : wait_count;
                    pass_hold_reg <= hold;
                    pass_first_reg <= 1'b1;
                    turn_new_reg <= 1'b1;
                end
                if (take_wait || take_new) begin
                    if (take_wait)
                        pass_reg <= pass_reg - 1'b1;
                    else
                        turn_new_reg <= 1'b0;
                    slot_reg <= take_wait ? wait_slot : acquire_slot;
                    record_reg <= record_ram[take_wait ? wait_slot : acquire_slot];
                    for_reg <= FOR_TRY;
                    state_reg <= STATE_RECORD;
                end
            end

            STATE_RECORD: begin
                limit_reg <= count;
                settled_reg <= settled_ram[slot_reg];
                if (for_reg != FOR_RELEASE) begin
                    answer_client_reg <= record_client;
                    answer_op_reg <= record_synchronize ? CHUNK_SYNCHRONIZE : record_exclusive ? CHUNK_ACQUIRE_EXCLUSIVE : {2'd0, record_write};
                    answer_slot_reg <= {{(9-SLOT_BITS){1'b0}}, slot_reg};
                    answer_error_reg <= for_reg == FOR_FAILED;
                end
                case (for_reg)
                    FOR_TRY: state_reg <= STATE_TRY;
                    FOR_STAGED: state_reg <= STATE_ANSWER;
                    default: state_reg <= for_reg == FOR_FAILED && record_synchronize ? STATE_ANSWER : STATE_UNPIN_LOAD;
                endcase
            end

            STATE_TRY:
                state_reg <= STATE_TRY_RESULT;

            STATE_TRY_RESULT:
                if (dir_rsp_valid) begin
                    index_reg <= index_reg + 5'd1;
                    state_reg <= STATE_TRY;
                    if (try_good) begin
                        entry_ram[{slot_reg, index_reg}] <= {dir_rsp_status == ST_BLANK, dir_rsp_status == ST_FILL, dir_rsp_place};
                        list_wr_valid <= 1'b1;
                        list_wr_slot <= {{(9-SLOT_BITS){1'b0}}, slot_reg};
                        list_wr_index <= index_reg;
                        list_wr_line <= {{(12-SEGMENT_BITS){1'b0}}, dir_rsp_place, 8'd0};
                        if (dir_rsp_status == ST_FILL)
                            staging_reg <= 1'b1;
                    end
                    if (record_synchronize) begin
                        stages_reg <= stages_reg + {4'd0, clean_begun};
                        staging_reg <= clean_waits;
                        hot_reg <= clean_hot;
                        if (clean_begun || dir_rsp_status == ST_HIT)
                            settled_reg[index_reg] <= 1'b1;
                        if (clean_begun) begin
                            owner_ram[dir_rsp_place] <= {2'b11, slot_reg};
                            destaging_reg <= destaging_reg + 1'b1;
                        end
                        if (last) begin
                            settled_ram[slot_reg] <= settled_reg | {16'd0, clean_begun || dir_rsp_status == ST_HIT} << index_reg;
                            pending_ram[slot_reg] <= stages_reg + {4'd0, clean_begun};
                            failed_reg[slot_reg] <= 1'b0;
                        end
                    end
                    if (try_done) begin
                        stat_read_hit <= !record_synchronize && !record_write && !(staging_reg || dir_rsp_status == ST_FILL);
                        stat_read_miss <= !record_synchronize && !record_write && (staging_reg || dir_rsp_status == ST_FILL);
                        index_reg <= 5'd0;
                        if (waiting_reg && pass_first_reg)
                            tries_reg <= 8'd0;
                        pass_first_reg <= 1'b0;
                        state_reg <= record_synchronize ? (clean_owes ? STATE_IDLE : STATE_ANSWER)
                                     : record_write || staging_reg || dir_rsp_status == ST_FILL ? STATE_COMMIT_LOAD : STATE_ANSWER;
                    end
                    if (try_failed) begin
                        stat_backoff <= !record_synchronize;
                        limit_reg <= index_reg;
                        index_reg <= 5'd0;
                        demand_reg <= !record_synchronize;
                        demand_set_reg <= dir_rsp_set;
                        // one that only waits for the drive needs nobody held up
                        if (waiting_reg && pass_first_reg && !hold && (!record_synchronize || clean_hot))
                            tries_reg <= tries_reg + 8'd1;
                        pass_first_reg <= 1'b0;
                        state_reg <= record_synchronize ? STATE_IDLE : dir_rsp_status == ST_FULL ? STATE_SCAN : index_reg == 5'd0 ? STATE_IDLE : STATE_UNPIN_LOAD;
                    end
                end

            STATE_COMMIT_LOAD: begin
                entry_reg <= entry_ram[{slot_reg, index_reg}];
                state_reg <= STATE_COMMIT;
            end

            STATE_COMMIT: begin
                if (stage_now) begin
                    owner_ram[entry_place] <= {1'b0, record_write, slot_reg};
                    stages_reg <= stages_reg + 5'd1;
                end
                index_reg <= index_reg + 5'd1;
                if (last) begin
                    pending_ram[slot_reg] <= stages_reg + {4'd0, stage_now};
                    failed_reg[slot_reg] <= 1'b0;
                end
                state_reg <= STATE_COMMIT_RESULT;
                if (!dir_valid)
                    state_reg <= !last ? STATE_COMMIT_LOAD : staging_reg ? STATE_IDLE : STATE_ANSWER;
            end

            STATE_COMMIT_RESULT: begin
                entry_reg <= entry_ram[{slot_reg, index_reg}];
                if (dir_rsp_valid)
                    state_reg <= index_reg != count ? STATE_COMMIT : staging_reg ? STATE_IDLE : STATE_ANSWER;
            end

            STATE_UNPIN_LOAD: begin
                entry_reg <= entry_ram[{slot_reg, index_reg}];
                state_reg <= STATE_UNPIN;
            end

            STATE_UNPIN: begin
                index_reg <= index_reg + 5'd1;
                state_reg <= STATE_UNPIN_RESULT;
            end

            STATE_UNPIN_RESULT: begin
                entry_reg <= entry_ram[{slot_reg, index_reg}];
                if (dir_rsp_valid) begin
                    state_reg <= STATE_UNPIN;
                    if (index_reg == limit_reg) begin
                        // giving back what a failed try took changes nothing for the others
                        if (for_reg != FOR_TRY)
                            changed_reg <= 1'b1;
                        state_reg <= for_reg == FOR_TRY ? STATE_IDLE : STATE_ANSWER;
                    end
                end
            end

            STATE_DRIVE: begin
                slot_reg <= owner_slot;
                record_reg <= record_ram[owner_slot];
                changed_reg <= 1'b1;
                if (owner_destage) begin
                    destaging_reg <= destaging_reg - 1'b1;
                    stat_destaged <= !error_reg;
                    stat_destage_error <= error_reg;
                end else begin
                    stat_staged <= !error_reg;
                    stat_stage_error <= error_reg;
                end
                if (owner_waits) begin
                    pending_ram[owner_slot] <= pending_ram[owner_slot] - 5'd1;
                    if (error_reg)
                        failed_reg[owner_slot] <= 1'b1;
                end
                // SYNCHRONIZE looks once more: a segment may have been pinned, or another's destage under way
                for_reg <= error_reg || failed_reg[owner_slot] ? FOR_FAILED : owner_destage ? FOR_TRY : FOR_STAGED;
                state_reg <= STATE_DRIVE_RESULT;
                // a segment that could not be staged stays as it is until the chunk is let go of
                if (!dir_valid)
                    state_reg <= owner_last ? STATE_RECORD : STATE_IDLE;
                answer_due_reg <= owner_waits && owner_last;
            end

            STATE_DRIVE_RESULT:
                if (dir_rsp_valid)
                    state_reg <= answer_due_reg ? STATE_RECORD : STATE_IDLE;

            STATE_SCAN:
                state_reg <= STATE_SCAN_RESULT;

            STATE_SCAN_RESULT:
                if (dir_rsp_valid) begin
                    if (scan_found) begin
                        owner_ram[dir_rsp_place] <= {2'b10, {SLOT_BITS{1'b0}}};
                        destaging_reg <= destaging_reg + 1'b1;
                    end
                    state_reg <= demand_reg && limit_reg != 5'd0 ? STATE_UNPIN_LOAD : STATE_IDLE;
                end

            STATE_ANSWER:
                if (answer_go) begin
                    // an acquire that came good holds its slot (SYNCHRONIZE does not); everything else has ended, except a request refused at the door
                    if (for_reg == FOR_STAGED || (for_reg == FOR_TRY && !record_synchronize))
                        held_reg[slot_reg] <= 1'b1;
                    else if (for_reg != FOR_RELEASE || !answer_error_reg)
                        used_reg[slot_reg] <= 1'b0;
                    state_reg <= STATE_IDLE;
                end
        endcase

        if (rst) begin
            state_reg <= STATE_RECOVER;
            used_reg <= {SLOTS{1'b0}};
            held_reg <= {SLOTS{1'b0}};
            outstanding_reg <= 0;
            destaging_reg <= 0;
            pass_reg <= 0;
            changed_reg <= 1'b0;
            tries_reg <= 8'd0;
            pace_reg <= 16'd0;
            flush_reg <= 1'b0;
            list_wr_valid <= 1'b0;
        end
    end

endmodule
/* verilator lint_on PINCONNECTEMPTY */

`resetall
