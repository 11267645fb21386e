// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* What every management register has in common: the AXI4-Lite slave, the way to the management information store, and the tables
   that live in both. One access at a time. The registers look an address up (`look`, answer in the next clock) and take the data
   with `write`; some hand them to a unit, which may refuse them. A refused write answers SLVERR and changes nothing. After a reset each mirrored register comes from its word of the
   store; a word that is not legal, and a table whose words are all 0, get the reset values, in the store as well. */
module register_access #(
    parameter MIRRORS = 3          // registers that have a word in the store, 1 to 64
) (
    input  wire        clk,
    input  wire        rst,

    // AXI4-Lite slave
    input  wire [15:0] s_axil_awaddr,
    input  wire [2:0]  s_axil_awprot,
    input  wire        s_axil_awvalid,
    output wire        s_axil_awready,
    input  wire [31:0] s_axil_wdata,
    input  wire [3:0]  s_axil_wstrb,
    input  wire        s_axil_wvalid,
    output wire        s_axil_wready,
    output wire [1:0]  s_axil_bresp,
    output wire        s_axil_bvalid,
    input  wire        s_axil_bready,
    input  wire [15:0] s_axil_araddr,
    input  wire [2:0]  s_axil_arprot,
    input  wire        s_axil_arvalid,
    output wire        s_axil_arready,
    output wire [31:0] s_axil_rdata,
    output wire [1:0]  s_axil_rresp,
    output wire        s_axil_rvalid,
    input  wire        s_axil_rready,

    // management information store
    output wire        mis_valid,
    input  wire        mis_ready,
    output wire        mis_write,
    output wire [9:0]  mis_addr,
    output wire [31:0] mis_wdata,
    input  wire        mis_rdata_valid,
    input  wire [31:0] mis_rdata,

    // registers: a clock after `look` the answer for `address` and `wdata`
    output wire        look,
    output wire        write,
    output reg  [15:0] address,
    output reg  [31:0] wdata,
    input  wire        readable,
    input  wire        legal,          // may be written, and with this value
    input  wire [31:0] rdata,
    input  wire        stored,         // has a word in the store
    input  wire [9:0]  store_word,
    input  wire        window,         // read from the store
    input  wire        waits,          // a write goes to a unit, whose answer is awaited
    input  wire        answered,
    input  wire        refused,

    // mirrored registers, table after table, while `loading` is high
    output wire        loading,
    output reg  [5:0]  mirror,
    input  wire [15:0] mirror_address,
    input  wire [31:0] mirror_reset,
    input  wire [5:0]  mirror_first,   // of the same table
    input  wire        mirror_last     // of its table
);

    localparam [2:0] STATE_LOAD = 3'd0;     // the next mirrored register comes from the store
    localparam [2:0] STATE_IDLE = 3'd1;
    localparam [2:0] STATE_LOOK = 3'd2;
    localparam [2:0] STATE_ACT = 3'd3;
    localparam [2:0] STATE_STORE = 3'd4;    // an access to the store is asked for
    localparam [2:0] STATE_DATA = 3'd5;     // the store's answer is awaited
    localparam [2:0] STATE_ANSWER = 3'd6;
    localparam [2:0] STATE_WAIT = 3'd7;     // a unit has been asked

    localparam [31:0] MIRRORS_LESS_1 = MIRRORS - 1;

    initial
        if (MIRRORS < 1 || MIRRORS > 64) begin
            $display("%m: MIRRORS = %0d, must be 1 to 64", MIRRORS);
            $finish;
        end

    reg [2:0]  state_reg;
    reg        writing_reg;
    reg        whole_reg;       // all four strobes of a write
    reg        error_reg;
    reg [31:0] data_reg;
    reg        loading_reg;
    reg        loaded_reg;      // wdata holds the word of the store
    reg        blank_reg;       // the table has held zeros so far: never written
    reg        default_reg;     // the table was blank, now its reset values go into the store

    wire aligned = address[1:0] == 2'd0;
    reg  write_now;
    reg  load_good;

    always @* begin
        write_now = 1'b0;
        load_good = 1'b0;
        if (state_reg == STATE_ACT) begin
            write_now = writing_reg && !loading_reg && legal && whole_reg && aligned;
            load_good = loading_reg && loaded_reg && legal;
        end
    end

    assign s_axil_awready = state_reg == STATE_IDLE && s_axil_awvalid && s_axil_wvalid;
    assign s_axil_wready = s_axil_awready;
    assign s_axil_arready = state_reg == STATE_IDLE && !(s_axil_awvalid && s_axil_wvalid);
    assign s_axil_bvalid = state_reg == STATE_ANSWER && writing_reg;
    assign s_axil_rvalid = state_reg == STATE_ANSWER && !writing_reg;
    assign s_axil_bresp = {error_reg, 1'b0};
    assign s_axil_rresp = {error_reg, 1'b0};
    assign s_axil_rdata = data_reg;

    assign mis_valid = state_reg == STATE_STORE;
    assign mis_write = writing_reg;
    assign mis_addr = store_word;
    assign mis_wdata = wdata;

    assign loading = loading_reg;
    assign look = state_reg == STATE_LOOK;
    assign write = write_now && !stored || load_good || mis_valid && mis_ready && mis_write;

    always @(posedge clk) begin
        if (state_reg != STATE_IDLE || s_axil_arvalid || s_axil_awvalid) begin : work
            reg [2:0]  state;       // next values
            reg        writing;
            reg        error;
            reg        loaded;
            reg        blank;
            reg        default_words;
            reg [15:0] new_address;
            reg [31:0] new_wdata;
            reg        load_next;   // the load of one mirrored register is over

            state = state_reg;
            writing = writing_reg;
            error = error_reg;
            loaded = loaded_reg;
            blank = blank_reg;
            default_words = default_reg;
            new_address = address;
            new_wdata = wdata;
            load_next = 1'b0;

            case (state_reg)
                STATE_LOAD: begin
                    writing = 1'b0;
                    loaded = 1'b0;
                    new_address = mirror_address;
                    new_wdata = mirror_reset;
                    state = STATE_LOOK;
                end
                STATE_IDLE: begin
                    error = 1'b0;
                    if (s_axil_awready) begin
                        writing = 1'b1;
                        new_address = s_axil_awaddr;
                        new_wdata = s_axil_wdata;
                        whole_reg <= &s_axil_wstrb;
                        state = STATE_LOOK;
                    end else if (s_axil_arvalid) begin
                        writing = 1'b0;
                        new_address = s_axil_araddr;
                        state = STATE_LOOK;
                    end
                end
                STATE_LOOK: state = STATE_ACT;
                STATE_ACT:
                    if (loading_reg) begin
                        load_next = !stored || load_good || default_reg && wdata == 32'd0;
                        if (loaded_reg) begin
                            new_wdata = mirror_reset;
                            writing = 1'b1;    // the word is not legal
                        end
                        if (default_reg)
                            writing = 1'b1;
                        state = STATE_STORE;
                    end else begin
                        state = STATE_ANSWER;
                        data_reg <= readable ? rdata : 32'd0;
                        error = writing_reg ? !write_now : !readable || !aligned;
                        if (writing_reg ? write_now && stored : window && aligned)
                            state = STATE_STORE;
                        if (write_now && waits)
                            state = STATE_WAIT;
                    end
                STATE_WAIT: if (answered) begin
                    error = refused;
                    state = STATE_ANSWER;
                end
                STATE_STORE: if (mis_ready) begin
                    load_next = loading_reg && writing_reg;
                    state = writing_reg ? STATE_ANSWER : STATE_DATA;
                end
                STATE_DATA: if (mis_rdata_valid) begin
                    data_reg <= mis_rdata;
                    state = STATE_ANSWER;
                    if (loading_reg) begin
                        new_wdata = mis_rdata;
                        loaded = 1'b1;
                        blank = blank_reg && mis_rdata == 32'd0;
                        state = STATE_LOOK;
                    end
                end
                default: // STATE_ANSWER
                    if (writing_reg ? s_axil_bready : s_axil_rready)
                        state = STATE_IDLE;
            endcase

            if (load_next) begin
                state = STATE_LOAD;
                writing = 1'b0;
                if (mirror_last) begin
                    blank = 1'b1;
                    default_words = blank_reg && !default_reg;
                    if (!default_words && {26'd0, mirror} == MIRRORS_LESS_1) begin
                        loading_reg <= 1'b0;
                        state = STATE_IDLE;
                    end
                end
                mirror <= mirror_last && default_words ? mirror_first : mirror + 6'd1;
            end

            state_reg <= state;
            writing_reg <= writing;
            error_reg <= error;
            loaded_reg <= loaded;
            blank_reg <= blank;
            default_reg <= default_words;
            address <= new_address;
            wdata <= new_wdata;
        end

        if (rst) begin
            state_reg <= STATE_LOAD;
            writing_reg <= 1'b0;
            error_reg <= 1'b0;
            loading_reg <= 1'b1;
            loaded_reg <= 1'b0;
            blank_reg <= 1'b1;
            default_reg <= 1'b0;
            mirror <= 6'd0;
        end
    end

    initial begin
        state_reg = STATE_LOAD;
        writing_reg = 1'b0;
        whole_reg = 1'b0;
        error_reg = 1'b0;
        address = 16'd0;
        wdata = 32'd0;
        data_reg = 32'd0;
        loading_reg = 1'b1;
        loaded_reg = 1'b0;
        blank_reg = 1'b1;
        default_reg = 1'b0;
        mirror = 6'd0;
    end

    /* verilator lint_off UNUSEDSIGNAL */ // every access is allowed to every kind of master
    wire [5:0] protection = {s_axil_awprot, s_axil_arprot};
    /* verilator lint_on UNUSEDSIGNAL */

endmodule

`resetall
