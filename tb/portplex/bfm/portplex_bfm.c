/* SPDX-License-Identifier: Apache-2.0 */
/* Queues between Python and the transactors in hdl/bfm. See portplex_bfm.h for who calls what, docs/bfm.md for the why.

   Every item carries the clock at which the HDL could first see it (its first poll or take after the push). Recording writes
   items with that clock; replaying shows them to the HDL from that clock on, so a replay is equal clock for clock. */
#include "portplex_bfm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SOFI3 0xBCB55656u
#define SOFN3 0xBCB53636u
#define EOFN 0xBC95D5D5u
#define EOFT 0xBC957575u
#define NEVER INT64_MAX

/* ---- checks over the words of a frame ---- */

static uint32_t crc_table[4][256];
static uint8_t flips[256]; /* 1: this data byte changes the running disparity */

__attribute__((constructor)) static void make_tables(void) {
    for (int i = 0; i < 256; i++) {
        uint32_t value = (uint32_t)i;
        for (int bit = 0; bit < 8; bit++) value = value & 1 ? (value >> 1) ^ 0xEDB88320u : value >> 1;
        crc_table[0][i] = value;
        /* 5b/6b codes with unequal ones and zeros belong to these x; 3b/4b codes to y = 0, 4, 7 */
        static const uint32_t unbalanced_x = 0xE9818117u; /* 0 1 2 4 8 15 16 23 24 27 29 30 31 */
        int x = i & 31, y = i >> 5;
        flips[i] = (uint8_t)(((unbalanced_x >> x) & 1) ^ (y == 0 || y == 4 || y == 7));
    }
    for (int t = 1; t < 4; t++)
        for (int i = 0; i < 256; i++) crc_table[t][i] = (crc_table[t - 1][i] >> 8) ^ crc_table[0][crc_table[t - 1][i] & 255];
}

static inline uint32_t crc_word(uint32_t crc, uint32_t word) {
    crc ^= __builtin_bswap32(word);
    return crc_table[3][crc & 255] ^ crc_table[2][(crc >> 8) & 255] ^ crc_table[1][(crc >> 16) & 255] ^ crc_table[0][crc >> 24];
}

static inline uint8_t word_flips(uint32_t word) {
    return flips[word & 255] ^ flips[(word >> 8) & 255] ^ flips[(word >> 16) & 255] ^ flips[word >> 24];
}

/* The form of `eof` that the running disparity after `words` (all between SOF and EOF) asks for; SOF leaves it positive. */
uint32_t pp_eof_form(uint32_t eof, const uint32_t *words, int length) {
    uint8_t flipped = 0;
    for (int i = 0; i < length; i++) flipped ^= word_flips(words[i]);
    uint32_t second = (eof >> 16) & 0x0F; /* D21.x or D10.x */
    uint32_t high = second == 0x5 ? (flipped ? 0x90u : 0xB0u) : (flipped ? 0x80u : 0xA0u);
    return (eof & 0xFF0FFFFFu) | high << 16;
}

/* ---- state ---- */

struct item {
    struct item *next;
    int64_t visible; /* clock at which the HDL may see it; NEVER until then */
    int length, flags, gap, last;
    int serial; /* of its port, for CLEAR */
    uint32_t *words; /* then length/8 words of K nibbles, packed, or NULL for SOF and EOF only */
    uint32_t *k;
};

struct control {
    struct control *next;
    int64_t visible;
    int operation, argument, extra, deadline; /* extra, deadline: AXI4-Lite only */
};

struct fifo {
    void *head, *tail;
};

struct port {
    struct fifo items, controls;
    struct item *current; /* the item the HDL holds */
    struct pp_stats stats;
    int active, report_sent, notify_idle, serial;
    int64_t digest_clock; /* of the last frame, and the digest before it */
    uint64_t digest_before;
};

