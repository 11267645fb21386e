// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Results of the copies that have ended, the last 8, and of the one under way: found again by initiator, logical unit and list
   identifier, the newest first. */
module copy_results #(
    parameter WIDTH = 1
) (
    input  wire             clk,
    input  wire             rst,

    // the copy under way: it ends with `store`
    input  wire             current_valid,
    input  wire [16:0]      current_key,     // {initiator, volume, list identifier}
    input  wire [WIDTH-1:0] current_result,
    input  wire             store,

    // look one up: strobe, then a strobe; the result stays until the next question
    input  wire             find,
    input  wire [16:0]      find_key,
    output reg              find_done,
    output reg              find_hit,
    output reg              find_ended,
    output reg  [WIDTH-1:0] find_result
);

    reg [16:0]      keys [0:7];
    reg [WIDTH-1:0] results [0:7];
    reg [7:0]       valid_reg;
    reg [2:0]       next_reg;
    reg             looking_reg;
    reg [2:0]       at_reg;
    reg [16:0]      key_reg;
    reg [2:0]       count_reg;
    reg             same;  // worked out within the clock that looks at it

    integer i;

    initial begin
        valid_reg = 0; next_reg = 0; looking_reg = 0; at_reg = 0; key_reg = 0; count_reg = 0;
        find_done = 0; find_hit = 0; find_ended = 0; find_result = 0; same = 0;
        for (i = 0; i < 8; i = i + 1) begin
            keys[i] = 17'd0;
            results[i] = {WIDTH{1'b0}};
        end
    end

    // verilator lint_off BLKSEQ
    always @(posedge clk) begin
        find_done <= 1'b0;
        if (looking_reg) begin
            same = valid_reg[at_reg] && keys[at_reg] == key_reg;
            find_hit <= same;
            find_ended <= 1'b1;
            find_result <= results[at_reg];
            if (same || &count_reg) begin
                looking_reg <= 1'b0;
                find_done <= 1'b1;
            end
            at_reg <= at_reg - 3'd1;
            count_reg <= count_reg + 3'd1;
        end else if (find) begin
            same = current_valid && current_key == find_key;
            key_reg <= find_key;
            at_reg <= next_reg - 3'd1;
            count_reg <= 3'd0;
            find_ended <= store;
            find_result <= current_result;
            find_hit <= same;
            find_done <= same;
            looking_reg <= !same;
        end
        if (store) begin
            keys[next_reg] <= current_key;
            results[next_reg] <= current_result;
            valid_reg[next_reg] <= 1'b1;
            next_reg <= next_reg + 3'd1;
        end
        if (rst) begin
            valid_reg <= 8'd0;
            looking_reg <= 1'b0;
            find_done <= 1'b0;
        end
    end
    // verilator lint_on BLKSEQ

endmodule

`resetall
