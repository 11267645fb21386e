// SPDX-License-Identifier: Apache-2.0
`resetall
`timescale 1ns / 1ns
`default_nettype none

/* Test only: two ends of a link over a channel of 16 words each way that injects faults. Ports are those of `link`, end n in slice n;
   fault input n acts on what end n sends. */
module link_pair #(
    parameter RX_BUFFERS = 8  // 1 to 64
) (
    input  wire           clk,
    input  wire           rst,

    // Channel
    input  wire [1:0]     cut,         // every character invalid
    input  wire [1:0]     drop_r_rdy,  // IDLE instead of R_RDY
    input  wire [63:0]    flip,        // turned over in data words

    // Ports of both ends
    output wire [63:0]    tx_data,
    output wire [7:0]     tx_charisk,
    output wire [1:0]     rxf_valid,
    output wire [383:0]   rxf_header,
    output wire [19:0]    rxf_words,
    output wire [1:0]     rxf_sof_initiate,
    output wire [1:0]     rxf_eof_terminate,
    input  wire [19:0]    rxf_rd_addr,
    output wire [63:0]    rxf_rd_data,
    input  wire [1:0]     rxf_pop,
    output wire [1:0]     txf_request,
    input  wire [1:0]     txf_valid,
    output wire [1:0]     txf_ready,
    input  wire [383:0]   txf_header,
    input  wire [19:0]    txf_words,
    input  wire [1:0]     txf_sof_initiate,
    input  wire [1:0]     txf_eof_terminate,
    input  wire [63:0]    txf_data,
    input  wire [1:0]     txf_data_valid,
    output wire [1:0]     txf_data_ready,
    output wire [1:0]     txf_done,
    input  wire [1:0]     link_enable,
    output wire [1:0]     link_active,
    output wire [1:0]     link_down_event,
    output wire [1:0]     link_reset_event,
    input  wire [1:0]     link_reset_request,
    input  wire [1:0]     bb_credit_set,
    input  wire [15:0]    bb_credit_value,
    input  wire           tick,
    input  wire [15:0]    cfg_e_d_tov_ticks,
    input  wire [15:0]    cfg_r_t_tov_ticks,
    output wire [7:0]     status_link_state,
    output wire [15:0]    status_tx_credit,
    output wire [1023:0]  lesb
);

`include "link/ordered_sets.vh"

    wire [79:0] received;  // {invalid, charisk, data} that end n hears

    genvar n;

    generate
        for (n = 0; n < 2; n = n + 1) begin : ends
            wire [31:0] data = tx_data[32*n +: 32];
            wire [3:0]  charisk = tx_charisk[4*n +: 4];
            reg  [39:0] delay [0:15];
            reg  [3:0]  place;
            reg  [39:0] out;

            integer i;

            always @(posedge clk) begin
                out <= delay[place];
                delay[place] <= {
                    {4{cut[n]}},
                    charisk,
                    charisk == 4'd0 ? data ^ flip[32*n +: 32]
                        : data == `OS_R_RDY && drop_r_rdy[n] ? `OS_IDLE : data
                };
                place <= place + 4'd1;
                if (rst) begin
                    out <= {4'hF, 36'd0};
                    for (i = 0; i < 16; i = i + 1)
                        delay[i] <= {4'hF, 36'd0};
                end
            end

            initial begin
                place = 4'd0;
                for (i = 0; i < 16; i = i + 1)
                    delay[i] = {4'hF, 36'd0};
            end

            assign received[40*(1-n) +: 40] = out;

            link #(
                .RX_BUFFERS(RX_BUFFERS)
            ) link_inst (
                .clk(clk),
                .rst(rst),
                .rx_data(received[40*n +: 32]),
                .rx_charisk(received[40*n+32 +: 4]),
                .rx_invalid(received[40*n+36 +: 4]),
                .tx_data(tx_data[32*n +: 32]),
                .tx_charisk(tx_charisk[4*n +: 4]),
                .rxf_valid(rxf_valid[n]),
                .rxf_header(rxf_header[192*n +: 192]),
                .rxf_words(rxf_words[10*n +: 10]),
                .rxf_sof_initiate(rxf_sof_initiate[n]),
                .rxf_eof_terminate(rxf_eof_terminate[n]),
                .rxf_rd_addr(rxf_rd_addr[10*n +: 10]),
                .rxf_rd_data(rxf_rd_data[32*n +: 32]),
                .rxf_pop(rxf_pop[n]),
                .txf_request(txf_request[n]),
                .txf_valid(txf_valid[n]),
                .txf_ready(txf_ready[n]),
                .txf_header(txf_header[192*n +: 192]),
                .txf_words(txf_words[10*n +: 10]),
                .txf_sof_initiate(txf_sof_initiate[n]),
                .txf_eof_terminate(txf_eof_terminate[n]),
                .txf_data(txf_data[32*n +: 32]),
                .txf_data_valid(txf_data_valid[n]),
                .txf_data_ready(txf_data_ready[n]),
                .txf_done(txf_done[n]),
                .link_enable(link_enable[n]),
                .link_active(link_active[n]),
                .link_down_event(link_down_event[n]),
                .link_reset_event(link_reset_event[n]),
                .link_reset_request(link_reset_request[n]),
                .bb_credit_set(bb_credit_set[n]),
                .bb_credit_value(bb_credit_value[8*n +: 8]),
                .tick(tick),
                .cfg_e_d_tov_ticks(cfg_e_d_tov_ticks),
                .cfg_r_t_tov_ticks(cfg_r_t_tov_ticks),
                .status_link_state(status_link_state[4*n +: 4]),
                .status_tx_credit(status_tx_credit[8*n +: 8]),
                .lesb(lesb[512*n +: 512])
            );
        end
    endgenerate

endmodule

`resetall