static struct port ports[PP_PORTS];
static struct fifo axil[PP_PORTS], resets;
static int64_t time_zero = -1;
static int replaying;
static FILE *record;
static int ports_used;
static int64_t last_clock, replay_end = NEVER; /* clock_source's last poll; where a replay ends */
static uint64_t last_digest, replay_digest;
static uint8_t *events;
static size_t events_used, events_room;

static void out_of_memory(void) {
    fprintf(stderr, "portplex: the transactor library is out of memory\n");
    exit(1);
}

static void *allocate(size_t size) {
    void *memory = malloc(size ? size : 1);
    if (!memory) out_of_memory();
    return memory;
}

static struct pp_event *add_event(uint32_t source, uint32_t kind, uint32_t length) {
    if (replaying) {
        static struct pp_event unused; /* nobody drains a replay; callers with data have returned before */
        return &unused;
    }
    size_t size = sizeof(struct pp_event) + ((length + 7u) & ~7u);
    if (events_used + size > events_room) {
        events_room = 2 * (events_room + size);
        events = realloc(events, events_room);
        if (!events) out_of_memory();
    }
    struct pp_event *event = (struct pp_event *)(events + events_used);
    memset(event, 0, sizeof *event);
    event->source = source;
    event->kind = kind;
    event->length = length;
    events_used += size;
    return event;
}

static void store_words(struct pp_event *event, const uint32_t *words, int length) {
    uint32_t *data = (uint32_t *)(event + 1);
    for (int i = 0; i < length; i++) data[i] = __builtin_bswap32(words[i]);
}

/* items and controls both begin with `next` and `visible` */
static void append(struct fifo *fifo, void *entry) {
    ((struct control *)entry)->next = NULL;
    if (fifo->tail)
        ((struct control *)fifo->tail)->next = entry;
    else
        fifo->head = entry;
    fifo->tail = entry;
}

static void *pop(struct fifo *fifo) {
    struct control *entry = fifo->head;
    fifo->head = entry->next;
    if (!fifo->head) fifo->tail = NULL;
    return entry;
}

/* ---- record and replay ---- */

enum { RECORD_ITEM = 1, RECORD_CONTROL, RECORD_AXIL, RECORD_RESET, RECORD_END };

struct record_head {
    int32_t kind, source;
    int64_t clock;
    int32_t a, b, c, d; /* item: length, flags, gap, last */
    int32_t k_there, serial;
};

static void write_record(int kind, int source, const void *entry) {
    struct record_head head = {.kind = kind, .source = source};
    if (kind == RECORD_ITEM) {
        const struct item *item = entry;
        head.clock = item->visible, head.a = item->length, head.b = item->flags, head.c = item->gap, head.d = item->last;
        head.k_there = item->k != NULL, head.serial = item->serial;
        fwrite(&head, sizeof head, 1, record);
        fwrite(item->words, 4, (size_t)item->length, record);
        if (item->k) fwrite(item->k, 4, (size_t)(item->length + 7) / 8, record);
    } else {
        const struct control *control = entry;
        head.clock = control->visible, head.a = control->operation, head.b = control->argument;
        head.c = control->extra, head.d = control->deadline;
        fwrite(&head, sizeof head, 1, record);
    }
}

/* Mark everything the HDL has not seen yet as visible from now on; true when the head may be taken. */
static int look(struct fifo *fifo, int64_t clock, int kind, int source) {
    struct control *tail = fifo->tail;
    if (!tail) return 0;
    if (tail->visible == NEVER) {
        for (struct control *entry = fifo->head; entry; entry = entry->next)
            if (entry->visible == NEVER) {
                entry->visible = clock;
                if (record) write_record(kind, source, entry);
            }
    }
    return ((struct control *)fifo->head)->visible <= clock;
}

int pp_record(const char *path) {
    record = fopen(path, "wb");
    return record ? 0 : -1;
}

