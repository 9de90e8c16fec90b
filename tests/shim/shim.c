#include "tests/shim/shim.h"

#include <stdlib.h>
#include <string.h>

#include <nng/nng.h>
#include <nng/protocol/pubsub0/pub.h>
#include <nng/protocol/pubsub0/sub.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/heap.h"
#include "ipc/endpoint.h"
#include "ipc/frame.h"
#include "ipc/runtime_dir.h"
#include "tests/shim/gate.h"

#define DIAL_PATIENCE (100 * CLOCK_MS)
#define LISTEN_PATIENCE (1000 * CLOCK_MS)
#define POLL_MS 50 /* connections are looked after so often */
#define LINES 3
#define WAYS 4

/* One pair of sockets: towards the plane that listens, and in its place towards the other one. */
static const struct line_kind {
    const char *name;
    endpoint_opener *open_real;
    endpoint_opener *open_fake;
} line_kinds[LINES] = {
    {"events", nng_sub0_open, nng_pub0_open},
    {"commands", nng_sub0_open, nng_pub0_open},
    {"snapshot", nng_req0_open_raw, nng_rep0_open_raw},
};

struct line {
    struct endpoint real;
    struct endpoint fake;
};

/* Which way messages go; published ones go one way only. */
static const struct way {
    const char *name;
    size_t line;
    bool from_fake;
} ways[WAYS] = {
    {"events", 0, false},
    {"commands", 1, false},
    {"request", 2, true},
    {"reply", 2, false},
};

/* The ways that have a gate are the first ones. */
static const char *const stream_names[SHIM_STREAMS] = {"inputs", "commands"};

struct held {
    struct heap_node timer;
    nng_msg *message;
    const struct way *way;
};

struct shim {
    char real[IPC_PATH_MAX];
    char fake[IPC_PATH_MAX];
    uint64_t rng;
    FILE *trace;
    struct line lines[LINES];
    struct shim_faults faults;
    bool is_cut;
    uint16_t version; /* that all messages claim; 0: what they do */
    struct heap held;
    struct gate gates[SHIM_STREAMS];
    struct shim_counters counters;
};

