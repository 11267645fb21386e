// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Jobs of the backup engine: their commands, each checked and answered, their records and their queue. One job is under way at a time;
   its state, pointer and bitmap come from the engine and are copied into its record as they change. */
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
    output wire [JOBS*32-1:0]    job_pointer,
    output wire [JOBS*32-1:0]    job_copy,
    output wire [JOBS*32-1:0]    job_error,
    output wire [JOBS*32-1:0]    job_sense,

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

    /* the records */
    reg [JOBS*4-1:0] state_reg;
    reg [JOBS*8-1:0] volume_reg;
    reg [JOBS*3-1:0] rank_reg;       // place in the queue
    reg [JOBS-1:0]   prepared_reg;
    reg [JOBS-1:0]   ignored_reg;    // a start came while the job was under way
    reg [1:0]        kind [0:JOBS-1];
    reg [23:0]       port_id [0:JOBS-1];
    reg [15:0]       lun [0:JOBS-1];
    reg [31:0]       lba [0:JOBS-1];
    reg [31:0]       first [0:JOBS-1];   // first block of the job: not 0 when it is of a part of the volume
    reg [JOBS-1:0]   part_reg;
    reg [7:0]        chunk [0:JOBS-1];
    reg [PORTS-1:0]  ports [0:JOBS-1];
    reg [31:0]       capacity [0:JOBS-1];
    reg [31:0]       copy [0:JOBS-1];
    reg [31:0]       pointer [0:JOBS-1];
    reg [63:0]       bitmap [0:JOBS-1];
    reg [5:0]        index [0:JOBS-1];   // chunk number of the pointer, modulo 64
    reg [15:0]       error [0:JOBS-1];
    reg [23:0]       sense [0:JOBS-1];
    reg              running_reg;
    reg [3:0]        queued_reg;
    reg [3:0]        seen_state_reg;

    wire [PORTS-1:0] all_ports = {PORTS{1'b1}};

    genvar g;
    generate
        for (g = 0; g < JOBS; g = g + 1) begin : jobs
            assign job_state[4*g +: 4] = running_reg && current == g ? live_state : state_reg[4*g +: 4];
            assign job_pointer[32*g +: 32] = pointer[g];
            assign job_copy[32*g +: 32] = copy[g];
            assign job_error[32*g +: 32] = {15'd0, ignored_reg[g], error[g]};
            assign job_sense[32*g +: 32] = {8'd0, sense[g]};
        end
    endgenerate

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
    wire [3:0]  state = job_state[{job_number, 2'd0} +: 4];
    wire [7:0]  volume = rewrites ? cfg_volume : volume_reg[{job_number, 3'd0} +: 8];
    wire [7:0]  blocks = rewrites ? cfg_chunk : chunk[job_number];
    wire [31:0] base = rewrites ? cfg_lba : lba[job_number];
    wire        part = rewrites ? cfg_part : part_reg[job_number];
    wire [31:0] job_first = !part ? 32'd0 : rewrites ? cfg_first : first[job_number];
    wire [23:0] device = rewrites ? cfg_port_id : port_id[job_number];
    wire [PORTS-1:0] mask = rewrites ? cfg_ports : ports[job_number];

    wire [VOLUME_BITS+4:0] volume_bit = {volume[VOLUME_BITS-1:0], 5'd0};
    wire [VOLUME_BITS:0]   flag_bit = {volume[VOLUME_BITS-1:0], 1'b0};
    wire        volume_known = {24'd0, volume} < VOLUMES;
    wire [31:0] volume_blocks = volume_known ? cfg_volume_blocks[volume_bit +: 32] : 32'd0;
    wire        volume_present = volume_known && cfg_volume_flags[flag_bit] && volume_blocks != 32'd0;
    wire [31:0] job_end = !part ? volume_blocks : rewrites ? cfg_end : capacity[job_number];
    wire        resized = part ? job_end > volume_blocks || job_first >= job_end : job_command == RESUME && volume_blocks != capacity[job_number];
    wire [31:0] device_first = base + job_first;   // the sum may pass 2**32 on purpose
    wire        chunk_legal = blocks >= 8'd8 && blocks <= 8'd128 && blocks[2:0] == 3'd0;
    /* verilator lint_off UNUSEDSIGNAL */ // only the carry counts
    wire [32:0] device_end = {1'b0, device_first} + {1'b0, job_end - job_first};
    /* verilator lint_on UNUSEDSIGNAL */
    wire        no_port = ((mask == {PORTS{1'b0}} ? all_ports : mask) & usable_ports) == {PORTS{1'b0}};
    wire        startable = state == JOB_IDLE || state == JOB_DONE || state == JOB_FAILED || state == JOB_ABORTED || state == JOB_PREPARED;

    reg is_self;
    reg conflict;
    reg [7:0] refused;

    always @* begin
        is_self = 1'b0;
        conflict = 1'b0;
        refused = 8'd0;
        if (job_valid) begin   // looked at in these clocks only: it costs simulation time
            for (i = 0; i < PORTS; i = i + 1)
                if (my_id[24*i +: 24] == device && device != 24'd0)
                    is_self = 1'b1;
            for (i = 0; i < JOBS; i = i + 1)
                if (job_number != i[2:0] && volume_reg[8*i +: 8] == volume)
                    case (job_state[4*i +: 4])
                        JOB_QUEUED, JOB_LOGIN, JOB_TRANSFER, JOB_LOGOUT, JOB_PAUSING: conflict = 1'b1;
                        default: ;
                    endcase
        end
        if (!job_valid)
            ;
        else if (!known)
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
                    else if (!volume_present || resized)
                        refused = REFUSED_VOLUME;
                    else if (!chunk_legal)
                        refused = REFUSED_CHUNK;
                    else if (device_end[32])
                        refused = REFUSED_LBA;
                    else if (is_self)
                        refused = REFUSED_SELF;
                    else if (conflict && job_command != PREPARE)
                        refused = REFUSED_CONFLICT;
                    else if (no_port)
                        refused = REFUSED_PORTS;
            endcase
    end

    /* A record is not rewritten before the store has what it was: a reader never sees the pointers of two jobs under a state of one. */
    assign job_ready = !end_valid && !take && (!rewrites && job_command != START_PREPARED || !known || !startable || settled[job_number]);
    wire command = job_valid && job_ready;
    wire taken = command && refused == 8'd0;
    wire is_current = running_reg && job_number == current;
    assign pause = taken && job_command == PAUSE && is_current;
    assign abort = taken && job_command == ABORT && is_current;
    wire enqueue = taken && job_command != PREPARE && job_command != PAUSE && job_command != ABORT;
    wire leave = taken && state == JOB_QUEUED;   // paused or aborted before its turn
    wire [2:0] leaving_rank = take ? 3'd0 : rank_reg[3*job_number +: 3];

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
    wire [31:0] copy_now = cfg_copy_pointer < capacity[copy_job] ? cfg_copy_pointer : capacity[copy_job];
    wire        copy_grows = copy_set && (running_reg || next_valid) && copy_now > copy[copy_job];
    wire        live_moves = running_reg && (live_state != seen_state_reg || live_pointer != pointer[current] || live_bitmap != bitmap[current]);

    always @(posedge clk) begin
        job_answer <= command;
        job_refused <= refused;
        touched <= {JOBS{1'b0}};

        if (running_reg) begin
            pointer[current] <= live_pointer;
            bitmap[current] <= live_bitmap;
            index[current] <= live_index;
            seen_state_reg <= live_state;
        end
        if (copy_grows)
            copy[copy_job] <= copy_now;

        if (taken || take || live_moves || end_valid || copy_grows)
            for (i = 0; i < JOBS; i = i + 1) begin
                if ((take || leave) && state_reg[4*i +: 4] == JOB_QUEUED && rank_reg[3*i +: 3] > leaving_rank)
                    rank_reg[3*i +: 3] <= rank_reg[3*i +: 3] - 3'd1;
                if (taken && job_number == i[2:0] || (take || live_moves || end_valid) && (take ? next_number : current) == i[2:0]
                    || copy_grows && copy_job == i[2:0])
                    touched[i] <= 1'b1;
            end

        if (take) begin
            current <= next_number;
            running_reg <= 1'b1;
            seen_state_reg <= JOB_LOGIN;
            state_reg[{next_number, 2'd0} +: 4] <= JOB_LOGIN;
            queued_reg <= queued_reg - 4'd1;
        end
        if (end_valid) begin
            running_reg <= 1'b0;
            state_reg[{current, 2'd0} +: 4] <= end_state;
            error[current] <= end_error;
            sense[current] <= end_sense;
        end
        if (command && known && job_command <= START_VERIFY && refused == REFUSED_STATE)
            ignored_reg[job_number] <= 1'b1;
        if (taken) begin
            if (rewrites) begin
                kind[job_number] <= job_command == PREPARE ? job_kind : job_command[1:0];
                volume_reg[{job_number, 3'd0} +: 8] <= cfg_volume;
                port_id[job_number] <= cfg_port_id;
                lun[job_number] <= cfg_lun;
                lba[job_number] <= cfg_lba;
                part_reg[job_number] <= cfg_part;
                first[job_number] <= job_first;
                chunk[job_number] <= cfg_chunk;
                ports[job_number] <= cfg_ports;
                copy[job_number] <= !cfg_part && cfg_copy_pointer < job_end ? cfg_copy_pointer : job_end;
                prepared_reg[job_number] <= job_command == PREPARE;
                state_reg[{job_number, 2'd0} +: 4] <= JOB_PREPARED;
            end
            if (rewrites || job_command == START_PREPARED) begin
                capacity[job_number] <= job_end;
                if (!rewrites && copy[job_number] > job_end)
                    copy[job_number] <= job_end;
                pointer[job_number] <= job_first;
                bitmap[job_number] <= 64'd0;
                index[job_number] <= 6'd0;
                ignored_reg[job_number] <= 1'b0;
            end
            if (rewrites || enqueue) begin
                error[job_number] <= 16'd0;
                sense[job_number] <= 24'd0;
            end
            if (enqueue) begin
                state_reg[{job_number, 2'd0} +: 4] <= JOB_QUEUED;
                rank_reg[3*job_number +: 3] <= queued_reg[2:0];
                queued_reg <= queued_reg + 4'd1;
            end
            if (leave)
                queued_reg <= queued_reg - 4'd1;
            if (!is_current && job_command == PAUSE)
                state_reg[{job_number, 2'd0} +: 4] <= JOB_PAUSED;
            if (!is_current && job_command == ABORT) begin
                state_reg[{job_number, 2'd0} +: 4] <= JOB_ABORTED;
                prepared_reg[job_number] <= prepared_reg[job_number] && state != JOB_PREPARED;
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