/* One number for all frames received before clock_source's last poll, and when. */
static uint64_t digest_of_all(int64_t clock) {
    uint64_t sum = 0;
    for (int i = 0; i < ports_used; i++)
        sum += ports[i].digest_clock == clock ? ports[i].digest_before : ports[i].stats.digest;
    return sum;
}

/* Close the recording at the last poll of clock_source. Returns 0, or -1 when the file could not be written whole. */
int pp_record_end(void) {
    if (!record) return -1;
    struct record_head head = {.kind = RECORD_END, .clock = last_clock};
    head.a = (int32_t)last_digest, head.b = (int32_t)(last_digest >> 32);
    int bad = fwrite(&head, sizeof head, 1, record) != 1 || ferror(record);
    bad |= fclose(record) != 0;
    record = NULL;
    return bad ? -1 : 0;
}

__attribute__((destructor)) static void close_record(void) {
    if (record && pp_record_end()) fprintf(stderr, "portplex: the recording could not be written whole\n");
}

/* 0 while a replay runs, 1 when it has ended as the recording did, -1 when frames or times were different. */
int pp_replay_state(void) {
    if (last_clock < replay_end) return 0;
    return last_digest == replay_digest ? 1 : -1;
}

/* Load a recording instead of being fed by Python. Returns the clock at which it ends, or -1 when it is not whole. */
int64_t pp_replay(const char *path) {
    FILE *file = fopen(path, "rb");
    struct record_head head;
    if (!file) return -1;
    replaying = 1;
    while (fread(&head, sizeof head, 1, file) == 1) {
        if (head.kind == RECORD_END) {
            fclose(file);
            replay_end = head.clock;
            replay_digest = (uint32_t)head.a | (uint64_t)(uint32_t)head.b << 32;
            return head.clock;
        }
        if (head.source < 0 || head.source >= PP_PORTS) break;
        if (head.kind == RECORD_ITEM) {
            if (head.a < 1 || head.a > PP_WORDS) break;
            struct item *item = allocate(sizeof *item);
            size_t k_words = head.k_there ? (size_t)(head.a + 7) / 8 : 0;
            *item = (struct item){.visible = head.clock, .length = head.a, .flags = head.b, .gap = head.c, .last = head.d,
                                  .serial = head.serial};
            item->words = allocate(4 * ((size_t)head.a + k_words));
            if (fread(item->words, 4, (size_t)head.a + k_words, file) != (size_t)head.a + k_words) break;
            item->k = k_words ? item->words + head.a : NULL;
            append(&ports[head.source].items, item);
        } else {
            struct control *control = allocate(sizeof *control);
            *control = (struct control){.visible = head.clock, .operation = head.a, .argument = head.b, .extra = head.c,
                                        .deadline = head.d};
            append(head.kind == RECORD_CONTROL  ? &ports[head.source].controls
                   : head.kind == RECORD_AXIL ? &axil[head.source]
                                              : &resets,
                   control);
        }
    }
    fclose(file);
    return -1;
}

/* ---- transmit ---- */

static void free_item(struct item *item) {
    if (item) {
        free(item->words);
        free(item);
    }
}

/* Drop what waits in the queue and was pushed before `serial`, except what may be sent in any state unless `all`. */
static int flush(struct port *p, int all, int serial) {
    struct fifo kept = {0};
    int dropped = 0;
    while (p->items.head) {
        struct item *item = pop(&p->items);
        if ((!all && (item->flags & PP_ITEM_ANY_STATE)) || item->serial >= serial) {
            append(&kept, item);
        } else {
            free_item(item);
            dropped++;
        }
    }
    p->items = kept;
    p->stats.flushed += (uint64_t)dropped;
    return dropped;
}

/* The link or the reset has taken the item the HDL held, too. */
static int flush_all(struct port *p, int all, int64_t clock) {
    int serial = p->serial, dropped = 0;
    if (replaying) { /* what a recording holds for later is not there yet */
        struct item *item = p->items.head;
        while (item && item->visible <= clock) item = item->next;
        serial = item ? item->serial : INT32_MAX;
    }
    if (p->current && (all || !(p->current->flags & PP_ITEM_ANY_STATE))) {
        free_item(p->current);
        p->current = NULL;
        dropped = 1;
        p->stats.flushed++;
    }
    return dropped + flush(p, all, serial);
}

