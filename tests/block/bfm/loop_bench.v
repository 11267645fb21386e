// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* One FC port transactor on a link that echoes: the small design of the speed benches. */
module loop_bench (
    output wire clk,
    output wire rst,
    output wire wake
);

    wire [63:0] cycles;
    wire wake_request;
    wire [31:0] to_data;
    wire [3:0]  to_charisk;
    wire [31:0] from_data;
    wire [3:0]  from_charisk;

    clock_source clock_source_inst (.clk(clk), .rst(rst), .cycles(cycles), .wake_request(wake_request), .wake(wake));

    fc_port_bfm #(.PORT(0)) port0 (
        .clk(clk), .rst(rst), .cycles(cycles), .rx_data(from_data), .rx_charisk(from_charisk), .tx_data(to_data),
        .tx_charisk(to_charisk), .wake_request(wake_request)
    );

    link_echo echo (
        .clk(clk), .rst(rst), .rx_data(to_data), .rx_charisk(to_charisk), .tx_data(from_data), .tx_charisk(from_charisk),
        .status_link_state()
    );

endmodule

`resetall
