// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Allow list: says whether a WWPN is one of the 32 in words 000-03F of the management information store, which one, and which volumes it
   does not see (words 0C0-0DF, a bit a volume). An empty (zero) entry matches nobody. */
module allow_list #(
    parameter PORTS = 1 // FC ports that ask, 1 or 2
) (
    input  wire                clk,
    input  wire                rst,

    // question of each FC port: strobe, or held until done; one at a time for each port
    input  wire [PORTS-1:0]    allow_valid,
    input  wire [PORTS*64-1:0] allow_wwpn,
    output wire [PORTS-1:0]    allow_done,
    output reg                 allow_ok,
    output reg  [20:0]         allow_entry, // {hidden volumes, entry}, stays until the next question

    // management information store, reads only
    output wire                mis_valid,
    input  wire                mis_ready,
    output wire [9:0]          mis_addr,
    input  wire                mis_rdata_valid,
    input  wire [31:0]         mis_rdata
);

    initial begin
        if (PORTS < 1 || PORTS > 2) begin
            $display("%m: PORTS=%0d (1 to 2)", PORTS);
            $finish;
        end
    end

    localparam STATE_IDLE = 3'd0;
    localparam STATE_READ = 3'd1;
    localparam STATE_DATA = 3'd2;
    localparam STATE_MASK = 3'd3;
    localparam STATE_HIDE = 3'd4;
    localparam STATE_DONE = 3'd5;

    reg [2:0]          state_reg;
    reg [PORTS-1:0]    asked_reg;   // from the question to the end of its done
    reg [PORTS*64-1:0] wwpn_reg;
    reg                port_reg;
    reg [5:0]          word_reg;    // word of the table, even = high half of an entry
    reg                high_reg;    // the high half of the entry matched

    wire [PORTS-1:0] port_bit = {{(PORTS-1){1'b0}}, 1'b1} << port_reg;
    wire [63:0]      wwpn = wwpn_reg[64*port_reg +: 64];

    assign mis_valid = state_reg == STATE_READ || state_reg == STATE_MASK;
    assign mis_addr = state_reg == STATE_MASK ? {5'b00110, allow_entry[4:0]} : {4'd0, word_reg};
    assign allow_done = state_reg == STATE_DONE ? port_bit : {PORTS{1'b0}};

    integer p;

    initial begin
        allow_ok = 0;
        allow_entry = 0;
        state_reg = STATE_IDLE;
        asked_reg = 0;
        wwpn_reg = 0;
        port_reg = 0;
        word_reg = 0;
        high_reg = 0;
    end

    always @(posedge clk) begin
        for (p = 0; p < PORTS; p = p + 1)
            if (allow_valid[p] && !asked_reg[p]) begin
                asked_reg[p] <= 1'b1;
                wwpn_reg[64*p +: 64] <= allow_wwpn[64*p +: 64];
            end

        case (state_reg)
            STATE_IDLE: begin
                port_reg <= !asked_reg[0];
                word_reg <= 6'd0;
                allow_ok <= 1'b0;
                if (|asked_reg)
                    state_reg <= STATE_READ;
            end
            STATE_READ:
                if (mis_ready)
                    state_reg <= STATE_DATA;
            STATE_DATA:
                if (mis_rdata_valid) begin
                    word_reg <= word_reg + 6'd1;
                    state_reg <= STATE_READ;
                    if (!word_reg[0])
                        high_reg <= mis_rdata == wwpn[63:32];
                    else if ((high_reg && mis_rdata == wwpn[31:0]) || wwpn == 64'd0 || &word_reg) begin
                        allow_ok <= high_reg && mis_rdata == wwpn[31:0] && wwpn != 64'd0;
                        allow_entry <= {16'hFFFF, word_reg[5:1]};
                        state_reg <= high_reg && mis_rdata == wwpn[31:0] && wwpn != 64'd0 ? STATE_MASK : STATE_DONE;
                    end
                end
            STATE_MASK:
                if (mis_ready)
                    state_reg <= STATE_HIDE;
            STATE_HIDE:
                if (mis_rdata_valid) begin
                    allow_entry[20:5] <= mis_rdata[15:0];
                    state_reg <= STATE_DONE;
                end
            default: begin
                asked_reg[port_reg] <= 1'b0; // only its own: the other port may be asking in this clock
                state_reg <= STATE_IDLE;
            end
        endcase

        if (rst) begin
            state_reg <= STATE_IDLE;
            asked_reg <= 0;
        end
    end

endmodule

`resetall