int pp_fc_build(const uint8_t *data, int length, int initiate, int terminate, uint32_t *words) {
    int count = length / 4;
    uint32_t crc = 0xFFFFFFFFu;
    uint8_t flipped = 0;
    words[0] = initiate ? SOFI3 : SOFN3;
    for (int i = 0; i < count; i++) {
        uint32_t word;
        memcpy(&word, data + 4 * i, 4);
        word = __builtin_bswap32(word);
        crc = crc_word(crc, word);
        flipped ^= word_flips(word);
        words[1 + i] = word;
    }
    crc = __builtin_bswap32(~crc);
    flipped ^= word_flips(crc);
    words[1 + count] = crc;
    words[2 + count] = (terminate ? EOFT : EOFN) | (flipped ? 0 : 0x00200000u);
    return count + 3;
}

static void push_item(int port, int length, uint32_t *words, uint32_t *k, int flags, int gap, int last) {
    struct item *item = allocate(sizeof *item);
    *item = (struct item){.visible = NEVER, .length = length, .words = words, .k = k, .flags = flags, .gap = gap, .last = last,
                          .serial = ports[port].serial++};
    append(&ports[port].items, item);
}

/* Queue a good frame. Returns 0, or -1 when the link is not active: dropped and counted. */
int pp_fc_send(int port, const uint8_t *data, int length, int initiate, int terminate) {
    struct port *p = &ports[port];
    if (!p->active) {
        p->stats.dropped++;
        return -1;
    }
    uint32_t *words = allocate((size_t)length + 12);
    push_item(port, pp_fc_build(data, length, initiate, terminate, words), words, NULL, PP_ITEM_CREDIT | PP_ITEM_FRAME, 6, 1);
    return 0;
}

/* Queue any words; `k` holds one K nibble a word. `gap` is the least number of fill words before the first. */
int pp_fc_push(int port, const uint32_t *words, const uint8_t *k, int length, int flags, int gap) {
    struct port *p = &ports[port];
    if (!p->active && !(flags & PP_ITEM_ANY_STATE)) {
        p->stats.dropped++;
        return -1;
    }
    for (int done = 0; done < length;) {
        int count = length - done < PP_WORDS ? length - done : PP_WORDS;
        int k_words = (count + 7) / 8;
        uint32_t *copy = allocate(4 * (size_t)(count + k_words));
        memcpy(copy, words + done, 4 * (size_t)count);
        memset(copy + count, 0, 4 * (size_t)k_words);
        for (int i = 0; i < count; i++) copy[count + i / 8] |= (uint32_t)(k[done + i] & 15) << (4 * (i % 8));
        int last = done + count == length;
        push_item(port, count, copy, copy + count, done ? flags & ~PP_ITEM_CREDIT : flags, done ? 0 : gap, last);
        done += count;
    }
    return 0;
}

void pp_fc_take(int port, int64_t clock, uint32_t *words, uint32_t *k, int *info) {
    struct port *p = &ports[port];
    *info = 0;
    if (!look(&p->items, clock, RECORD_ITEM, port)) return;
    free_item(p->current);
    struct item *item = p->current = pop(&p->items);
    memcpy(words, item->words, 4 * (size_t)item->length);
    if (item->k) {
        memcpy(k, item->k, 4 * (size_t)((item->length + 7) / 8));
    } else {
        memset(k, 0, 4 * (size_t)((item->length + 7) / 8));
        k[0] = 8;
        k[(item->length - 1) / 8] |= 8u << (4 * ((item->length - 1) % 8));
    }
    int more = look(&p->items, clock, RECORD_ITEM, port);
    *info = item->length | (item->flags & PP_ITEM_CREDIT ? 1 << 16 : 0) | (item->flags & PP_ITEM_ANY_STATE ? 1 << 17 : 0) |
            (item->gap & 63) << 18 | more << 24;
}

