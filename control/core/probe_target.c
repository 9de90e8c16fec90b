#include "control/core/probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "common/sha256.h"
#include "control/core/record.h"

#define RECORD_VERSION 1

static void due(struct core *c, struct timer *timer);
static void write_record(struct core *c, struct deferred *work);

/* ---- the table ---- */

static struct probe_target *find(const struct core *c, const char *address)
{
    struct probe_target *t = c->probe_targets;
    while (t != NULL && strcmp(t->address, address) != 0)
        t = t->next;
    return t;
}

/* One for each address, however often the config names it (defect 71). */
static struct probe_target *add(struct core *c, const char *address)
{
    struct probe_target *t = find(c, address);
    if (t != NULL) {
        t->address = address;
        return t;
    }
    t = calloc(1, sizeof(*t));
    if (t == NULL)
        return NULL;
    t->address = address;
    t->timer.due = due;
    t->record.run = write_record;
    reconnect_init(&t->reconnect, c->now);
    DL_APPEND(c->probe_targets, t);
    return t;
}

int probe_targets_init(struct core *c)
{
    const struct config *config = c->settings.config;
    for (size_t i = 0; i < config->probe_target_count; i++) {
        if (add(c, config->probe_targets[i]) == NULL)
            return ERR_MEMORY;
    }
    return 0;
}

static void drop(struct core *c, struct probe_target *t)
{
    timer_stop(c, &t->timer);
    deferred_cancel(c, &t->record);
    question_forget(c, &t->question);
    DL_DELETE(c->probe_targets, t);
    free(t);
}

void probe_targets_free(struct core *c)
{
    while (c->probe_targets != NULL)
        drop(c, c->probe_targets);
}

void probe_targets_forget(struct core *c)
{
    for (struct probe_target *t = c->probe_targets; t != NULL; t = t->next) {
        timer_stop(c, &t->timer);
        deferred_cancel(c, &t->record);
        question_forget(c, &t->question);
        reconnect_init(&t->reconnect, c->now);
        t->attempts = t->dial = t->connection = t->pings = 0;
        t->address_count = t->address_next = 0;
        t->resolving = false;
        t->last_error[0] = '\0';
        memset(&t->window, 0, sizeof(t->window));
    }
}

struct probe_target *probe_target_of_dial(const struct core *c, uint64_t dial)
{
    struct probe_target *t = c->probe_targets;
    while (t != NULL && (dial == 0 || t->dial != dial))
        t = t->next;
    return t;
}

struct probe_target *probe_target_of(const struct core *c, const struct connection *conn)
{
    struct probe_target *t = conn->dialed ? c->probe_targets : NULL;
    while (t != NULL && t->connection != conn->id)
        t = t->next;
    return t;
}

/* ---- dialing ---- */

static void schedule(struct core *c, struct probe_target *t)
{
    uint64_t at = reconnect_deadline(&t->reconnect);
    if (at == UINT64_MAX)
        timer_stop(c, &t->timer);
    else
        timer_set(c, &t->timer, at);
    deferred_add(c, &t->record);
}

/* Another number for each target and attempt, the same one after a restart. */
static uint64_t jitter(const struct core *c, const struct probe_target *t)
{
    struct buffer text = {0};
    uint8_t hash[SHA256_SIZE] = {0};
    uint64_t number = 0;
    buffer_append_u64(&text, c->settings.seed + t->attempts);
    buffer_append_string(&text, t->address);
    if (!text.failed && sha256(buffer_view(&text), hash) == 0)
        memcpy(&number, hash, sizeof(number));
    buffer_free(&text);
    return number;
}

static void note_error(struct core *c, struct probe_target *t, const char *why)
{
    if (strcmp(t->last_error, why) == 0)
        return;
    snprintf(t->last_error, sizeof(t->last_error), "%s", why);
    report(c, LOG_WARN, "probe_down", LOG_STR("target", t->address), LOG_STR("why", why));
}

static void failed(struct core *c, struct probe_target *t)
{
    t->attempts++;
    reconnect_failed(&t->reconnect, c->now, jitter(c, t));
    schedule(c, t);
}

