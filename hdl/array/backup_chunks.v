// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Moves the chunks of one job between cache and device, up to BACKUP_SLOTS at once, over the ports it is given. Chunks end in any order:
   the pointer is the end of those that are good without a gap, and a bitmap holds those beyond it, at most WINDOW chunks. */
module backup_chunks #(
    parameter TASKS = 32,        // 1 to 256: slot k uses segment list slot TASKS + k
    parameter BACKUP_SLOTS = 4,  // 1 to 16
    parameter PORTS = 1,         // 1 to 4
    parameter PORT_BITS = 1,     // width of a port number
    parameter RETRIES = 3,       // times a failed chunk is tried again, 0 to 15
    parameter RETRY_TICKS = 64   // ticks before it is, 1 to 255
) (
    input  wire                 clk,
    input  wire                 rst,
    input  wire                 tick,

    // the job; it begins, or goes on, at `begin_*` with the strobe `load`
    input  wire                 load,
    input  wire [1:0]           kind,
    input  wire [31:0]          lba,
    input  wire [7:0]           chunk,
    input  wire [31:0]          capacity,
    input  wire [31:0]          copy,
    input  wire [31:0]          begin_pointer,
    input  wire [63:0]          begin_bitmap,
    input  wire [5:0]           begin_index,
    input  wire                 run,           // the operations on the port are this module's
    input  wire                 stop,          // no new chunks; what is under way is drained
    input  wire [PORTS-1:0]     place,         // ports for what goes out now
    input  wire [PORTS-1:0]     login_set,     // strobes: the device is logged in on the port

    // where it stands
    output reg  [31:0]          pointer,
    output reg  [63:0]          bitmap,        // bit n mod 64: chunk n, beyond the pointer, is good
    output reg  [5:0]           index,         // chunk number of the pointer, modulo 64
    output reg                  moved,         // strobe: pointer or bitmap has changed
    output wire                 idle,
    output reg                  failed,        // a chunk was given up: nothing new begins
    output reg  [15:0]          error,
    output reg  [23:0]          sense,
    output reg  [PORTS-1:0]     used,          // ports that have been logged in
    output wire [PORTS-1:0]     at_port,       // something is under way there
    output reg                  stat_chunk,
    output reg                  stat_retry,

    // chunk service; the volume goes beside it
    output reg                  chunk_valid,
    input  wire                 chunk_ready,
    output reg  [2:0]           chunk_op,
    output reg  [8:0]           chunk_slot,
    output reg  [31:0]          chunk_lba,
    output reg  [7:0]           chunk_blocks,
    input  wire                 chunk_rsp_valid,
    input  wire [2:0]           chunk_rsp_op,
    /* verilator lint_off UNUSEDSIGNAL */ // only slots of this engine are answered here
    input  wire [8:0]           chunk_rsp_slot,
    /* verilator lint_on UNUSEDSIGNAL */
    input  wire                 chunk_rsp_error,

    // transfer instruction and its completion
    output reg                  ti_valid,
    input  wire                 ti_ready,
    output reg  [3:0]           ti_op,
    output reg  [PORT_BITS-1:0] ti_port,
    output reg  [8:0]           ti_slot,
    output reg  [11:0]          ti_offset,
    output reg  [16:0]          ti_length,
    output reg  [31:0]          ti_lba,
    input  wire                 done_valid,
    input  wire [3:0]           done_op,
    /* verilator lint_off UNUSEDSIGNAL */
    input  wire [8:0]           done_slot,
    /* verilator lint_on UNUSEDSIGNAL */
    input  wire [7:0]           done_status,
    input  wire [7:0]           done_scsi_status,
    input  wire [23:0]          done_sense
);

