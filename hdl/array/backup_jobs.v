// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Jobs of the backup engine: their commands, each checked and answered, their records and their queue. One job is under way at a time;
   its state, pointer and bitmap come from the engine and are copied into its record as they change. What only an order needs is looked
   at in the clocks of an order: it costs simulation time. */
module backup_jobs #(
    parameter PORTS = 1,    // 1 to 4
    parameter JOBS = 8,     // 1 to 8
    parameter VOLUMES = 4   // 1 to 16
) (
    input  wire                  clk,
    input  wire                  rst,

    // commands; the answer is a strobe, 0 = taken
    input  wire                  job_valid,
    output wire                  job_ready,
    input  wire [2:0]            job_command,
    input  wire [2:0]            job_number,
    input  wire [1:0]            job_kind,
    output reg                   job_answer,
    output reg  [7:0]            job_refused,
    input  wire [7:0]            cfg_volume,
    input  wire [23:0]           cfg_port_id,
    input  wire [15:0]           cfg_lun,
    input  wire [31:0]           cfg_lba,
    input  wire [7:0]            cfg_chunk,
    input  wire [31:0]           cfg_copy_pointer,
    input  wire [PORTS-1:0]      cfg_ports,
    input  wire                  cfg_part,
    input  wire [31:0]           cfg_first,
    input  wire [31:0]           cfg_end,
    input  wire                  copy_set,
    input  wire [VOLUMES*32-1:0] cfg_volume_blocks,
    input  wire [VOLUMES*2-1:0]  cfg_volume_flags,
    input  wire [PORTS*24-1:0]   my_id,
    input  wire [PORTS-1:0]      usable_ports,

    // all jobs
    output wire [JOBS*4-1:0]     job_state,

    // one word of a job while `read_valid` is high: 0 state, 1 pointer, 2 copy pointer, 3 error, 4 sense
    input  wire                  read_valid,
    input  wire [2:0]            read_number,
    input  wire [2:0]            read_word,
    output wire [31:0]           read_data,

    // the job that the copy manager follows, while `follow` is high
    input  wire                  follow,
    input  wire [2:0]            follow_number,
    output wire [31:0]           follow_pointer,
    output wire [15:0]           follow_error,
    output wire [23:0]           follow_sense,

    // job 0
    output wire [31:0]           first_pointer,
    output wire [31:0]           first_copy,
    output wire [15:0]           first_error,
    output wire [23:0]           first_sense,

    // the next job of the queue, the one under way
    output reg                   next_valid,
    input  wire                  take,
    output reg  [2:0]            current,
    output wire [1:0]            current_kind,
    output wire [7:0]            current_volume,
    output wire [23:0]           current_port_id,
    output wire [15:0]           current_lun,
    output wire [31:0]           current_lba,
    output wire [31:0]           current_first,
    output wire [7:0]            current_chunk,
    output wire [PORTS-1:0]      current_ports,
    output wire [31:0]           current_capacity,
    output wire [31:0]           current_copy,
    output wire [31:0]           current_pointer,
    output wire [63:0]           current_bitmap,
    output wire [5:0]            current_index,
    output wire                  pause,
    output wire                  abort,
    input  wire [3:0]            live_state,
    input  wire                  live_moved,     // strobe: pointer or bitmap has changed
    input  wire [31:0]           live_pointer,
    input  wire [63:0]           live_bitmap,
    input  wire [5:0]            live_index,
    input  wire                  end_valid,
    input  wire [3:0]            end_state,
    input  wire [15:0]           end_error,
    input  wire [23:0]           end_sense,

    // the record of a job as the store holds it, word 0 in bits 31:0
    input  wire                  record_read,
    input  wire [2:0]            record_number,
    output wire [16*32-1:0]      record,
    output reg  [JOBS-1:0]       touched,
    input  wire [JOBS-1:0]       settled
);

