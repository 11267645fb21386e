// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Says once when an enabled port that was active has lost its link: link failure or offline, not a link reset. */
module port_lost #(
    parameter PORTS = 1               // 1 to 4
) (
    input  wire               clk,
    input  wire               rst,

    input  wire [PORTS-1:0]   link_enable,
    input  wire [PORTS*4-1:0] status_link_state,

    output reg  [PORTS-1:0]   event_port_lost    // strobes
);

    localparam [3:0] STATE_AC = 4'd0;   // of port_state_machine
    localparam [3:0] STATE_LF1 = 4'd4;  // from here on the link is down; below are the states of a link reset

    initial
        if (PORTS < 1 || PORTS > 4) begin
            $display("%m: PORTS = %0d, must be 1 to 4", PORTS);
            $finish;
        end

    reg [PORTS-1:0] was_active_reg;
    integer p;

    always @(posedge clk) begin
        event_port_lost <= {PORTS{1'b0}};
        for (p = 0; p < PORTS; p = p + 1)
            if (!link_enable[p])
                was_active_reg[p] <= 1'b0;
            else if (status_link_state[4*p +: 4] == STATE_AC)
                was_active_reg[p] <= 1'b1;
            else if (status_link_state[4*p +: 4] >= STATE_LF1) begin
                was_active_reg[p] <= 1'b0;
                event_port_lost[p] <= was_active_reg[p];
            end

        if (rst) begin
            was_active_reg <= {PORTS{1'b0}};
            event_port_lost <= {PORTS{1'b0}};
        end
    end

    initial begin
        was_active_reg = {PORTS{1'b0}};
        event_port_lost = {PORTS{1'b0}};
    end

endmodule

`resetall