static void dial_next(struct core *c, struct probe_target *t)
{
    if (t->address_next >= t->address_count) {
        failed(c, t);
        return;
    }
    t->dial = core_order(c);
    c->counters.dials++;
    struct ipc_item item = {.type = IPC_dial};
    item.u.dial.dial = t->dial;
    item.u.dial.remote = t->addresses[t->address_next++];
    item.u.dial.sni = BYTES_LITERAL("_probe");
    item.u.dial.present_certificate = true;
    transaction_add(&c->transaction, &item);
    deferred_add(c, &t->record);
}

static void resolved(struct core *c, struct question *q, const struct core_answer *answer)
{
    struct probe_target *t = heap_entry(q, struct probe_target, question);
    size_t n = answer->ok ? answer->address_count : 0;
    t->resolving = false;
    t->address_count = n < CORE_ADDRESSES_MAX ? n : CORE_ADDRESSES_MAX;
    t->address_next = 0;
    memcpy(t->addresses, answer->addresses, t->address_count * sizeof(t->addresses[0]));
    if (n == 0)
        note_error(c, t, answer->why[0] == '\0' ? "its name has no address" : answer->why);
    dial_next(c, t);
}

static void resolve(struct core *c, struct probe_target *t)
{
    struct core_question question = {.type = CORE_ASK_RESOLVE};
    question.address = bytes_of_string(t->address);
    t->question.answered = resolved;
    t->resolving = true;
    question_ask(c, &t->question, &question);
    deferred_add(c, &t->record);
}

bool probe_target_dial_failed(struct core *c, const struct ipc_closed *closed)
{
    struct probe_target *t = probe_target_of_dial(c, closed->dial);
    if (t == NULL)
        return false;
    c->counters.dials_failed++;
    t->dial = 0;
    note_error(c, t, error_text(-(int)closed->error));
    dial_next(c, t);
    return true;
}

/* ---- measuring ---- */

static void ping(struct core *c, struct probe_target *t)
{
    const struct connection *conn = connection_find(c, t->connection);
    if (conn == NULL)
        return;
    struct signal message = {.type = SIGNAL_PING, .ping = {c->now / CLOCK_MS}};
    transaction_say(&c->transaction, conn->id, &message);
    probe_window_sent(&t->window, c->now / CLOCK_MS, c->now);
    if (++t->pings % PROBE_TELL_EVERY == 0 && probe_proven(c, conn) != NULL)
        probe_tell(c, conn);
    timer_set(c, &t->timer, c->now + PROBE_PING_NS);
}

static void due(struct core *c, struct timer *timer)
{
    struct probe_target *t = heap_entry(timer, struct probe_target, timer);
    if (t->connection != 0)
        ping(c, t);
    else if (c->drain.on)
        timer_set(c, &t->timer, c->now + PROBE_PING_NS);
    else if (reconnect_due(&t->reconnect, c->now))
        resolve(c, t);
}

void probe_target_up(struct core *c, struct probe_target *t, struct connection *conn)
{
    t->dial = 0;
    t->connection = conn->id;
    t->pings = 0;
    t->last_error[0] = '\0';
    memset(&t->window, 0, sizeof(t->window));
    reconnect_linked(&t->reconnect, c->now);
    report(c, LOG_INFO, "probe_up", LOG_STR("target", t->address));
    deferred_add(c, &t->record);
    ping(c, t);
}

void probe_target_down(struct core *c, struct probe_target *t, const char *reason)
{
    t->connection = 0;
    note_error(c, t, reason[0] == '\0' ? "the connection was lost" : reason);
    reconnect_lost(&t->reconnect, c->now, jitter(c, t));
    schedule(c, t);
}

void probe_targets_start(struct core *c)
{
    for (struct probe_target *t = c->probe_targets; t != NULL; t = t->next) {
        if (t->connection != 0 && connection_find(c, t->connection) == NULL) {
            t->connection = 0;
            reconnect_lost(&t->reconnect, c->now, jitter(c, t));
        }
        if (t->resolving)
            resolve(c, t);
        else if (t->connection != 0)
            timer_set(c, &t->timer, c->now);
        else
            schedule(c, t);
    }
}