/* The item the HDL held has left; of a frame in several chunks only the last one counts. */
void pp_fc_sent(int port, int64_t start, int64_t end) {
    struct port *p = &ports[port];
    struct item *item = p->current;
    if (!item) return;
    p->current = NULL;
    if (item->flags & PP_ITEM_FRAME) p->stats.frame_words_sent += (uint64_t)item->length;
    if ((item->flags & PP_ITEM_FRAME) && item->last) {
        p->stats.frames_sent++;
        p->stats.payload_words_sent += item->length > 9 ? (uint64_t)item->length - 9 : 0;
        if (p->report_sent && !replaying) {
            int data_words = item->length > 3 ? item->length - 3 : 0;
            struct pp_event *event = add_event((uint32_t)port, PP_EVENT_SENT, 4u * (uint32_t)data_words);
            event->start = (uint64_t)start, event->end = (uint64_t)end;
            event->sof = item->words[0], event->eof = item->words[item->length - 1];
            event->crc = item->length > 3 ? item->words[item->length - 2] : 0;
            store_words(event, item->words + 1, data_words);
        }
    }
    free_item(item);
}

int pp_fc_push_control(int port, int operation, int argument) {
    struct control *control = allocate(sizeof *control);
    *control = (struct control){.visible = NEVER, .operation = operation, .argument = argument};
    append(&ports[port].controls, control);
    return 0;
}

void pp_fc_control(int port, int64_t clock, int *operation, int *argument, int *more) {
    struct port *p = &ports[port];
    *operation = *argument = *more = 0;
    while (look(&p->controls, clock, RECORD_CONTROL, port)) {
        struct control *control = pop(&p->controls);
        *operation = control->operation, *argument = control->argument;
        free(control);
        if (*operation == PP_CONTROL_CLEAR)
            flush(p, 1, *argument);
        else
            break;
    }
    *more = look(&p->controls, clock, RECORD_CONTROL, port);
}

void pp_fc_poll(int port, int64_t clock, int busy, int r_rdy_sent, int r_rdy_received, int credit_min, int *attention) {
    struct port *p = &ports[port];
    int item = look(&p->items, clock, RECORD_ITEM, port);
    int control = look(&p->controls, clock, RECORD_CONTROL, port);
    int wake = 0;
    p->stats.r_rdy_sent = (uint32_t)r_rdy_sent, p->stats.r_rdy_received = (uint32_t)r_rdy_received;
    p->stats.credit_min = (uint32_t)credit_min, p->stats.clock = (uint64_t)clock;
    if (p->notify_idle && !busy && !item) {
        p->notify_idle = 0;
        add_event((uint32_t)port, PP_EVENT_IDLE, 0)->end = (uint64_t)clock;
        wake = 1;
    }
    *attention = item | control << 1 | wake << 2;
}

void pp_fc_notify_idle(int port) { ports[port].notify_idle = 1; }
void pp_fc_report_sent(int port, int on) { ports[port].report_sent = on; }

int pp_fc_pending(int port) {
    int count = ports[port].current != NULL;
    for (struct control *entry = ports[port].items.head; entry; entry = entry->next) count++;
    return count;
}

void pp_fc_stats(int port, struct pp_stats *stats) { *stats = ports[port].stats; }
/* Drop what was queued so far; done by the next control poll, so that a replay does the same. */
void pp_fc_clear(int port) { pp_fc_push_control(port, PP_CONTROL_CLEAR, ports[port].serial); }
int pp_fc_active(int port) { return ports[port].active; }

/* ---- receive ---- */

