// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Whose turn it is when the streams of the ports become one: the other one's, and an offer that has been shown stays until it is taken. */
module stream_turn #(
    parameter PORTS = 1 // 1 or 2
) (
    input  wire             clk,
    input  wire             rst,
    input  wire [PORTS-1:0] in_valid,
    output wire [PORTS-1:0] in_ready,
    output wire             valid,
    input  wire             ready,
    output wire             from
);

    assign valid = |in_valid;
    assign in_ready[0] = ready && !from;

    generate
        if (PORTS > 1) begin : two
            reg last_reg;
            reg held_reg;
            reg held_from_reg;

            wire pick = in_valid[PORTS-1] && (!in_valid[0] || !last_reg);

            assign from = held_reg ? held_from_reg : pick;
            assign in_ready[PORTS-1] = ready && from;

            always @(posedge clk) begin
                held_reg <= valid && !ready;
                held_from_reg <= from;
                if (valid && ready)
                    last_reg <= from;
                if (rst) begin
                    held_reg <= 1'b0;
                    last_reg <= 1'b0;
                end
            end

            initial begin
                held_reg = 1'b0;
                held_from_reg = 1'b0;
                last_reg = 1'b0;
            end
        end else begin : one
            wire unused = &{1'b0, clk, rst, 1'b0};
            assign from = 1'b0;
        end
    endgenerate

endmodule

`resetall
