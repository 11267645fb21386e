// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Load monitor: the port load table (seed figure 5) of every port, and the controller's totals (figure 6) into the management
   information store. A window's numbers are held for readers from its end to the end of the next one. */
module load_monitor #(
    parameter PORTS = 1,              // ports of the controller, 1 to 4
    parameter [9:0] TABLE = 10'h040   // first word of the totals in the store: 040h table 610, 050h table 620
) (
    input  wire                clk,
    input  wire                rst,
    input  wire                tick,

    // ticks in a window; 0 counts as 1. May change at any time
    input  wire [15:0]         cfg_load_window,

    // accepted READs and WRITEs of the hosts; port p in the p-th field
    input  wire [PORTS-1:0]    command,
    input  wire [PORTS-1:0]    command_write,
    input  wire [PORTS*4-1:0]  command_volume,
    input  wire [PORTS*32-1:0] command_lba,
    input  wire [PORTS*32-1:0] command_blocks,

    // the last whole window; a port without a command in it reads 0, 0, random
    output reg  [PORTS*32-1:0] load_io,
    output reg  [PORTS*32-1:0] load_amount,      // bytes, a WRITE four times
    output reg  [PORTS-1:0]    load_sequential,
    output reg  [31:0]         controller_io,
    output reg  [31:0]         controller_amount,
    output reg  [31:0]         load_windows,
    output reg                 window_end,       // strobe: the outputs above are new

    // management information store
    output wire                mis_valid,
    input  wire                mis_ready,
    output wire                mis_write,
    output wire [9:0]          mis_addr,
    output wire [31:0]         mis_wdata
);

    initial begin
        if (PORTS < 1 || PORTS > 4) begin
            $display("%m: PORTS = %0d, must be 1 to 4", PORTS);
            $finish;
        end
    end

    reg [15:0] ticks_reg;

    // the window under way; a test sets io_reg, which takes 2^32 commands to fill
    reg [PORTS*32-1:0] io_reg /*verilator public_flat_rw*/;
    reg [PORTS*32-1:0] amount_reg;
    reg [PORTS-1:0]    sequential_reg;

    // each port's previous command
    reg [PORTS-1:0]    known_reg;
    reg [PORTS-1:0]    write_reg;
    reg [PORTS*4-1:0]  volume_reg;
    reg [PORTS*33-1:0] next_lba_reg;

    integer p;

    /* A command in the last clock of a window belongs to it. */
    wire last = tick && {1'b0, ticks_reg} + 17'd1 >= {1'b0, cfg_load_window};

    /* Totals of the controller. */
    reg [32:0] total;
    always @* begin
        controller_io = 32'd0;
        controller_amount = 32'd0;
        total = 33'd0;
        for (p = 0; p < PORTS; p = p + 1) begin
            total = {1'b0, controller_io} + {1'b0, load_io[32*p +: 32]};
            controller_io = total[32] ? 32'hFFFFFFFF : total[31:0];
            total = {1'b0, controller_amount} + {1'b0, load_amount[32*p +: 32]};
            controller_amount = total[32] ? 32'hFFFFFFFF : total[31:0];
        end
    end

    /* To the store: number of I/O, amount, count of windows. All three are of one window, the count last; when the store is slower than the
       windows, the newest one follows. */
    reg        writing_reg;
    reg        pending_reg;
    reg [1:0]  word_reg;
    reg [31:0] store_io_reg, store_amount_reg, store_windows_reg;

    assign mis_valid = writing_reg;
    assign mis_write = 1'b1;
    assign mis_addr = writing_reg ? TABLE + {8'd0, word_reg} : 10'd0;
    assign mis_wdata = !writing_reg ? 32'd0 : word_reg == 2'd0 ? store_io_reg : word_reg == 2'd1 ? store_amount_reg : store_windows_reg;

    always @(posedge clk) begin
        window_end <= last;
        if (tick)
            ticks_reg <= last ? 16'd0 : ticks_reg + 16'd1;
        if (last || |command) begin : count
            reg [PORTS*32-1:0] io;
            reg [PORTS*32-1:0] amount;
            reg [PORTS-1:0]    sequential;
            reg [44:0]         sum;
            io = io_reg;
            amount = amount_reg;
            sequential = sequential_reg;
            for (p = 0; p < PORTS; p = p + 1)
                if (command[p]) begin
                    if (!(&io[32*p +: 32]))
                        io[32*p +: 32] = io[32*p +: 32] + 32'd1;
                    sum = {13'd0, amount[32*p +: 32]}
                        + (command_write[p] ? {2'd0, command_blocks[32*p +: 32], 11'd0} : {4'd0, command_blocks[32*p +: 32], 9'd0});
                    amount[32*p +: 32] = |sum[44:32] ? 32'hFFFFFFFF : sum[31:0];
                    sequential[p] = known_reg[p] && write_reg[p] == command_write[p]
                        && volume_reg[4*p +: 4] == command_volume[4*p +: 4]
                        && next_lba_reg[33*p +: 33] == {1'b0, command_lba[32*p +: 32]};
                    known_reg[p] <= 1'b1;
                    write_reg[p] <= command_write[p];
                    volume_reg[4*p +: 4] <= command_volume[4*p +: 4];
                    next_lba_reg[33*p +: 33] <= {1'b0, command_lba[32*p +: 32]} + {1'b0, command_blocks[32*p +: 32]};
                end
            if (last) begin
                load_io <= io;
                load_amount <= amount;
                load_sequential <= sequential;
                load_windows <= load_windows + 32'd1;
            end
            io_reg <= last ? {PORTS*32{1'b0}} : io;
            amount_reg <= last ? {PORTS*32{1'b0}} : amount;
            sequential_reg <= last ? {PORTS{1'b0}} : sequential;
        end

        begin : store
            reg writing;
            // as this clock finds it: Verilator then needs no second copy of the register
            writing = writing_reg;
            if (writing && mis_ready) begin
                writing_reg <= word_reg != 2'd2;
                word_reg <= word_reg + 2'd1;
            end
            if (window_end || pending_reg) begin
                pending_reg <= writing;
                if (!writing) begin
                    writing_reg <= 1'b1;
                    word_reg <= 2'd0;
                    store_io_reg <= controller_io;
                    store_amount_reg <= controller_amount;
                    store_windows_reg <= load_windows;
                end
            end
        end

        if (rst) begin
            ticks_reg <= 16'd0;
            io_reg <= {PORTS*32{1'b0}};
            amount_reg <= {PORTS*32{1'b0}};
            sequential_reg <= {PORTS{1'b0}};
            known_reg <= {PORTS{1'b0}};
            load_io <= {PORTS*32{1'b0}};
            load_amount <= {PORTS*32{1'b0}};
            load_sequential <= {PORTS{1'b0}};
            load_windows <= 32'd0;
            window_end <= 1'b0;
            writing_reg <= 1'b0;
            pending_reg <= 1'b0;
        end
    end

    initial begin
        ticks_reg = 16'd0;
        io_reg = {PORTS*32{1'b0}};
        amount_reg = {PORTS*32{1'b0}};
        sequential_reg = {PORTS{1'b0}};
        known_reg = {PORTS{1'b0}};
        write_reg = {PORTS{1'b0}};
        volume_reg = {PORTS*4{1'b0}};
        next_lba_reg = {PORTS*33{1'b0}};
        load_io = {PORTS*32{1'b0}};
        load_amount = {PORTS*32{1'b0}};
        load_sequential = {PORTS{1'b0}};
        load_windows = 32'd0;
        window_end = 1'b0;
        writing_reg = 1'b0;
        pending_reg = 1'b0;
        word_reg = 2'd0;
        store_io_reg = 32'd0;
        store_amount_reg = 32'd0;
        store_windows_reg = 32'd0;
    end

endmodule

`resetall