/* ---- reload ---- */

static void record_key_of(struct core *c, char key[RECORD_KEY_SIZE], const char *address)
{
    uint8_t hash[SHA256_SIZE];
    if (sha256(bytes_of_string(address), hash) < 0)
        c->failed = true;
    record_key_hex(key, RECORD_PROBE, (struct bytes){hash, 16});
}

static void remove_target(struct core *c, struct probe_target *t)
{
    char key[RECORD_KEY_SIZE];
    struct connection *conn = connection_find(c, t->connection);
    record_key_of(c, key, t->address);
    if (conn != NULL)
        connection_close(c, conn, "no longer in the config");
    transaction_record_delete(&c->transaction, key);
    drop(c, t);
}

static bool is_configured(const struct core *c, const char *address)
{
    const struct config *config = c->settings.config;
    for (size_t i = 0; i < config->probe_target_count; i++) {
        if (strcmp(config->probe_targets[i], address) == 0)
            return true;
    }
    return false;
}

void probe_targets_reload(struct core *c)
{
    struct probe_target *t, *next;
    for (t = c->probe_targets; t != NULL; t = next) {
        next = t->next;
        if (!is_configured(c, t->address))
            remove_target(c, t);
    }
    if (probe_targets_init(c) < 0)
        c->failed = true;
    for (t = c->probe_targets; t != NULL && c->live; t = t->next) {
        if (!heap_contains(&t->timer.node) && t->dial == 0 && !t->resolving)
            schedule(c, t);
    }
}

/* ---- records ---- */

static void write_record(struct core *c, struct deferred *work)
{
    const struct probe_target *t = heap_entry(work, struct probe_target, record);
    char key[RECORD_KEY_SIZE];
    struct buffer value = {0};
    record_key_of(c, key, t->address);
    buffer_append_u8(&value, RECORD_VERSION);
    record_put_text(&value, t->address);
    buffer_append_u8(&value, (uint8_t)t->reconnect.state);
    buffer_append_u64(&value, t->reconnect.delay);
    buffer_append_u64(&value, t->reconnect.at);
    buffer_append_u64(&value, t->attempts);
    buffer_append_u8(&value, t->resolving);
    buffer_append_u64(&value, t->dial);
    buffer_append_u64(&value, t->connection);
    record_put_text(&value, t->last_error);
    c->failed |= value.failed;
    transaction_record_put(&c->transaction, key, 0, buffer_view(&value));
    buffer_free(&value);
}

static void read_record(struct probe_target *t, struct reader *r)
{
    uint8_t state = reader_u8(r);
    t->reconnect.delay = reader_u64(r);
    t->reconnect.at = reader_u64(r);
    t->attempts = reader_u64(r);
    t->resolving = record_get_bool(r);
    t->dial = reader_u64(r);
    t->connection = reader_u64(r);
    record_get_text(r, t->last_error, sizeof(t->last_error));
    r->failed |= state > RECONNECT_LINKED;
    t->reconnect.state = (enum reconnect_state)state;
}

/* Its other addresses are not kept: a dial that fails is one that failed. */
int probe_target_restore(struct core *c, struct bytes name, struct bytes value)
{
    char address[CONFIG_LABEL_MAX + 1];
    struct reader r;
    (void)name;
    reader_init(&r, value);
    if (!record_get_version(&r, RECORD_VERSION))
        return ERR_SYNTAX;
    record_get_text(&r, address, sizeof(address));
    struct probe_target *t = r.failed ? NULL : find(c, address);
    if (t == NULL)
        return r.failed ? ERR_SYNTAX : ERR_NOT_FOUND;
    read_record(t, &r);
    if (reader_finish(&r) == 0)
        return 0;
    reconnect_init(&t->reconnect, c->now);
    t->dial = t->connection = 0;
    t->resolving = false;
    return ERR_SYNTAX;
}