void pp_fc_frame(int port, int64_t start, int64_t end, int length, int flags, const uint32_t *words) {
    struct port *p = &ports[port];
    int kept = length < PP_WORDS ? length : PP_WORDS;
    int truncated = (flags & PP_TRUNCATED) != 0;
    int inner = kept - 2;            /* words between SOF and EOF */
    uint32_t eof = words[kept - 1];  /* or what came instead */
    uint32_t crc = 0xFFFFFFFFu;
    uint8_t flipped = 0;
    if (inner < 0) inner = 0;
    for (int i = 0; i < inner; i++) {
        crc = crc_word(crc, words[1 + i]);
        flipped ^= word_flips(words[1 + i]);
    }
    if (crc != 0xDEBB20E3u) flags |= PP_BAD_CRC;
    if (inner < 7) flags |= PP_TRUNCATED;
    if (length > 537) flags |= PP_TOO_LONG;
    if (!truncated) {
        if (((eof >> 21) & 1) == flipped) flags |= PP_BAD_EOF_FORM; /* D21.5, D10.5 belong to a positive disparity */
        if ((eof & 0xFF0FFFFFu) != (EOFT & 0xFF0FFFFFu) && (eof & 0xFF0FFFFFu) != (EOFN & 0xFF0FFFFFu)) flags |= PP_EOF_INVALID;
    }
    p->stats.frame_words_received += (uint64_t)length;
    if (p->digest_clock != end) p->digest_before = p->stats.digest;
    p->digest_clock = end;
    p->stats.digest = (p->stats.digest ^ (uint64_t)start ^ (uint64_t)(inner ? words[inner] : 0) << 32) * 0x9E3779B97F4A7C15u;
    if (flags & ~PP_NO_CREDIT) {
        p->stats.frames_bad++;
    } else {
        p->stats.frames_received++;
        p->stats.payload_words_received += (uint64_t)inner - 7;
    }
    for (int bit = 0; bit < 8; bit++) p->stats.bad[bit] += (uint64_t)((flags >> bit) & 1);
    if (replaying) return;
    int data_words = inner ? inner - 1 : 0;
    struct pp_event *event = add_event((uint32_t)port, PP_EVENT_FRAME, 4u * (uint32_t)data_words);
    event->flags = (uint32_t)flags;
    event->start = (uint64_t)start, event->end = (uint64_t)end;
    event->sof = words[0], event->eof = eof, event->crc = inner ? words[inner] : 0;
    store_words(event, words + 1, data_words);
}

void pp_fc_link(int port, int64_t clock, int state) {
    struct port *p = &ports[port];
    p->active = state == 0;
    int flushed = p->active ? 0 : flush_all(p, 0, clock);
    struct pp_event *event = add_event((uint32_t)port, PP_EVENT_LINK, 0);
    event->value = (uint32_t)state, event->end = (uint64_t)clock, event->flags = (uint32_t)flushed;
}

void pp_fc_reset(int port, int64_t clock) {
    struct port *p = &ports[port];
    if (port >= ports_used) ports_used = port + 1;
    p->active = 0;
    struct pp_event *event = add_event((uint32_t)port, PP_EVENT_RESET, 0);
    event->value = clock ? (uint32_t)flush_all(p, 1, clock) : 0, event->end = (uint64_t)clock;
}

/* ---- AXI4-Lite, reset, time ---- */

void pp_axil_push(int master, int write, uint32_t address, uint32_t data, uint32_t deadline) {
    struct control *request = allocate(sizeof *request);
    *request = (struct control){.visible = NEVER, .operation = write ? 2 : 1, .argument = (int)address, .extra = (int)data,
                                .deadline = (int)deadline};
    append(&axil[master], request);
}

void pp_axil_take(int master, int64_t clock, int *request, int *address, int *data, int *deadline) {
    *request = *address = *data = *deadline = 0;
    if (!look(&axil[master], clock, RECORD_AXIL, master)) return;
    struct control *head = pop(&axil[master]);
    *request = head->operation, *address = head->argument, *data = head->extra, *deadline = head->deadline;
    free(head);
}