/* splitmix64 */
static uint64_t random_next(struct shim *s)
{
    uint64_t z = s->rng += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static bool chance(struct shim *s, unsigned per_mille)
{
    return random_next(s) % 1000 < per_mille;
}

/* ---- sockets ---- */

static int open_fake(struct shim *s, size_t i)
{
    const struct line_kind *kind = &line_kinds[i];
    int rc = endpoint_listen(&s->lines[i].fake, kind->open_fake, s->fake, kind->name);
    return rc == 0 ? 0 : ERR_SYSTEM;
}

static int open_line(struct shim *s, size_t i)
{
    const struct line_kind *kind = &line_kinds[i];
    int rc = endpoint_dial(&s->lines[i].real, kind->open_real, s->real, kind->name);
    return rc == 0 ? open_fake(s, i) : ERR_SYSTEM;
}

int shim_init(struct shim **out, const char *real, const char *fake, uint64_t seed, FILE *trace)
{
    struct shim *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return ERR_MEMORY;
    snprintf(s->real, sizeof(s->real), "%s", real);
    snprintf(s->fake, sizeof(s->fake), "%s", fake);
    s->rng = seed;
    s->trace = trace;
    int rc = ipc_runtime_dir_make(fake);
    for (size_t i = 0; rc == 0 && i < LINES; i++)
        rc = open_line(s, i);
    if (rc != 0) {
        shim_free(s);
        return rc;
    }
    *out = s;
    return 0;
}

static void drop_held(struct shim *s)
{
    struct heap_node *node;
    while ((node = heap_first(&s->held)) != NULL) {
        struct held *h = heap_entry(node, struct held, timer);
        heap_remove(&s->held, node);
        nng_msg_free(h->message);
        free(h);
        s->counters.cut++;
    }
}

void shim_free(struct shim *s)
{
    if (s == NULL)
        return;
    drop_held(s);
    heap_free(&s->held);
    for (size_t i = 0; i < SHIM_STREAMS; i++)
        gate_free(&s->gates[i]);
    for (size_t i = 0; i < LINES; i++) {
        endpoint_close(&s->lines[i].real);
        endpoint_close(&s->lines[i].fake);
    }
    free(s);
}

void shim_set_version(struct shim *s, uint16_t version)
{
    s->version = version;
}

void shim_set_faults(struct shim *s, const struct shim_faults *faults)
{
    s->faults = *faults;
}

/* The planes see their connections end, and make them again as soon as they can. */
int shim_cut(struct shim *s, bool cut)
{
    int rc = 0;
    if (cut == s->is_cut)
        return 0;
    s->is_cut = cut;
    s->counters.cuts += cut;
    drop_held(s);
    for (size_t i = 0; i < LINES; i++) {
        endpoint_close(&s->lines[i].fake);
        if (!cut && open_fake(s, i) != 0)
            rc = ERR_SYSTEM;
    }
    return rc;
}

/* ---- messages ---- */

static void trace(struct shim *s, const struct way *way, nng_msg *message, const char *fate)
{
    struct buffer text = {0};
    if (s->trace == NULL)
        return;
    ipc_message_print(&text, (struct bytes){nng_msg_body(message), nng_msg_len(message)});
    fprintf(s->trace, "%s %s: %.*s", way->name, fate, (int)text.len, (const char *)text.data);
    buffer_free(&text);
}

/* A full queue or an absent plane loses the message, which is what they must live with. */
static void give_on(struct shim *s, const struct way *way, nng_msg *message)
{
    struct line *line = &s->lines[way->line];
    const struct endpoint *to = way->from_fake ? &line->real : &line->fake;
    if (s->is_cut || nng_sendmsg(to->socket, message, NNG_FLAG_NONBLOCK) != 0)
        nng_msg_free(message);
}

static bool hold(struct shim *s, const struct way *way, nng_msg *message, uint64_t now)
{
    struct held *h = calloc(1, sizeof(*h));
    uint64_t delay = (1 + random_next(s) % (s->faults.delay_ms + 1)) * CLOCK_MS;
    if (h == NULL || heap_set(&s->held, &h->timer, now + delay) != 0) {
        free(h);
        return false;
    }
    h->message = message;
    h->way = way;
    return true;
}

static void pass(struct shim *s, const struct way *way, nng_msg *message, uint64_t now)
{
    if (chance(s, s->faults.delay) && hold(s, way, message, now)) {
        s->counters.delayed++;
        trace(s, way, message, "delayed");
        return;
    }
    s->counters.passed++;
    trace(s, way, message, "passed");
    give_on(s, way, message);
}

/* The version is the two bytes behind the magic number: ipc/frame.h. */
static void claim_version(const struct shim *s, nng_msg *message)
{
    uint8_t *bytes = nng_msg_body(message);
    if (s->version == 0 || nng_msg_len(message) < 6)
        return;
    bytes[4] = (uint8_t)(s->version >> 8);
    bytes[5] = (uint8_t)s->version;
}

static void judge(struct shim *s, const struct way *way, nng_msg *message, uint64_t now)
{
    nng_msg *twin;
    size_t number = (size_t)(way - ways);
    claim_version(s, message);
    if (number < SHIM_STREAMS && gate_keeps(&s->gates[number], message))
        return;
    if (s->is_cut || chance(s, s->faults.drop)) {
        trace(s, way, message, s->is_cut ? "cut" : "dropped");
        nng_msg_free(message);
        *(s->is_cut ? &s->counters.cut : &s->counters.dropped) += 1;
        return;
    }
    if (chance(s, s->faults.duplicate) && nng_msg_dup(&twin, message) == 0) {
        s->counters.duplicated++;
        pass(s, way, twin, now);
    }
    pass(s, way, message, now);
}

/* ---- gates ---- */

const char *shim_stream_name(enum shim_stream stream)
{
    return stream_names[stream];
}

void shim_count_anew(struct shim *s)
{
    for (size_t i = 0; i < SHIM_STREAMS; i++)
        gate_count_anew(&s->gates[i]);
}

uint64_t shim_counted(const struct shim *s, enum shim_stream stream)
{
    return s->gates[stream].counted;
}

void shim_hold(struct shim *s, enum shim_stream stream, uint64_t nth)
{
    gate_shut_at(&s->gates[stream], nth);
}

bool shim_holds(const struct shim *s, struct buffer *what)
{
    for (size_t i = 0; i < SHIM_STREAMS; i++) {
        if (s->gates[i].shut) {
            gate_print(&s->gates[i], what);
            return true;
        }
    }
    return false;
}

void shim_release(struct shim *s, bool give)
{
    nng_msg *message;
    for (size_t i = 0; i < SHIM_STREAMS; i++) {
        while ((message = gate_open(&s->gates[i])) != NULL) {
            trace(s, &ways[i], message, give ? "released" : "dropped");
            if (give)
                give_on(s, &ways[i], message);
            else
                nng_msg_free(message);
        }
    }
}

/* ---- nonsense ---- */

/* A header that is right, for whoever is there, and a row of anything; or anything at all. */
static nng_msg *make_garbage(struct shim *s)
{
    nng_msg *message;
    struct buffer bytes = {0};
    if (chance(s, 700)) {
        const struct ipc_frame frame = {.kind = (enum ipc_kind)(1 + random_next(s) % 6),
                                        .from = 1 + random_next(s) % 3,
                                        .to = random_next(s) % 3,
                                        .sequence = random_next(s) % 10};
        ipc_frame_put(&bytes, &frame);
    }
    for (uint64_t len = random_next(s) % 300; len > 0; len--)
        buffer_append_u8(&bytes, (uint8_t)(chance(s, 500) ? 0 : random_next(s)));
    int rc = nng_msg_alloc(&message, 0);
    if (rc == 0)
        nng_msg_append(message, bytes.data, bytes.len);
    buffer_free(&bytes);
    return rc == 0 ? message : NULL;
}

/* A raw socket wants a request's number, with its highest bit set. */
void shim_garbage(struct shim *s, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const struct way *way = &ways[i % (WAYS - 1)]; /* there is no request to reply to */
        nng_msg *message = make_garbage(s);
        if (message == NULL)
            return;
        if (way->from_fake)
            nng_msg_header_append_u32(message, 0x80000000u | i);
        trace(s, way, message, "made");
        give_on(s, way, message);
    }
}

