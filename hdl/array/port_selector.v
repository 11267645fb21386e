// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Port selector: the port a backup is to use, by the source document's rule. Random before sequential, then the lighter controller, then
   the smaller amount, then the lower port number. Combinational. */
module port_selector #(
    parameter CONTROLLERS = 1,  // 1 or 2
    parameter PORTS = 1         // ports of a controller, 1 or 2
) (
    input  wire [31:0]                     cfg_load_floor,  // bytes; controllers below it are compared by number of I/O

    // ports: controller 0's first. Loads of the last window
    input  wire [CONTROLLERS*PORTS-1:0]    candidate,
    input  wire [CONTROLLERS*PORTS*32-1:0] load_amount,
    input  wire [CONTROLLERS*PORTS-1:0]    load_sequential,

    // controllers, and which one has the backup now
    input  wire [CONTROLLERS*32-1:0]       controller_io,
    input  wire [CONTROLLERS*32-1:0]       controller_amount,
    input  wire                            holder,

    output reg  [CONTROLLERS*PORTS-1:0]    best   // one bit; none when there is no candidate
);

    initial begin
        if (CONTROLLERS < 1 || CONTROLLERS > 2) begin
            $display("%m: CONTROLLERS = %0d, must be 1 or 2", CONTROLLERS);
            $finish;
        end
        if (PORTS < 1 || PORTS > 2) begin
            $display("%m: PORTS = %0d, must be 1 or 2", PORTS);
            $finish;
        end
    end

    localparam LAST = CONTROLLERS - 1;

    wire [31:0] amount_0 = controller_amount[31:0];
    wire [31:0] amount_1 = controller_amount[32*LAST +: 32];
    wire        both_low = amount_0 < cfg_load_floor && amount_1 < cfg_load_floor;
    wire [31:0] load_0 = both_low ? controller_io[31:0] : amount_0;
    wire [31:0] load_1 = both_low ? controller_io[32*LAST +: 32] : amount_1;
    wire        lighter = load_0 == load_1 ? holder : load_1 < load_0;

    /* The rule as one number: the smallest wins, of equal ones the first. */
    integer    i;
    reg [33:0] key;
    reg [33:0] best_key;
    always @* begin
        best = {CONTROLLERS*PORTS{1'b0}};
        best_key = 34'd0;
        key = 34'd0;
        for (i = 0; i < CONTROLLERS*PORTS; i = i + 1) begin
            key = {load_sequential[i], lighter ? i < PORTS : i >= PORTS, load_amount[32*i +: 32]};
            if (candidate[i] && (!(|best) || key < best_key)) begin
                best = {CONTROLLERS*PORTS{1'b0}};
                best[i] = 1'b1;
                best_key = key;
            end
        end
    end

endmodule

`resetall
