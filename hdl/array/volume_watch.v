// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Watches what the console changes while hosts are logged in: a capacity, the volumes that are there, the volumes that an initiator sees
   from its next login on. It raises the unit attentions CAPACITY DATA HAS CHANGED and REPORTED LUNS DATA HAS CHANGED (SPC-4 5.8, 6.33). */
module volume_watch #(
    parameter VOLUMES = 4  // 1 to 16
) (
    input  wire                  clk,
    input  wire                  rst,

    // volumes
    input  wire [VOLUMES*32-1:0] cfg_volume_blocks,
    input  wire [VOLUMES*2-1:0]  cfg_volume_flags,  // {write protected, present} a volume

    // a login: only who has logged in can be told
    input  wire                  login_valid,
    input  wire [4:0]            login_initiator,
    input  wire [15:0]           login_hidden,

    // unit attentions
    output wire                  raise_valid,
    input  wire                  raise_ready,
    output wire [9:0]            raise_condition,
    output wire [31:0]           raise_initiators,
    output wire [15:0]           raise_volumes
);

    localparam [9:0] CAPACITY_CHANGED = 10'h100, LUNS_CHANGED = 10'h200;

    reg [VOLUMES*32-1:0] blocks_reg;
    reg [VOLUMES*2-1:0]  flags_reg;
    reg [31:0]           known_reg;
    reg [15:0]           hidden_reg [0:31];
    reg [31:0]           luns_reg;      // initiators that are to be told of other logical units
    reg [15:0]           capacity_reg;  // volumes whose capacity is another

    // worked out within the clock in which something changes
    reg [15:0]           capacity;
    reg                  inventory;
    reg                  was_there;
    reg                  is_there;
    reg [31:0]           login_bit;
    reg [31:0]           other_mask;
    integer              i;

    wire changed = cfg_volume_blocks != blocks_reg || cfg_volume_flags != flags_reg;

    wire        tell_luns = |luns_reg;
    wire        taken = raise_valid && raise_ready;

    // write protection is a mode parameter that MODE SENSE tells
    wire unused = &{1'b0, flags_reg};

    assign raise_valid = tell_luns || (|capacity_reg && |known_reg);
    assign raise_condition = tell_luns ? LUNS_CHANGED : CAPACITY_CHANGED;
    assign raise_initiators = tell_luns ? luns_reg : known_reg;
    assign raise_volumes = tell_luns ? 16'hFFFF : capacity_reg;

    initial begin
        blocks_reg = 0; flags_reg = 0; known_reg = 0; luns_reg = 0; capacity_reg = 0; capacity = 0; inventory = 0; was_there = 0; is_there = 0;
        login_bit = 0; other_mask = 0;
        for (i = 0; i < 32; i = i + 1)
            hidden_reg[i] = 16'd0;
        if (VOLUMES < 1 || VOLUMES > 16) begin
            $display("%m: VOLUMES=%0d: must be 1 to 16", VOLUMES);
            $finish;
        end
    end

    // verilator lint_off BLKSEQ
    always @(posedge clk) begin
        if (changed || login_valid || taken || known_reg == 32'd0) begin
            capacity = 16'd0;
            inventory = 1'b0;
            if (changed) begin
                for (i = 0; i < VOLUMES; i = i + 1) begin
                    was_there = flags_reg[2*i] && blocks_reg[32*i +: 32] != 32'd0;
                    is_there = cfg_volume_flags[2*i] && cfg_volume_blocks[32*i +: 32] != 32'd0;
                    capacity[i] = was_there && is_there && blocks_reg[32*i +: 32] != cfg_volume_blocks[32*i +: 32];
                    if (was_there != is_there)
                        inventory = 1'b1;
                end
                blocks_reg <= cfg_volume_blocks;
                flags_reg <= cfg_volume_flags;
            end
            login_bit = 32'd0;
            other_mask = 32'd0;
            if (login_valid) begin
                login_bit = 32'd1 << login_initiator;
                if (hidden_reg[login_initiator] != login_hidden)
                    other_mask = login_bit & known_reg;
                hidden_reg[login_initiator] <= login_hidden;
            end
            luns_reg <= (taken ? 32'd0 : luns_reg) | (inventory ? known_reg : 32'd0) | other_mask;
            capacity_reg <= (known_reg == 32'd0 || (taken && !tell_luns) ? 16'd0 : capacity_reg) | capacity;
            known_reg <= known_reg | login_bit;
        end
        if (rst) begin
            known_reg <= 32'd0;
            luns_reg <= 32'd0;
            capacity_reg <= 16'd0;
        end
    end
    // verilator lint_on BLKSEQ

endmodule

`resetall