static const struct endpoint *source_of(const struct shim *s, const struct way *way)
{
    const struct line *line = &s->lines[way->line];
    return way->from_fake ? &line->fake : &line->real;
}

static void release_due(struct shim *s, uint64_t now)
{
    struct heap_node *node;
    while ((node = heap_pop_due(&s->held, now)) != NULL) {
        struct held *h = heap_entry(node, struct held, timer);
        give_on(s, h->way, h->message);
        free(h);
    }
}

void shim_run(struct shim *s, uint64_t now)
{
    nng_msg *message;
    release_due(s, now);
    for (size_t i = 0; i < LINES; i++) {
        endpoint_tick(&s->lines[i].real, now, DIAL_PATIENCE);
        endpoint_tick(&s->lines[i].fake, now, LISTEN_PATIENCE);
    }
    for (size_t i = 0; i < WAYS; i++) {
        const struct endpoint *source = source_of(s, &ways[i]);
        while (source->open && nng_recvmsg(source->socket, &message, NNG_FLAG_NONBLOCK) == 0)
            judge(s, &ways[i], message, now);
    }
}

size_t shim_poll(const struct shim *s, struct pollfd fds[SHIM_POLL_MAX], uint64_t now,
                 int *timeout_ms)
{
    size_t count = 0;
    for (size_t i = 0; i < WAYS; i++) {
        fds[count] = (struct pollfd){.fd = endpoint_fd(source_of(s, &ways[i])), .events = POLLIN};
        count += fds[count].fd >= 0;
    }
    struct heap_node *first = heap_first(&s->held);
    *timeout_ms = POLL_MS;
    if (first != NULL && first->key < now + POLL_MS * CLOCK_MS)
        *timeout_ms = first->key <= now ? 0 : (int)((first->key - now) / CLOCK_MS) + 1;
    return count;
}

const struct shim_counters *shim_counters(const struct shim *s)
{
    return &s->counters;
}