void pp_axil_done(int master, int64_t clock, int status, int data) {
    struct pp_event *event = add_event((uint32_t)master, PP_EVENT_AXIL, 0);
    event->flags = (uint32_t)status, event->value = (uint32_t)data, event->end = (uint64_t)clock;
}

void pp_reset_push(int clocks) {
    struct control *request = allocate(sizeof *request);
    *request = (struct control){.visible = NEVER, .argument = clocks};
    append(&resets, request);
}

void pp_clock_poll(int64_t clock, int *reset_clocks) {
    *reset_clocks = 0;
    if (record || replaying) {
        last_clock = clock;
        if (record || clock >= replay_end) last_digest = digest_of_all(clock);
    }
    if (!look(&resets, clock, RECORD_RESET, 0)) return;
    struct control *request = pop(&resets);
    *reset_clocks = request->argument;
    free(request);
}

void pp_time_zero(int64_t time) { time_zero = time; }
int64_t pp_get_time_zero(void) { return time_zero; }

/* All events since the last call, oldest first, valid until the HDL runs again. Returns their size in bytes. */
int64_t pp_drain(const uint8_t **out) {
    int64_t size = (int64_t)events_used;
    *out = events;
    events_used = 0;
    return size;
}

/* ---- the same functions as VPI system tasks ---- */
#ifdef PORTPLEX_VPI
#include <vpi_user.h>

/* argument types of a task: i 32-bit in, l 64-bit in, w wide in, o 32-bit out, v wide out */
struct task {
    const char *name, *arguments;
    void (*call)(vpiHandle *arguments);
};

static int read_int(vpiHandle handle) {
    s_vpi_value value = {.format = vpiIntVal};
    vpi_get_value(handle, &value);
    return value.value.integer;
}

static int64_t read_long(vpiHandle handle) {
    s_vpi_value value = {.format = vpiVectorVal};
    vpi_get_value(handle, &value);
    return (int64_t)((uint64_t)(uint32_t)value.value.vector[0].aval | (uint64_t)(uint32_t)value.value.vector[1].aval << 32);
}

static void write_int(vpiHandle handle, int number) {
    s_vpi_value value = {.format = vpiIntVal};
    value.value.integer = number;
    vpi_put_value(handle, &value, NULL, vpiNoDelay);
}

static void write_wide(vpiHandle handle, const uint32_t *words, int count) {
    static s_vpi_vecval vector[PP_WORDS];
    s_vpi_value value = {.format = vpiVectorVal};
    for (int i = 0; i < count; i++) vector[i].aval = (PLI_INT32)words[i], vector[i].bval = 0;
    value.value.vector = vector;
    vpi_put_value(handle, &value, NULL, vpiNoDelay);
}

static void call_fc_reset(vpiHandle *a) { pp_fc_reset(read_int(a[0]), read_long(a[1])); }

static void call_fc_poll(vpiHandle *a) {
    int attention;
    pp_fc_poll(read_int(a[0]), read_long(a[1]), read_int(a[2]), read_int(a[3]), read_int(a[4]), read_int(a[5]), &attention);
    write_int(a[6], attention);
}

static void call_fc_take(vpiHandle *a) {
    static uint32_t words[PP_WORDS], k[PP_WORDS / 8];
    int info;
    pp_fc_take(read_int(a[0]), read_long(a[1]), words, k, &info);
    if (info) {
        write_wide(a[2], words, PP_WORDS);
        write_wide(a[3], k, PP_WORDS / 8);
    }
    write_int(a[4], info);
}

static void call_fc_sent(vpiHandle *a) { pp_fc_sent(read_int(a[0]), read_long(a[1]), read_long(a[2])); }

static void call_fc_control(vpiHandle *a) {
    int operation, argument, more;
    pp_fc_control(read_int(a[0]), read_long(a[1]), &operation, &argument, &more);
    write_int(a[2], operation);
    write_int(a[3], argument);
    write_int(a[4], more);
}