`include "array/backup_constants.vh"

    localparam VOLUME_BITS = VOLUMES > 1 ? $clog2(VOLUMES) : 1;

    initial begin
        if (PORTS < 1 || PORTS > 4) begin
            $display("%m: PORTS = %0d, must be 1 to 4", PORTS);
            $finish;
        end
        if (JOBS < 1 || JOBS > 8) begin
            $display("%m: JOBS = %0d, must be 1 to 8", JOBS);
            $finish;
        end
    end

    integer i;

    /* the records; tests read those that are public */
    reg [JOBS*4-1:0] state_reg;      // of the job under way: 0, as its state comes from the engine
    reg [JOBS*8-1:0] volume_reg;
    reg [JOBS*3-1:0] rank_reg;       // place in the queue
    reg [JOBS-1:0]   prepared_reg;
    reg [JOBS-1:0]   ignored_reg /*verilator public_flat_rd*/;    // a start came while the job was under way
    reg [1:0]        kind [0:JOBS-1];
    reg [23:0]       port_id [0:JOBS-1];
    reg [15:0]       lun [0:JOBS-1];
    reg [31:0]       lba [0:JOBS-1];
    reg [31:0]       first [0:JOBS-1];   // first block of the job: not 0 when it is of a part of the volume
    reg [JOBS-1:0]   part_reg;
    reg [7:0]        chunk [0:JOBS-1];
    reg [PORTS-1:0]  ports [0:JOBS-1];
    reg [31:0]       capacity [0:JOBS-1];
    reg [31:0]       copy [0:JOBS-1] /*verilator public_flat_rd*/;
    reg [31:0]       pointer [0:JOBS-1] /*verilator public_flat_rd*/;
    reg [63:0]       bitmap [0:JOBS-1];
    reg [5:0]        index [0:JOBS-1];   // chunk number of the pointer, modulo 64
    reg [15:0]       error [0:JOBS-1] /*verilator public_flat_rd*/;
    reg [23:0]       sense [0:JOBS-1] /*verilator public_flat_rd*/;
    reg              running_reg;
    reg [3:0]        queued_reg;
    reg [3:0]        seen_state_reg;

    wire [PORTS-1:0] all_ports = {PORTS{1'b1}};

    assign job_state = running_reg ? state_reg | {{JOBS*4-4{1'b0}}, live_state} << {current, 2'd0} : state_reg;
    assign first_pointer = pointer[0];
    assign first_copy = copy[0];
    assign first_error = error[0];
    assign first_sense = sense[0];

    assign read_data = !read_valid ? 32'd0
        : read_word == 3'd0 ? {28'd0, job_state[{read_number, 2'd0} +: 4]}
        : read_word == 3'd1 ? pointer[read_number]
        : read_word == 3'd2 ? copy[read_number]
        : read_word == 3'd3 ? {15'd0, ignored_reg[read_number], error[read_number]}
        : {8'd0, sense[read_number]};

    assign follow_pointer = follow ? pointer[follow_number] : 32'd0;
    assign follow_error = follow ? error[follow_number] : 16'd0;
    assign follow_sense = follow ? sense[follow_number] : 24'd0;

    assign current_kind = kind[current];
    assign current_volume = volume_reg[{current, 3'd0} +: 8];
    assign current_port_id = port_id[current];
    assign current_lun = lun[current];
    assign current_lba = lba[current];
    assign current_first = first[current];
    assign current_chunk = chunk[current];
    assign current_ports = ports[current] == {PORTS{1'b0}} ? all_ports : ports[current];
    assign current_capacity = capacity[current];
    assign current_copy = copy[current];
    assign current_pointer = pointer[current];
    assign current_bitmap = bitmap[current];
    assign current_index = index[current];

    assign record = !record_read ? {16*32{1'b0}} : {
        first[record_number], {8'd0, sense[record_number]}, bitmap[record_number], {{32-PORTS{1'b0}}, ports[record_number]},
        {24'd0, chunk[record_number]}, {30'd0, kind[record_number]}, {16'd0, error[record_number]}, lba[record_number],
        {16'd0, lun[record_number]}, {8'd0, port_id[record_number]}, capacity[record_number], copy[record_number], pointer[record_number],
        {24'd0, volume_reg[{record_number, 3'd0} +: 8]}, {28'd0, job_state[{record_number, 2'd0} +: 4]}
    };

    /* What is asked: of the registers when it is a new job, of the record otherwise. */
    wire        rewrites = job_command <= PREPARE;
    wire        known = {29'd0, job_number} < JOBS;
    wire        recorded = job_valid && !rewrites;
    wire [7:0]  blocks = recorded ? chunk[job_number] : cfg_chunk;
    wire [31:0] base = recorded ? lba[job_number] : cfg_lba;
    wire [23:0] device = recorded ? port_id[job_number] : cfg_port_id;
    wire [PORTS-1:0] mask = recorded ? ports[job_number] : cfg_ports;
    wire        part = recorded ? part_reg[job_number] : cfg_part;
    wire [31:0] part_first = recorded ? first[job_number] : cfg_first;
    wire [31:0] old_end = recorded ? capacity[job_number] : cfg_end;
    reg  [3:0]  state;
    reg         startable;
    reg  [7:0]  volume;
    reg  [31:0] job_first;
    reg  [31:0] job_end;
    reg  [7:0]  refused;

    always @* begin : check
        reg             is_self;
        reg             conflict;
        reg [31:0]      volume_blocks;
        reg             present;
        reg             resized;
        reg [31:0]      device_first;
        /* verilator lint_off UNUSEDSIGNAL */ // only the carry counts
        reg [32:0]      device_end;
        /* verilator lint_on UNUSEDSIGNAL */

        is_self = 1'b0;
        conflict = 1'b0;
        volume_blocks = 32'd0;
        present = 1'b0;
        resized = 1'b0;
        device_first = 32'd0;
        device_end = 33'd0;
        state = JOB_IDLE;
        startable = 1'b0;
        volume = 8'd0;
        job_first = 32'd0;
        job_end = 32'd0;
        refused = 8'd0;
        if (job_valid) begin
            state = job_state[{job_number, 2'd0} +: 4];
            startable = state == JOB_IDLE || state == JOB_DONE || state == JOB_FAILED || state == JOB_ABORTED || state == JOB_PREPARED;
            volume = rewrites ? cfg_volume : volume_reg[{job_number, 3'd0} +: 8];
            if ({24'd0, volume} < VOLUMES) begin
                volume_blocks = cfg_volume_blocks[32*volume[VOLUME_BITS-1:0] +: 32];
                present = cfg_volume_flags[2*volume[VOLUME_BITS-1:0]] && volume_blocks != 32'd0;
            end
            job_first = part ? part_first : 32'd0;
            job_end = part ? old_end : volume_blocks;
            resized = part ? job_end > volume_blocks || job_first >= job_end : job_command == RESUME && volume_blocks != old_end;
            device_first = base + job_first;   // the sum may pass 2**32 on purpose
            device_end = {1'b0, device_first} + {1'b0, job_end - job_first};

            for (i = 0; i < PORTS; i = i + 1)
                if (my_id[24*i +: 24] == device && device != 24'd0)
                    is_self = 1'b1;
            for (i = 0; i < JOBS; i = i + 1)
                if (job_number != i[2:0] && volume_reg[8*i +: 8] == volume)
                    case (job_state[4*i +: 4])
                        JOB_QUEUED, JOB_LOGIN, JOB_TRANSFER, JOB_LOGOUT, JOB_PAUSING: conflict = 1'b1;
                        default: ;
                    endcase

            if (!known)
                refused = REFUSED_STATE;
            else
                case (job_command)
                    PAUSE:
                        if (state != JOB_QUEUED && state != JOB_LOGIN && state != JOB_TRANSFER)
                            refused = REFUSED_STATE;
                    ABORT:
                        if (state == JOB_LOGOUT || startable && state != JOB_PREPARED)
                            refused = REFUSED_STATE;
                    default:
                        if (job_command == RESUME ? state != JOB_PAUSED : !startable || job_command == PREPARE && job_kind == 2'd3)
                            refused = REFUSED_STATE;
                        else if (job_command == START_PREPARED && !prepared_reg[job_number])
                            refused = REFUSED_NOTHING;
                        else if (!present || resized)
                            refused = REFUSED_VOLUME;
                        else if (blocks < 8'd8 || blocks > 8'd128 || blocks[2:0] != 3'd0)
                            refused = REFUSED_CHUNK;
                        else if (device_end[32])
                            refused = REFUSED_LBA;
                        else if (is_self)
                            refused = REFUSED_SELF;
                        else if (conflict && job_command != PREPARE)
                            refused = REFUSED_CONFLICT;
                        else if (((mask == {PORTS{1'b0}} ? all_ports : mask) & usable_ports) == {PORTS{1'b0}})
                            refused = REFUSED_PORTS;
                endcase
        end
    end

    /* A record is not rewritten before the store has what it was: a reader never sees the pointers of two jobs under a state of one. */
    assign job_ready = job_valid && !end_valid && !take
        && (!rewrites && job_command != START_PREPARED || !known || !startable || settled[job_number]);
    wire taken = job_ready && refused == 8'd0;
    wire is_current = running_reg && job_number == current;
    assign pause = taken && job_command == PAUSE && is_current;
    assign abort = taken && job_command == ABORT && is_current;

    wire leave = taken && state == JOB_QUEUED;   // paused or aborted before its turn

    reg [2:0] next_number;

    always @* begin
        next_valid = 1'b0;
        next_number = 3'd0;
        if (queued_reg != 4'd0)
            for (i = 0; i < JOBS; i = i + 1)
                if (state_reg[4*i +: 4] == JOB_QUEUED && rank_reg[3*i +: 3] == 3'd0) begin
                    next_valid = 1'b1;
                    next_number = i[2:0];
                end
    end

    /* The copy pointer written by the console belongs to the job under way, or to the one that is next. */
    wire [2:0]  copy_job = running_reg ? current : next_number;
    wire [31:0] copy_limit = copy_set ? capacity[copy_job] : 32'd0;
    wire [31:0] copy_now = cfg_copy_pointer < copy_limit ? cfg_copy_pointer : copy_limit;
    wire        copy_grows = copy_set && (running_reg || next_valid) && copy_now > copy[copy_job];
    wire live_moves = running_reg && (live_moved || live_state != seen_state_reg);

    always @(posedge clk) begin : work
        reg [3:0] queued;
        // as this clock finds it: Verilator then needs no second copy of the register
        queued = queued_reg;
        if (take || leave) begin : shift
            reg [JOBS*3-1:0] ranks;
            reg [2:0]        left;   // the rank that is free now
            ranks = rank_reg;
            left = take ? 3'd0 : rank_reg[3*job_number +: 3];
            for (i = 0; i < JOBS; i = i + 1)
                if (state_reg[4*i +: 4] == JOB_QUEUED && ranks[3*i +: 3] > left)
                    ranks[3*i +: 3] = ranks[3*i +: 3] - 3'd1;
            rank_reg <= ranks;
            queued_reg <= queued - 4'd1;
        end

        job_answer <= job_ready;
        touched <= {JOBS{1'b0}};
        if (live_moves) begin
            touched[current] <= 1'b1;
            pointer[current] <= live_pointer;
            bitmap[current] <= live_bitmap;
            index[current] <= live_index;
            seen_state_reg <= live_state;
        end
        if (copy_grows) begin
            touched[copy_job] <= 1'b1;
            copy[copy_job] <= copy_now;
        end

        if (take) begin
            touched[next_number] <= 1'b1;
            state_reg[{next_number, 2'd0} +: 4] <= 4'd0;
            current <= next_number;
            running_reg <= 1'b1;
            seen_state_reg <= JOB_LOGIN;
        end
        if (end_valid) begin
            touched[current] <= 1'b1;
            state_reg[{current, 2'd0} +: 4] <= end_state;
            error[current] <= end_error;
            sense[current] <= end_sense;
            running_reg <= 1'b0;
        end

        if (job_ready) begin
            job_refused <= refused;
            if (known && job_command <= START_VERIFY && refused == REFUSED_STATE)
                ignored_reg[job_number] <= 1'b1;
        end
        if (taken) begin : order
            reg is_new;     // of the registers
            reg begins;     // at its first block
            reg enqueues;
            is_new = job_command <= PREPARE;
            begins = is_new || job_command == START_PREPARED;
            enqueues = begins && job_command != PREPARE || job_command == RESUME;
            touched[job_number] <= 1'b1;
            if (is_new) begin
                kind[job_number] <= job_command == PREPARE ? job_kind : job_command[1:0];
                volume_reg[{job_number, 3'd0} +: 8] <= cfg_volume;
                port_id[job_number] <= cfg_port_id;
                lun[job_number] <= cfg_lun;
                lba[job_number] <= cfg_lba;
                part_reg[job_number] <= cfg_part;
                first[job_number] <= job_first;
                chunk[job_number] <= cfg_chunk;
                ports[job_number] <= cfg_ports;
                prepared_reg[job_number] <= job_command == PREPARE;
                state_reg[{job_number, 2'd0} +: 4] <= JOB_PREPARED;
            end
            if (begins) begin
                capacity[job_number] <= job_end;
                pointer[job_number] <= job_first;
                bitmap[job_number] <= 64'd0;
                index[job_number] <= 6'd0;
                copy[job_number] <= !is_new ? copy[job_number] < job_end ? copy[job_number] : job_end
                    : !cfg_part && cfg_copy_pointer < job_end ? cfg_copy_pointer : job_end;
                ignored_reg[job_number] <= 1'b0;
            end
            if (is_new || enqueues) begin
                error[job_number] <= 16'd0;
                sense[job_number] <= 24'd0;
            end
            if (enqueues) begin
                state_reg[{job_number, 2'd0} +: 4] <= JOB_QUEUED;
                rank_reg[3*job_number +: 3] <= queued[2:0];
                queued_reg <= queued + 4'd1;
            end
            if (!is_current && job_command == PAUSE)
                state_reg[{job_number, 2'd0} +: 4] <= JOB_PAUSED;
            if (!is_current && job_command == ABORT) begin
                state_reg[{job_number, 2'd0} +: 4] <= JOB_ABORTED;
                if (state == JOB_PREPARED)
                    prepared_reg[job_number] <= 1'b0;
            end
        end
        if (rst) begin
            state_reg <= {JOBS{JOB_IDLE}};
            rank_reg <= {JOBS*3{1'b0}};
            prepared_reg <= {JOBS{1'b0}};
            part_reg <= {JOBS{1'b0}};
            ignored_reg <= {JOBS{1'b0}};
            queued_reg <= 4'd0;
            running_reg <= 1'b0;
            current <= 3'd0;
            job_answer <= 1'b0;
            touched <= {JOBS{1'b0}};
            for (i = 0; i < JOBS; i = i + 1) begin
                copy[i] <= 32'd0;
                first[i] <= 32'd0;
                pointer[i] <= 32'd0;
                bitmap[i] <= 64'd0;
                error[i] <= 16'd0;
                sense[i] <= 24'd0;
            end
        end
    end

    initial begin
        state_reg = {JOBS{JOB_IDLE}};
        volume_reg = {JOBS*8{1'b0}};
        rank_reg = {JOBS*3{1'b0}};
        prepared_reg = {JOBS{1'b0}};
        part_reg = {JOBS{1'b0}};
        ignored_reg = {JOBS{1'b0}};
        queued_reg = 4'd0;
        running_reg = 1'b0;
        current = 3'd0;
        seen_state_reg = JOB_IDLE;
        job_answer = 1'b0;
        job_refused = 8'd0;
        touched = {JOBS{1'b0}};
        for (i = 0; i < JOBS; i = i + 1) begin
            kind[i] = 2'd0;
            port_id[i] = 24'd0;
            lun[i] = 16'd0;
            lba[i] = 32'd0;
            first[i] = 32'd0;
            chunk[i] = 8'd0;
            ports[i] = {PORTS{1'b0}};
            capacity[i] = 32'd0;
            copy[i] = 32'd0;
            pointer[i] = 32'd0;
            bitmap[i] = 64'd0;
            index[i] = 6'd0;
            error[i] = 16'd0;
            sense[i] = 24'd0;
        end
    end

endmodule

`resetall
