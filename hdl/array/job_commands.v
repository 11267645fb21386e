// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Orders to the backup engine from three sides, the console (register BACKUP_CONTROL), the time supervisor and the copy manager: one after
   the other, and each hears the answer to its own. */
module job_commands (
    input  wire        clk,
    input  wire        rst,

    // console: a bit for each command, exactly one of them; kind of a prepared job; job
    input  wire        console_valid,
    output wire        console_ready,
    input  wire [31:0] console_data,
    output reg         console_answer,
    output wire [7:0]  console_refused,
    output reg  [7:0]  status_refused,  // the console's last order: why it was refused, 0 taken

    // time supervisor
    input  wire        timed_valid,
    output wire        timed_ready,
    input  wire [2:0]  timed_command,
    input  wire [2:0]  timed_number,
    output reg         timed_answer,

    // copy manager
    input  wire        copy_valid,
    output wire        copy_ready,
    input  wire [2:0]  copy_command,
    input  wire [2:0]  copy_number,
    output reg         copy_answer,

    // engine
    output wire        job_valid,
    input  wire        job_ready,
    output reg  [2:0]  job_command,
    output reg  [2:0]  job_number,
    output wire [1:0]  job_kind,
    output wire        job_part,        // the order is the copy manager's
    input  wire        job_answer,
    input  wire [7:0]  job_refused
);

`include "array/backup_constants.vh"

    reg       busy_reg;      // the engine owes an answer
    reg       console_reg;   // to the console
    reg       copy_reg;      // to the copy manager
    wire      offered;
    wire      from_other;
    wire      from_copy;
    wire      other_valid;
    wire [1:0] turn_ready;
    wire [1:0] other_ready;

    /* bits of BACKUP_CONTROL; looked at only beside an order */
    wire [6:0] wanted = console_data[6:0];
    reg        single;
    reg  [2:0] console_command;

    always @* begin
        single = 1'b0;
        console_command = PREPARE;
        if (console_valid) begin
            single = wanted != 7'd0 && (wanted & (wanted - 7'd1)) == 7'd0;
            case (1'b1)
                wanted[0]: console_command = START_BACKUP;
                wanted[1]: console_command = START_RESTORE;
                wanted[2]: console_command = ABORT;
                wanted[3]: console_command = PAUSE;
                wanted[4]: console_command = RESUME;
                wanted[5]: console_command = START_VERIFY;
                default: ;
            endcase
        end
    end

    wire unclear = console_valid && !single;

    stream_turn #(.PORTS(2)) turn (
        .clk(clk), .rst(rst), .in_valid({other_valid, single && !busy_reg}), .in_ready(turn_ready),
        .valid(offered), .ready(job_ready), .from(from_other)
    );

    stream_turn #(.PORTS(2)) other_turn (
        .clk(clk), .rst(rst), .in_valid({copy_valid, timed_valid} & {2{!busy_reg}}), .in_ready(other_ready),
        .valid(other_valid), .ready(turn_ready[1]), .from(from_copy)
    );

    assign job_valid = offered;
    assign job_part = from_other && from_copy;
    assign job_kind = console_data[9:8];
    assign timed_ready = other_ready[0] && timed_valid && !busy_reg;
    assign copy_ready = other_ready[1] && copy_valid && !busy_reg;
    assign console_ready = unclear || (turn_ready[0] && console_valid && !busy_reg);

    always @* begin
        job_command = console_command;
        job_number = console_data[14:12];
        if (from_other) begin
            job_command = from_copy ? copy_command : timed_command;
            job_number = from_copy ? copy_number : timed_number;
        end
    end

    /* the answer may come with the order or later */
    always @* begin
        timed_answer = 1'b0;
        copy_answer = 1'b0;
        console_answer = unclear;
        if (job_answer && (busy_reg || offered && job_ready)) begin
            if (busy_reg ? copy_reg : job_part)
                copy_answer = 1'b1;
            else if (busy_reg ? console_reg : !from_other)
                console_answer = 1'b1;
            else
                timed_answer = 1'b1;
        end
    end

    assign console_refused = unclear ? REFUSED_UNCLEAR : job_refused;

    always @(posedge clk) begin
        if (offered && job_ready) begin
            busy_reg <= !job_answer;
            console_reg <= !from_other;
            copy_reg <= job_part;
        end else if (job_answer)
            busy_reg <= 1'b0;
        if (console_answer)
            status_refused <= console_refused;
        if (rst) begin
            busy_reg <= 1'b0;
            status_refused <= 8'd0;
        end
    end

    initial begin
        busy_reg = 1'b0;
        console_reg = 1'b0;
        copy_reg = 1'b0;
        status_refused = 8'd0;
    end

    /* verilator lint_off UNUSEDSIGNAL */
    wire unused = &{1'b0, console_data[31:15], console_data[11:10], console_data[7], 1'b0};
    /* verilator lint_on UNUSEDSIGNAL */

endmodule

`resetall