`include "array/backup_constants.vh"

    /* states of a slot; it holds cache segments from PINNED to RELEASING */
    localparam [3:0] SLOT_FREE = 4'd0;
    localparam [3:0] SLOT_ACQUIRE = 4'd1;     // to be asked of the cache
    localparam [3:0] SLOT_ACQUIRING = 4'd2;
    localparam [3:0] SLOT_PINNED = 4'd3;      // to be asked of a port
    localparam [3:0] SLOT_LOGGING_IN = 4'd4;  // the device is logged in on the port first
    localparam [3:0] SLOT_TRANSFER = 4'd5;
    localparam [3:0] SLOT_RELEASE = 4'd6;     // to be given back
    localparam [3:0] SLOT_RELEASING = 4'd7;
    localparam [3:0] SLOT_WAIT_CACHE = 4'd8;  // retry delay, then ACQUIRE
    localparam [3:0] SLOT_WAIT_PORT = 4'd9;   // retry delay, then PINNED

    localparam [2:0] ACQUIRE_READ = 3'd0;
    localparam [2:0] ACQUIRE_WRITE = 3'd1;
    localparam [2:0] RELEASE = 3'd2;
    localparam [2:0] RELEASE_DIRTY = 3'd3;
    localparam [2:0] RELEASE_DISCARD = 3'd4;

    localparam [3:0] MISCOMPARE = 4'hE; // sense key

    localparam SLOT_BITS = BACKUP_SLOTS > 1 ? $clog2(BACKUP_SLOTS) : 1;
    localparam [6:0] WINDOW = 7'd64;
    localparam FIRST = TASKS;
    localparam [8:0] FIRST_SLOT = FIRST[8:0];
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

    /* the slots; in the wide registers slot k has the k-th field */
    reg [BACKUP_SLOTS*4-1:0]         slot_state;
    reg [BACKUP_SLOTS*4-1:0]         slot_tries;
    reg [BACKUP_SLOTS*8-1:0]         slot_wait;
    reg [BACKUP_SLOTS-1:0]           slot_good;
    reg [BACKUP_SLOTS*PORT_BITS-1:0] slot_port;
    reg [BACKUP_SLOTS*PORTS-1:0]     slot_avoid;   // the port it failed on last
    reg [31:0]          slot_lba [0:BACKUP_SLOTS-1];
    reg [7:0]           slot_blocks [0:BACKUP_SLOTS-1];
    reg [5:0]           slot_index [0:BACKUP_SLOTS-1];  // chunk number modulo 64
    reg [BACKUP_SLOTS-1:0] busy_reg;                    // slots that are not free
    reg [SLOT_BITS-1:0]    scan_reg;                    // the slot looked at in this clock

    /* the ports */
    reg [PORTS-1:0]     in_reg;       // the device is logged in
    reg [PORTS-1:0]     asking_reg;   // a slot has asked for that
    reg [PORTS*5-1:0]   count_reg;    // operations under way
    reg [PORT_BITS-1:0] last_reg;     // the port given to the chunk before

    /* the next chunk */
    reg [31:0] next_reg;              // first block no chunk has been made of
    reg [5:0]  next_index_reg;
    reg [6:0]  ahead_reg;             // chunks from the pointer to there

    wire        stopping = stop || failed;
    wire        counts = run && ahead_reg != 7'd0 && bitmap[index];    // the pointer moves on

    assign idle = busy_reg == {BACKUP_SLOTS{1'b0}} && !counts;

    wire [3:0]  scanned = slot_state[4*scan_reg +: 4];
    wire        chunk_free = !chunk_valid || chunk_ready;
    wire        ti_free = !ti_valid || ti_ready;
    wire        restore = kind == KIND_RESTORE;

    /* Can a chunk be made of the next blocks? Looked at only when there is a slot for it, or when it is saved already. */
    wire        wanted = run && (bitmap[next_index_reg]
                    || scanned == SLOT_FREE && !stopping && place != {PORTS{1'b0}});
    reg  [7:0]  next_blocks;
    reg         next_exists;

    always @* begin : look_ahead
        reg [31:0] left;
        left = 32'd0;
        next_blocks = 8'd0;
        next_exists = 1'b0;
        if (wanted) begin
            left = capacity - next_reg;
            next_blocks = left < {24'd0, chunk} ? left[7:0] : chunk;
            next_exists = next_reg != capacity && {24'd0, next_blocks} <= copy - next_reg && ahead_reg != WINDOW;
        end
    end

    /* The port of the next operation: where fewest are under way, in turn among equals; not where a login is awaited, and not where this
       chunk has failed if there is another. */
    wire        pinned = run && scanned == SLOT_PINNED && !stopping && ti_free;
    reg         sends;
    reg  [PORT_BITS-1:0] pick;

    always @* begin : choose
        reg [PORTS-1:0]     choice;
        reg [4:0]           pick_count;
        reg [PORT_BITS-1:0] turn;
        choice = {PORTS{1'b0}};
        pick_count = 5'd31;
        turn = last_reg;
        pick = last_reg;
        sends = 1'b0;
        if (pinned) begin
            choice = place & ~asking_reg & ~slot_avoid[PORTS*scan_reg +: PORTS];
            if (choice == {PORTS{1'b0}})
                choice = place & ~asking_reg;
            sends = choice != {PORTS{1'b0}};
            for (i = 0; i < PORTS; i = i + 1) begin
                turn = {{32-PORT_BITS{1'b0}}, turn} == PORTS - 1 ? {PORT_BITS{1'b0}} : turn + 1'b1;
                if (choice[turn] && count_reg[5*turn +: 5] < pick_count) begin
                    pick = turn;
                    pick_count = count_reg[5*turn +: 5];
                end
            end
        end
    end

    genvar g;
    generate
        for (g = 0; g < PORTS; g = g + 1) begin : ports
            assign at_port[g] = count_reg[5*g +: 5] != 5'd0;
        end
    endgenerate

    always @(posedge clk) begin : step
        reg [BACKUP_SLOTS*8-1:0] waits;
        // as this clock finds it: Verilator then needs no second copy of the register
        waits = slot_wait;
        stat_chunk <= 1'b0;
        stat_retry <= 1'b0;
        moved <= 1'b0;
        if (chunk_ready)
            chunk_valid <= 1'b0;
        if (ti_ready)
            ti_valid <= 1'b0;

        if (tick && waits != {BACKUP_SLOTS{8'd0}})
            for (i = 0; i < BACKUP_SLOTS; i = i + 1)
                if (waits[8*i +: 8] != 8'd0)
                    slot_wait[8*i +: 8] <= waits[8*i +: 8] - 8'd1;

        if (run) begin : work
            reg [31:0]              low_left;
            reg [SLOT_BITS-1:0]     at;         // the slot that is answered
            reg [BACKUP_SLOTS*4-1:0] states;
            reg [BACKUP_SLOTS*4-1:0] tries;
            reg [BACKUP_SLOTS-1:0]   good;
            reg [BACKUP_SLOTS*PORT_BITS-1:0] given;
            reg [BACKUP_SLOTS-1:0]  busy;
            reg [PORT_BITS-1:0]     from;       // the port that answers
            reg [PORTS-1:0]         sent;
            reg [PORTS-1:0]         ended;
            reg                     differs;

            states = slot_state;
            tries = slot_tries;
            good = slot_good;
            given = slot_port;
            busy = busy_reg;
            sent = {PORTS{1'b0}};
            ended = {PORTS{1'b0}};

            case (scanned)
                SLOT_FREE:
                    if (next_exists && !bitmap[next_index_reg]) begin
                        states[4*scan_reg +: 4] = SLOT_ACQUIRE;
                        busy[scan_reg] = 1'b1;
                        slot_lba[scan_reg] <= next_reg;
                        slot_blocks[scan_reg] <= next_blocks;
                        slot_index[scan_reg] <= next_index_reg;
                        slot_tries[4*scan_reg +: 4] <= 4'd0;
                        slot_good[scan_reg] <= 1'b0;
                        slot_avoid[PORTS*scan_reg +: PORTS] <= {PORTS{1'b0}};
                    end
                SLOT_ACQUIRE, SLOT_WAIT_CACHE:
                    if (stopping) begin
                        states[4*scan_reg +: 4] = SLOT_FREE;
                        busy[scan_reg] = 1'b0;
                    end else if (scanned == SLOT_WAIT_CACHE) begin
                        if (waits[8*scan_reg +: 8] == 8'd0)
                            states[4*scan_reg +: 4] = SLOT_ACQUIRE;
                    end else if (chunk_free) begin
                        chunk_valid <= 1'b1;
                        chunk_op <= restore ? ACQUIRE_WRITE : ACQUIRE_READ;
                        chunk_slot <= FIRST_SLOT + {{9-SLOT_BITS{1'b0}}, scan_reg};
                        chunk_lba <= slot_lba[scan_reg];
                        chunk_blocks <= slot_blocks[scan_reg];
                        states[4*scan_reg +: 4] = SLOT_ACQUIRING;
                    end
                SLOT_PINNED:
                    if (stopping)
                        states[4*scan_reg +: 4] = SLOT_RELEASE;
                    else if (sends) begin
                        ti_valid <= 1'b1;
                        ti_port <= pick;
                        ti_slot <= FIRST_SLOT + {{9-SLOT_BITS{1'b0}}, scan_reg};
                        ti_offset <= {slot_lba[scan_reg][2:0], 9'd0};
                        ti_length <= in_reg[pick] ? {slot_blocks[scan_reg], 9'd0} : 17'd0;
                        ti_lba <= lba + slot_lba[scan_reg];
                        ti_op <= !in_reg[pick] ? TI_LOGIN : restore ? TI_READ : kind == KIND_VERIFY ? TI_VERIFY : TI_WRITE;
                        slot_port[PORT_BITS*scan_reg +: PORT_BITS] <= pick;
                        last_reg <= pick;
                        states[4*scan_reg +: 4] = in_reg[pick] ? SLOT_TRANSFER : SLOT_LOGGING_IN;
                        if (!in_reg[pick])
                            asking_reg[pick] <= 1'b1;
                        sent[pick] = 1'b1;
                    end
                SLOT_RELEASE:
                    if (chunk_free) begin
                        chunk_valid <= 1'b1;
                        chunk_op <= !restore ? RELEASE : good[scan_reg] ? RELEASE_DIRTY : RELEASE_DISCARD;
                        chunk_slot <= FIRST_SLOT + {{9-SLOT_BITS{1'b0}}, scan_reg};
                        chunk_lba <= slot_lba[scan_reg];
                        chunk_blocks <= slot_blocks[scan_reg];
                        states[4*scan_reg +: 4] = SLOT_RELEASING;
                    end
                SLOT_WAIT_PORT:
                    if (stopping)
                        states[4*scan_reg +: 4] = SLOT_RELEASE;
                    else if (waits[8*scan_reg +: 8] == 8'd0)
                        states[4*scan_reg +: 4] = SLOT_PINNED;
                default: ;
            endcase

            /* pointer and next chunk */
            if (counts) begin
                low_left = capacity - pointer;
                pointer <= pointer + (low_left < {24'd0, chunk} ? low_left : {24'd0, chunk});
                bitmap[index] <= 1'b0;
                index <= index + 6'd1;
                moved <= 1'b1;
                stat_chunk <= 1'b1;
            end
            if (next_exists) begin
                next_reg <= next_reg + {24'd0, next_blocks};
                next_index_reg <= next_index_reg + 6'd1;
            end
            if (next_exists != counts)
                ahead_reg <= next_exists ? ahead_reg + 7'd1 : ahead_reg - 7'd1;

            if (chunk_rsp_valid) begin
                at = chunk_rsp_slot[SLOT_BITS-1:0] - FIRST_SLOT[SLOT_BITS-1:0];
                if (chunk_rsp_op != ACQUIRE_READ && chunk_rsp_op != ACQUIRE_WRITE) begin
                    states[4*at +: 4] = SLOT_FREE;
                    busy[at] = 1'b0;
                    if (good[at]) begin
                        bitmap[slot_index[at]] <= 1'b1;
                        moved <= 1'b1;
                    end
                end else if (!chunk_rsp_error)
                    states[4*at +: 4] = SLOT_PINNED;
                else if (tries[4*at +: 4] != TRIES) begin
                    slot_tries[4*at +: 4] <= tries[4*at +: 4] + 4'd1;
                    slot_wait[8*at +: 8] <= DELAY;
                    states[4*at +: 4] = SLOT_WAIT_CACHE;
                    stat_retry <= 1'b1;
                end else begin
                    states[4*at +: 4] = SLOT_FREE;
                    busy[at] = 1'b0;
                    if (!stopping) begin
                        failed <= 1'b1;
                        error <= {8'd0, ERROR_CACHE};
                        sense <= 24'd0;
                    end
                end
            end

            if (done_valid) begin
                at = done_slot[SLOT_BITS-1:0] - FIRST_SLOT[SLOT_BITS-1:0];
                from = given[PORT_BITS*at +: PORT_BITS];
                ended[from] = 1'b1;
                if (done_op == TI_LOGIN)
                    asking_reg[from] <= 1'b0;
                if (done_status == 8'd0 && done_op == TI_LOGIN) begin
                    in_reg[from] <= 1'b1;
                    used[from] <= 1'b1;
                    states[4*at +: 4] = SLOT_PINNED;
                end else if (done_status == 8'd0) begin
                    slot_good[at] <= 1'b1;
                    states[4*at +: 4] = SLOT_RELEASE;
                end else begin
                    differs = kind == KIND_VERIFY && done_status == 8'd4 && done_scsi_status == 8'd2 && done_sense[19:16] == MISCOMPARE;
                    if (done_status == 8'd6 || done_status == 8'd7 || done_op == TI_LOGIN)
                        in_reg[from] <= 1'b0;   // the login is lost
                    slot_avoid[PORTS*at +: PORTS] <= ended;
                    if (tries[4*at +: 4] != TRIES && !stopping && !differs) begin
                        slot_tries[4*at +: 4] <= tries[4*at +: 4] + 4'd1;
                        slot_wait[8*at +: 8] <= DELAY;
                        states[4*at +: 4] = SLOT_WAIT_PORT;
                        stat_retry <= 1'b1;
                    end else begin
                        states[4*at +: 4] = SLOT_RELEASE;
                        if (!stopping) begin
                            failed <= 1'b1;
                            error <= {done_scsi_status, done_status};
                            sense <= done_sense;
                        end
                    end
                end
            end

            for (i = 0; i < PORTS; i = i + 1)
                if (sent[i] != ended[i])
                    count_reg[5*i +: 5] <= sent[i] ? count_reg[5*i +: 5] + 5'd1 : count_reg[5*i +: 5] - 5'd1;

            slot_state <= states;
            busy_reg <= busy;
            scan_reg <= scan_reg == LAST ? {SLOT_BITS{1'b0}} : scan_reg + 1'b1;
        end

        for (i = 0; i < PORTS; i = i + 1)
            if (login_set[i]) begin
                in_reg[i] <= 1'b1;
                used[i] <= 1'b1;
            end

        if (load) begin
            pointer <= begin_pointer;
            bitmap <= begin_bitmap;
            index <= begin_index;
            next_reg <= begin_pointer;
            next_index_reg <= begin_index;
            ahead_reg <= 7'd0;
            failed <= 1'b0;
            error <= 16'd0;
            sense <= 24'd0;
            in_reg <= {PORTS{1'b0}};
            used <= {PORTS{1'b0}};
        end

        if (rst) begin
            chunk_valid <= 1'b0;
            ti_valid <= 1'b0;
            stat_chunk <= 1'b0;
            stat_retry <= 1'b0;
            failed <= 1'b0;
            busy_reg <= {BACKUP_SLOTS{1'b0}};
            asking_reg <= {PORTS{1'b0}};
            count_reg <= {PORTS*5{1'b0}};
            last_reg <= {PORT_BITS{1'b0}};
            slot_state <= {BACKUP_SLOTS{SLOT_FREE}};
            moved <= 1'b0;
        end
    end

    initial begin
        pointer = 32'd0;
        bitmap = 64'd0;
        index = 6'd0;
        failed = 1'b0;
        error = 16'd0;
        sense = 24'd0;
        used = {PORTS{1'b0}};
        moved = 1'b0;
        slot_state = {BACKUP_SLOTS{SLOT_FREE}};
        slot_tries = {BACKUP_SLOTS{4'd0}};
        slot_wait = {BACKUP_SLOTS{8'd0}};
        slot_good = {BACKUP_SLOTS{1'b0}};
        slot_port = {BACKUP_SLOTS*PORT_BITS{1'b0}};
        slot_avoid = {BACKUP_SLOTS*PORTS{1'b0}};
        stat_chunk = 1'b0;
        stat_retry = 1'b0;
        chunk_valid = 1'b0;
        chunk_op = 3'd0;
        chunk_slot = 9'd0;
        chunk_lba = 32'd0;
        chunk_blocks = 8'd0;
        ti_valid = 1'b0;
        ti_op = 4'd0;
        ti_port = {PORT_BITS{1'b0}};
        ti_slot = 9'd0;
        ti_offset = 12'd0;
        ti_length = 17'd0;
        ti_lba = 32'd0;
        busy_reg = {BACKUP_SLOTS{1'b0}};
        scan_reg = {SLOT_BITS{1'b0}};
        in_reg = {PORTS{1'b0}};
        asking_reg = {PORTS{1'b0}};
        count_reg = {PORTS*5{1'b0}};
        last_reg = {PORT_BITS{1'b0}};
        next_reg = 32'd0;
        next_index_reg = 6'd0;
        ahead_reg = 7'd0;
        for (i = 0; i < BACKUP_SLOTS; i = i + 1) begin
            slot_lba[i] = 32'd0;
            slot_blocks[i] = 8'd0;
            slot_index[i] = 6'd0;
        end
    end

endmodule

`resetall