static void call_fc_frame(vpiHandle *a) {
    static uint32_t words[PP_WORDS];
    s_vpi_value value = {.format = vpiVectorVal};
    vpi_get_value(a[5], &value);
    for (int i = 0; i < PP_WORDS; i++) words[i] = (uint32_t)value.value.vector[i].aval;
    pp_fc_frame(read_int(a[0]), read_long(a[1]), read_long(a[2]), read_int(a[3]), read_int(a[4]), words);
}

static void call_fc_link(vpiHandle *a) { pp_fc_link(read_int(a[0]), read_long(a[1]), read_int(a[2])); }

static void call_axil_take(vpiHandle *a) {
    int out[4];
    pp_axil_take(read_int(a[0]), read_long(a[1]), &out[0], &out[1], &out[2], &out[3]);
    for (int i = 0; i < 4; i++) write_int(a[2 + i], out[i]);
}

static void call_axil_done(vpiHandle *a) { pp_axil_done(read_int(a[0]), read_long(a[1]), read_int(a[2]), read_int(a[3])); }

static void call_clock_poll(vpiHandle *a) {
    int clocks;
    pp_clock_poll(read_long(a[0]), &clocks);
    write_int(a[1], clocks);
}

static void call_time_zero(vpiHandle *a) { pp_time_zero(read_long(a[0])); }

static const struct task tasks[] = {
    {"$pp_fc_reset", "il", call_fc_reset},       {"$pp_fc_poll", "iliiiio", call_fc_poll},
    {"$pp_fc_take", "ilvvo", call_fc_take},      {"$pp_fc_sent", "ill", call_fc_sent},
    {"$pp_fc_control", "ilooo", call_fc_control}, {"$pp_fc_frame", "illiiw", call_fc_frame},
    {"$pp_fc_link", "ili", call_fc_link},        {"$pp_axil_take", "iloooo", call_axil_take},
    {"$pp_axil_done", "ilii", call_axil_done},   {"$pp_clock_poll", "lo", call_clock_poll},
    {"$pp_time_zero", "l", call_time_zero},
};

/* Checks an instance's arguments once, and keeps their handles for its calls. */
static PLI_INT32 compile_task(PLI_BYTE8 *data) {
    const struct task *task = (const struct task *)data;
    vpiHandle call = vpi_handle(vpiSysTfCall, NULL), iterator = vpi_iterate(vpiArgument, call), argument;
    vpiHandle *kept = allocate(8 * sizeof *kept);
    size_t count = 0, wanted = strlen(task->arguments);
    while (iterator && (argument = vpi_scan(iterator))) {
        if (count < wanted) {
            int size = vpi_get(vpiSize, argument);
            char type = task->arguments[count];
            if ((type == 'l' && size != 64) || ((type == 'w' || type == 'v') && size < PP_WORDS * 4)) count = wanted;
            else kept[count] = argument;
        }
        count++;
    }
    if (count != wanted) {
        vpi_printf("%s: wrong arguments; expected types %s\n", task->name, task->arguments);
        vpi_control(vpiFinish, 1);
    }
    vpi_put_userdata(call, kept);
    return 0;
}

static PLI_INT32 call_task(PLI_BYTE8 *data) {
    ((const struct task *)data)->call(vpi_get_userdata(vpi_handle(vpiSysTfCall, NULL)));
    return 0;
}

static void register_tasks(void) {
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++) {
        s_vpi_systf_data task = {.type = vpiSysTask, .tfname = (PLI_BYTE8 *)tasks[i].name, .calltf = call_task, .compiletf = compile_task,
                                 .user_data = (PLI_BYTE8 *)&tasks[i]};
        vpi_register_systf(&task);
    }
}

void (*vlog_startup_routines[])(void) = {register_tasks, 0};
#endif
