// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Words 1 to 28 of a login payload (FLOGI, PLOGI and LS_ACC to PLOGI), one at a time: word 0 holds the opcode and is the user's. */
module service_parameters #(
    parameter RX_BUFFERS    = 8,     // 1 to 64: BB_Credit offered
    parameter RECEIVE_BYTES = 2112,  // 256 to 2112, multiple of 4: receive data field size offered
    parameter E_D_TOV_MS    = 2000   // E_D_TOV told to the peer, milliseconds
) (
    input  wire [4:0]  index,
    input  wire        fabric,       // 1 = FLOGI, 0 = PLOGI
    input  wire [63:0] cfg_wwpn,
    input  wire [63:0] cfg_wwnn,
    output reg  [31:0] word
);

    initial begin
        if (RX_BUFFERS < 1 || RX_BUFFERS > 64) begin
            $display("%m: RX_BUFFERS=%0d, must be 1 to 64", RX_BUFFERS);
            $finish;
        end
        if (RECEIVE_BYTES < 256 || RECEIVE_BYTES > 2112 || RECEIVE_BYTES % 4 != 0) begin
            $display("%m: RECEIVE_BYTES=%0d, must be 256 to 2112 and a multiple of 4", RECEIVE_BYTES);
            $finish;
        end
    end

    localparam [31:0] BB_CREDIT    = RX_BUFFERS;
    localparam [31:0] RECEIVE_SIZE = RECEIVE_BYTES;
    localparam [31:0] E_D_TOV      = E_D_TOV_MS;

    always @* begin
        case (index)
            5'd1:    word = {16'h2020, BB_CREDIT[15:0]};                            // highest and lowest version, BB_Credit
            5'd2:    word = {fabric ? 16'h0000 : 16'h8000, RECEIVE_SIZE[15:0]};     // continuously increasing relative offset
            5'd3:    word = fabric ? 32'h00000000 : 32'h00FF001F;                   // concurrent sequences, offset by category
            5'd4:    word = fabric ? 32'h00000000 : E_D_TOV;
            5'd5:    word = cfg_wwpn[63:32];
            5'd6:    word = cfg_wwpn[31:0];
            5'd7:    word = cfg_wwnn[63:32];
            5'd8:    word = cfg_wwnn[31:0];
            5'd17:   word = 32'h88000000;                                           // class 3 valid, sequential delivery
            5'd18:   word = {16'h0000, RECEIVE_SIZE[15:0]};
            5'd19:   word = 32'h00FF0000;                                           // concurrent sequences
            5'd20:   word = 32'h00010000;                                           // one open sequence for each exchange
            default: word = 32'h00000000;
        endcase
    end

endmodule

`resetall
