// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Priority arbiter: names the class of frames that is preferred now, from the priority table 670. A period is one quantum of backup
   bytes and one turn of online work; what a turn took too much of is taken off the next one, so that the shares hold over many periods. */
module priority_arbiter #(
    // words a frame takes on the wire beyond its payload: SOF, header, CRC, EOF and 6 fill words; 0 to 63
    parameter FRAME_OVERHEAD = 15,
    // words of the longest frame with its fill words: the most a turn can be late, 1 to 1023
    parameter FRAME_SLOT = 543
) (
    input  wire        clk,
    input  wire        rst,

    /* priority table 670; may change at any time */
    input  wire        cfg_backup_first,
    input  wire [31:0] cfg_backup_quantum,
    input  wire [31:0] cfg_online_time,

    /* what the frame scheduler does */
    input  wire        backup_active,
    input  wire        online_waiting,
    input  wire        stat_backup_frame,
    input  wire [11:0] stat_frame_bytes,
    output wire        prefer_backup,

    /* a quantum has ended (strobe), and whether by time */
    output reg         stat_quantum,
    output reg         stat_quantum_short
);

    localparam [0:0] STATE_ONLINE = 1'd0;
    localparam [0:0] STATE_QUANTUM = 1'd1;
    localparam [31:0] OVERHEAD = FRAME_OVERHEAD;
    localparam [31:0] SLOT = FRAME_SLOT;
    localparam [31:0] FRAME_BYTES = 4 * (FRAME_SLOT - FRAME_OVERHEAD);

    initial begin
        if (FRAME_OVERHEAD < 0 || FRAME_OVERHEAD > 63) begin
            $display("%m: FRAME_OVERHEAD = %0d, must be 0 to 63", FRAME_OVERHEAD);
            $finish;
        end
        if (FRAME_SLOT < 1 || FRAME_SLOT > 1023) begin
            $display("%m: FRAME_SLOT = %0d, must be 1 to 1023", FRAME_SLOT);
            $finish;
        end
    end

    reg        state_reg;
    reg [31:0] bytes_reg;    // backup bytes of this quantum, and what the last one sent too much
    reg [32:0] clocks_reg;   // clocks of this turn; in online time it starts below 0 by the frame still on the wire
    reg [31:0] late_reg;     // clocks the last online turn ran over
    reg        fresh_reg;    // the job has had no turn yet
    reg        first_reg;    // no backup frame in this quantum yet

    assign prefer_backup = state_reg == STATE_QUANTUM;

    /* A quantum that backup cannot fill ends after twice the time its bytes need on the wire, and two frame slots. */
    wire [32:0] time_limit = {2'd0, cfg_backup_quantum[31:1]} + {6'd0, cfg_backup_quantum[31:5]} + {SLOT, 1'b0};
    wire [31:0] bytes_now = bytes_reg + (stat_backup_frame ? {20'd0, stat_frame_bytes} : 32'd0);
    wire        filled = bytes_now >= cfg_backup_quantum;
    /* What a turn took too much of is a frame at most; more is there when the table got a shorter quantum meanwhile, and is not owed. */
    wire [31:0] over = bytes_now - cfg_backup_quantum;
    wire [31:0] owed = over < FRAME_BYTES ? over : FRAME_BYTES;
    wire [31:0] last_frame = OVERHEAD + {22'd0, stat_frame_bytes[11:2]};

    always @(posedge clk) begin : turn
        reg [32:0] clocks;
        reg        online_over;
        // as this clock finds it: Verilator then needs no second copy of the register
        clocks = clocks_reg;
        stat_quantum <= 1'b0;
        stat_quantum_short <= 1'b0;
        case (state_reg)
            STATE_ONLINE: begin
                online_over = !clocks[32] && clocks[31:0] >= cfg_online_time;
                /* stops at the largest value instead of wrapping */
                if (clocks != {1'b0, 32'hFFFFFFFF})
                    clocks_reg <= clocks + 33'd1;
                if (backup_active && cfg_backup_quantum != 32'd0
                        && (online_over || (cfg_backup_first && (!online_waiting || fresh_reg)))) begin
                    fresh_reg <= 1'b0;
                    state_reg <= STATE_QUANTUM;
                    clocks_reg <= 33'd0;
                    late_reg <= 32'd0;
                    first_reg <= 1'b1;
                end
            end
            STATE_QUANTUM: begin
                clocks_reg <= clocks + 33'd1;
                bytes_reg <= bytes_now;
                if (filled || clocks >= time_limit || !backup_active) begin
                    state_reg <= STATE_ONLINE;
                    stat_quantum <= 1'b1;
                    stat_quantum_short <= !filled;
                    bytes_reg <= filled ? owed : 32'd0;
                    clocks_reg <= stat_backup_frame ? {1'b0, late_reg} - {1'b0, last_frame} : {1'b0, late_reg};
                end
                if (first_reg && !stat_backup_frame && late_reg < SLOT)
                    late_reg <= late_reg + 32'd1;
                if (stat_backup_frame)
                    first_reg <= 1'b0;
            end
        endcase
        if (!backup_active) begin
            state_reg <= STATE_ONLINE;
            bytes_reg <= 32'd0;
            late_reg <= 32'd0;
            clocks_reg <= 33'd0;
            fresh_reg <= 1'b1;
        end
        if (rst) begin
            state_reg <= STATE_ONLINE;
            bytes_reg <= 32'd0;
            clocks_reg <= 33'd0;
            late_reg <= 32'd0;
            first_reg <= 1'b0;
            fresh_reg <= 1'b1;
            stat_quantum <= 1'b0;
            stat_quantum_short <= 1'b0;
        end
    end

    initial begin
        state_reg = STATE_ONLINE;
        bytes_reg = 32'd0;
        clocks_reg = 33'd0;
        late_reg = 32'd0;
        first_reg = 1'b0;
        fresh_reg = 1'b1;
        stat_quantum = 1'b0;
        stat_quantum_short = 1'b0;
    end

endmodule

`resetall
