/* SPDX-License-Identifier: Apache-2.0 */
/* The C side of the transactors: one instance in the simulator's process, called by the HDL (DPI-C on Verilator, VPI system
   tasks on Icarus) once a frame, and by Python through ctypes. Times are words since reset. */
#ifndef PORTPLEX_BFM_H
#define PORTPLEX_BFM_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PP_PORTS 256    /* most FC port transactors, and most AXI4-Lite masters, in one simulation */
#define PP_WORDS 640    /* words of the wide vector that crosses to and from the HDL (fc_port_bfm.v, MAX_WORDS) */

/* flags of an item in a port's transmit queue */
#define PP_ITEM_CREDIT 1    /* takes one buffer-to-buffer credit */
#define PP_ITEM_ANY_STATE 2 /* sent in any link state, not only in AC */
#define PP_ITEM_FRAME 4     /* a frame: reported when sent, counted */

#define PP_CONTROL_CLEAR 7 /* control operation done in C; 0 to 6 belong to fc_port_bfm.v */

/* kinds of event, for Python */
#define PP_EVENT_FRAME 1 /* received frame */
#define PP_EVENT_SENT 2  /* frame sent */
#define PP_EVENT_LINK 3  /* link state, in `value` */
#define PP_EVENT_IDLE 4  /* transmitter idle, asked for with pp_fc_notify_idle */
#define PP_EVENT_RESET 5 /* reset; `value` = items flushed */
#define PP_EVENT_AXIL 6  /* access done: `value` = data, `flags` = status */

/* flags of a received frame */
#define PP_BAD_CRC 1
#define PP_BAD_EOF_FORM 2 /* running disparity asks for the other form */
#define PP_TRUNCATED 4    /* another ordered set where EOF was due, or less than a header and CRC */
#define PP_K_INSIDE 8     /* K character or reported code violation between SOF and EOF */
#define PP_TOO_LONG 16    /* more than 2112 bytes of payload; words beyond PP_WORDS are lost */
#define PP_NO_CREDIT 32   /* more frames under way than receive credit granted */
#define PP_EOF_INVALID 64 /* EOFa, EOFni, or an EOF of another class */

/* events drained by Python: this header, then `length` bytes, padded to a multiple of 8 */
struct pp_event {
    uint32_t source, kind, flags, length;
    uint64_t start, end;
    uint32_t sof, eof, crc, value;
};

/* statistics of a port, for Python */
struct pp_stats {
    uint64_t frames_sent, frames_received, frames_bad, payload_words_sent, payload_words_received;
    uint64_t frame_words_sent, frame_words_received, r_rdy_sent, r_rdy_received, credit_min, clock, digest;
    uint64_t dropped, flushed, bad[8];
};

/* ---- called by the HDL; `out` words are written ---- */
void pp_fc_reset(int port, int64_t clock);
void pp_fc_poll(int port, int64_t clock, int busy, int r_rdy_sent, int r_rdy_received, int credit_min, int *attention);
void pp_fc_take(int port, int64_t clock, uint32_t *words, uint32_t *k, int *info);
void pp_fc_sent(int port, int64_t start, int64_t end);
void pp_fc_control(int port, int64_t clock, int *operation, int *argument, int *more);
void pp_fc_frame(int port, int64_t start, int64_t end, int length, int flags, const uint32_t *words);
void pp_fc_link(int port, int64_t clock, int state);
void pp_axil_take(int master, int64_t clock, int *request, int *address, int *data, int *deadline);
void pp_axil_done(int master, int64_t clock, int status, int data);
void pp_clock_poll(int64_t clock, int *reset_clocks);
void pp_time_zero(int64_t time);

/* ---- called by Python, and by a plain C++ loop ---- */
int pp_fc_build(const uint8_t *data, int length, int initiate, int terminate, uint32_t *words);
int pp_fc_send(int port, const uint8_t *data, int length, int initiate, int terminate);
int pp_fc_push(int port, const uint32_t *words, const uint8_t *k, int length, int flags, int gap);
int pp_fc_push_control(int port, int operation, int argument);
void pp_fc_notify_idle(int port);
void pp_fc_report_sent(int port, int on);
int pp_fc_pending(int port);
void pp_fc_stats(int port, struct pp_stats *stats);
void pp_fc_clear(int port);
int pp_fc_active(int port);
void pp_axil_push(int master, int write, uint32_t address, uint32_t data, uint32_t deadline);
void pp_reset_push(int clocks);
int64_t pp_get_time_zero(void);
int64_t pp_drain(const uint8_t **events);
uint32_t pp_eof_form(uint32_t eof, const uint32_t *words, int length);
int pp_record(const char *path);
int pp_record_end(void);
int64_t pp_replay(const char *path);
int pp_replay_state(void);

#ifdef __cplusplus
}
#endif
#endif
