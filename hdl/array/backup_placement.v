// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Backup placement: the ports that new chunks of a backup go to. One port, looked at again at a regular interval, or every port whose load
   is light when there are at least two of them. The engine asks before each chunk, so a chunk never changes its port. */
module backup_placement #(
    parameter CONTROLLERS = 1,  // 1 or 2
    parameter PORTS = 1         // ports of a controller, 1 or 2
) (
    input  wire                            clk,
    input  wire                            rst,
    input  wire                            tick,

    // user-specified port table 640 (0 both, 1 online only, 2 backup only; 3 like 1), load settings; may change at any time
    input  wire [CONTROLLERS*PORTS*2-1:0]  cfg_usage,
    input  wire [15:0]                     cfg_rebalance,         // ticks between two looks; 0 counts as 1
    input  wire [31:0]                     cfg_rebalance_margin,  // bytes
    input  wire [31:0]                     cfg_spread_floor,      // bytes; 0: never spread
    input  wire [31:0]                     cfg_load_floor,        // bytes

    // ports, controller 0's first: link and login are fine; loads of the last window
    input  wire [CONTROLLERS*PORTS-1:0]    port_ready,
    input  wire [CONTROLLERS*PORTS*32-1:0] load_amount,
    input  wire [CONTROLLERS*PORTS-1:0]    load_sequential,
    input  wire [CONTROLLERS*32-1:0]       controller_io,
    input  wire [CONTROLLERS*32-1:0]       controller_amount,
    input  wire                            holder,                // controller that has the backup

    // the job under way
    input  wire                            job_active,
    input  wire                            job_started,           // strobe
    input  wire [CONTROLLERS*PORTS-1:0]    job_mask,              // ports its user allows; 0: any

    output wire [CONTROLLERS*PORTS-1:0]    place_ports,           // 0: the backup waits
    output reg  [15:0]                     moves                  // times the ports changed within a job; stops at the largest value
);

    localparam N = CONTROLLERS * PORTS;

    reg [15:0]  ticks_reg;
    reg [N-1:0] chosen_reg;

    wire look = tick && {1'b0, ticks_reg} + 17'd1 >= {1'b0, cfg_rebalance};

    integer i;
    reg [N-1:0] candidate;
    reg [N-1:0] light;
    reg [31:0]  present_amount, best_amount;
    reg         present_sequential, best_sequential;
    reg [N-1:0] chosen_next;

    wire [N-1:0] best;

    /* Amount and access of the present port and of the best one. */
    always @* begin
        present_amount = 32'd0;
        best_amount = 32'd0;
        present_sequential = |(load_sequential & chosen_reg);
        best_sequential = |(load_sequential & best);
        for (i = 0; i < N; i = i + 1) begin
            candidate[i] = !cfg_usage[2*i] && port_ready[i] && (job_mask[i] || job_mask == {N{1'b0}});
            light[i] = candidate[i] && load_amount[32*i +: 32] < cfg_spread_floor;
            present_amount = present_amount | (load_amount[32*i +: 32] & {32{chosen_reg[i]}});
            best_amount = best_amount | (load_amount[32*i +: 32] & {32{best[i]}});
        end
    end

    wire spread = |(light & (light - 1'b1));  // two or more
    wire single = |chosen_reg && !(|(chosen_reg & (chosen_reg - 1'b1)));
    wire lost = |(chosen_reg & ~candidate) || chosen_reg == {N{1'b0}};
    wire lighter = present_sequential != best_sequential ? present_sequential
        : {1'b0, best_amount} + {1'b0, cfg_rebalance_margin} < {1'b0, present_amount};

    always @* begin
        chosen_next = chosen_reg;
        if (job_started)
            chosen_next = spread ? light : best;
        else if (!job_active)
            chosen_next = {N{1'b0}};
        else if (|candidate && (look || lost)) begin
            if (spread)
                chosen_next = light;
            else if (lost || !single || lighter)
                chosen_next = best;
        end
    end

    assign place_ports = chosen_reg & candidate;

    always @(posedge clk) begin
        chosen_reg <= chosen_next;
        if (!job_active || job_started || tick)
            ticks_reg <= !job_active || job_started || look ? 16'd0 : ticks_reg + 16'd1;
        if (!job_started && job_active && |chosen_reg && chosen_next != chosen_reg && !(&moves))
            moves <= moves + 16'd1;
        if (rst) begin
            ticks_reg <= 16'd0;
            chosen_reg <= {N{1'b0}};
            moves <= 16'd0;
        end
    end

    initial begin
        ticks_reg = 16'd0;
        chosen_reg = {N{1'b0}};
        moves = 16'd0;
    end

    port_selector #(
        .CONTROLLERS(CONTROLLERS),
        .PORTS(PORTS)
    ) port_selector_inst (
        .cfg_load_floor(cfg_load_floor), .candidate(candidate), .load_amount(load_amount), .load_sequential(load_sequential),
        .controller_io(controller_io), .controller_amount(controller_amount), .holder(holder), .best(best)
    );

endmodule

`resetall
