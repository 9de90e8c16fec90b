#include "planes.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"

#define STEP_NS 100000000u
#define SETTLE_ROUNDS 400

static const struct ipc_data_callbacks data_callbacks;
static const struct ipc_control_callbacks control_callbacks;

/* The record of a connection after one more input: tells how many and in which order. */
static uint64_t fold(uint64_t record, uint64_t number)
{
    return (record * 31 + number) | ((uint64_t)1 << 63);
}

static struct bytes view_u64(const uint64_t *v)
{
    return (struct bytes){(const uint8_t *)v, sizeof(*v)};
}

static uint64_t read_u64(struct bytes b)
{
    uint64_t v = 0;
    if (b.len == sizeof(v))
        memcpy(&v, b.data, sizeof(v));
    return v;
}

/* ---- the data plane ---- */

struct data_connection *planes_connection(struct planes *p, uint64_t id)
{
    for (size_t i = 0; i < p->data.count; i++)
        if (p->data.connections[i].id == id)
            return &p->data.connections[i];
    return NULL;
}

static void data_publish(void *context, struct bytes message)
{
    struct planes *p = context;
    channel_push(&p->events, message);
}

static void apply_record(struct planes *p, const struct ipc_record_put *put)
{
    if (put->owner == 0) {
        p->data.total = read_u64(put->value);
        return;
    }
    struct data_connection *c = planes_connection(p, put->owner);
    if (c == NULL || c->gone)
        p->data.skipped++;
    else
        c->record = read_u64(put->value);
}

/* Inputs that were dropped are not answered; all others in order, once. */
static void apply_send(struct planes *p, const struct ipc_send *send)
{
    struct data_connection *c = planes_connection(p, send->to.list[0]);
    uint64_t number = read_u64(send->body);
    if (c == NULL || c->gone) {
        p->data.skipped++;
        return;
    }
    uint64_t expected = c->answered + 1;
    while (expected <= INPUTS_MAX && c->dropped[expected])
        expected++;
    if (number != expected)
        p->wrong++;
    c->answered = number;
    p->data.answers++;
}

static void data_commit(void *context, const struct ipc_items *items)
{
    struct planes *p = context;
    p->data.commits++;
    for (size_t i = 0; i < items->count; i++) {
        const struct ipc_item *item = &items->list[i];
        if (item->type == IPC_record_put)
            apply_record(p, &item->u.record_put);
        else if (item->type == IPC_send)
            apply_send(p, &item->u.send);
        else
            p->wrong++;
    }
}

static void data_released(void *context, uint64_t connection, enum ipc_type type)
{
    struct data_connection *c = planes_connection(context, connection);
    if (type == IPC_opened)
        c->known = true;
    if (type == IPC_closed) {
        c->known = false;
        c->gone = true;
    }
}

static void put_installed(struct data_connection *c, struct buffer *out)
{
    struct ipc_item item = {.type = IPC_opened,
                            .u.opened = {.connection = c->id, .sni = BYTES_LITERAL("room")}};
    ipc_item_encode(out, &item);
    if (c->record == 0)
        return;
    item = (struct ipc_item){.type = IPC_record_put};
    item.u.record_put = (struct ipc_record_put){
        .key = view_u64(&c->id), .owner = c->id, .value = view_u64(&c->record)};
    ipc_item_encode(out, &item);
}

static bool data_snapshot(void *context, uint64_t *cursor, struct buffer *out)
{
    struct planes *p = context;
    size_t items = 0;
    if (*cursor == 0) {
        struct ipc_item item = {.type = IPC_record_put};
        item.u.record_put = (struct ipc_record_put){.key = BYTES_LITERAL("total"),
                                                    .value = view_u64(&p->data.total)};
        ipc_item_encode(out, &item);
        *cursor = 1;
    }
    while (*cursor <= p->data.count && items < p->data.slice_items) {
        struct data_connection *c = &p->data.connections[*cursor - 1];
        if (c->known)
            put_installed(c, out);
        items++;
        (*cursor)++;
    }
    return *cursor > p->data.count;
}

static void data_poisoned(void *context, uint64_t connection, uint64_t input)
{
    struct planes *p = context;
    struct data_connection *c = planes_connection(p, connection);
    p->data.poisoned++;
    c->dropped[input] = true;
    for (uint64_t n = c->answered + 1; c->gone && n <= c->inputs; n++)
        c->dropped[n] = true;
    planes_close(p, connection);
}

static void data_note(void *context, const char *event, int error, uint64_t theirs)
{
    (void)context;
    (void)event;
    (void)error;
    (void)theirs;
}

static const struct ipc_data_callbacks data_callbacks = {
    .publish = data_publish,
    .commit = data_commit,
    .released = data_released,
    .snapshot = data_snapshot,
    .poisoned = data_poisoned,
    .note = data_note,
};

/* Connection numbers begin anew in each life: that is what the data epoch is for. */
void planes_start_data(struct planes *p)
{
    size_t slice_items = p->data.slice_items;
    p->data = (struct data_plane){.epoch = ++p->wall, .slice_items = slice_items};
    if (ipc_data_side_init(&p->data.side, p->data.epoch, &data_callbacks, p) != 0)
        abort();
}

void planes_kill_data(struct planes *p)
{
    ipc_data_side_free(p->data.side);
    p->data.side = NULL;
}

static void give_input(struct planes *p, struct data_connection *c, struct ipc_item *item)
{
    if (ipc_data_side_input(p->data.side, item) != 0)
        abort();
    c->inputs++;
}

uint64_t planes_open(struct planes *p)
{
    if (p->data.side == NULL || p->data.count == CONNECTIONS_MAX)
        return 0;
    struct data_connection *c = &p->data.connections[p->data.count++];
    *c = (struct data_connection){.id = p->data.count, .open = true};
    struct ipc_item item = {.type = IPC_opened,
                            .u.opened = {.connection = c->id, .sni = BYTES_LITERAL("room")}};
    give_input(p, c, &item);
    return c->id;
}

static void give_signal(struct planes *p, uint64_t id, struct bytes body)
{
    struct data_connection *c = planes_connection(p, id);
    if (p->data.side == NULL || c == NULL || !c->open || c->inputs >= INPUTS_MAX - 2)
        return;
    struct ipc_item item = {.type = IPC_signal, .u.signal = {.connection = id, .body = body}};
    give_input(p, c, &item);
}

void planes_signal(struct planes *p, uint64_t id)
{
    give_signal(p, id, BYTES_LITERAL("{\"Ping\":{}}"));
}

void planes_signal_poison(struct planes *p, uint64_t id)
{
    give_signal(p, id, BYTES_LITERAL("poison"));
}

void planes_close(struct planes *p, uint64_t id)
{
    struct data_connection *c = planes_connection(p, id);
    if (p->data.side == NULL || c == NULL || !c->open)
        return;
    c->open = false;
    struct ipc_item item = {.type = IPC_closed,
                            .u.closed = {.connection = id, .reason = BYTES_LITERAL("gone")}};
    give_input(p, c, &item);
}

/* ---- the control plane ---- */

static struct control_connection *control_connection(struct planes *p, uint64_t id)
{
    struct control_connection *free_one = NULL;
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        if (p->control.connections[i].id == id)
            return &p->control.connections[i];
        if (free_one == NULL && p->control.connections[i].id == 0)
            free_one = &p->control.connections[i];
    }
    *free_one = (struct control_connection){.id = id};
    return free_one;
}

static void control_publish(void *context, struct bytes message)
{
    struct planes *p = context;
    if (!p->control.dying)
        channel_push(&p->commands, message);
}

static void control_request(void *context, struct bytes message)
{
    struct planes *p = context;
    struct buffer numbered = {0};
    if (p->control.dying)
        return;
    buffer_append_u64(&numbered, ++p->request_number);
    buffer_append_bytes(&numbered, message);
    channel_push(&p->requests, buffer_view(&numbered));
    buffer_free(&numbered);
}

static uint64_t control_new_epoch(void *context)
{
    struct planes *p = context;
    return ++p->wall;
}

static void control_adopting(void *context, uint64_t data_epoch)
{
    struct planes *p = context;
    if (data_epoch == 0)
        p->wrong++;
    memset(p->control.connections, 0, sizeof(p->control.connections));
    p->control.total = 0;
    p->control.adopted = false;
}

static void control_installed(void *context, const struct ipc_item *item)
{
    struct planes *p = context;
    if (item->type == IPC_opened)
        control_connection(p, item->u.opened.connection);
    else if (item->u.record_put.owner == 0)
        p->control.total = read_u64(item->u.record_put.value);
    else
        control_connection(p, item->u.record_put.owner)->record =
            read_u64(item->u.record_put.value);
}

static void control_adopted(void *context)
{
    struct planes *p = context;
    p->control.adopted = true;
}

static void put_ack(struct buffer *row, uint64_t connection, uint64_t input)
{
    struct ipc_item item = {.type = IPC_ack, .u.ack = {.connection = connection, .input = input}};
    ipc_item_encode(row, &item);
}

static void put_record(struct buffer *row, uint64_t owner, uint64_t value)
{
    struct ipc_item item = {.type = IPC_record_put};
    item.u.record_put =
        (struct ipc_record_put){.key = owner == 0 ? BYTES_LITERAL("total") : view_u64(&owner),
                                .owner = owner,
                                .value = view_u64(&value)};
    ipc_item_encode(row, &item);
}

static void put_answer(struct buffer *row, uint64_t connection, uint64_t input)
{
    struct ipc_item item = {.type = IPC_send,
                            .u.send = {.to = {&connection, 1}, .body = view_u64(&input)}};
    ipc_item_encode(row, &item);
}

/* The reaction to the connection's oldest input: one transaction. */
static void react(struct planes *p, struct control_connection *c)
{
    struct buffer row = {0};
    uint64_t id = c->id;
    uint64_t number = c->waiting[0];
    bool last = c->last[0];
    c->waiting_count--;
    memmove(c->waiting, c->waiting + 1, c->waiting_count * sizeof(c->waiting[0]));
    memmove(c->last, c->last + 1, c->waiting_count * sizeof(c->last[0]));
    p->control.total++;
    c->record = fold(c->record, number);
    put_record(&row, 0, p->control.total);
    put_record(&row, id, c->record);
    put_ack(&row, id, number);
    put_answer(&row, id, number);
    if (last)
        *c = (struct control_connection){0};
    (void)ipc_control_side_transact(p->control.side, buffer_view(&row)); /* lost: comes again */
    buffer_free(&row);
}

static void react_all(struct planes *p, struct control_connection *c)
{
    while (c->waiting_count > 0 && !c->busy && !p->control.dying) {
        react(p, c);
        c->busy = c->waiting_count > 0 && rng_chance(&p->rng, p->control.busy);
    }
}

static void read_input(const struct ipc_item *item, uint64_t *connection, uint64_t *number)
{
    *connection = item->u.opened.connection; /* all three begin alike */
    *number = item->u.opened.input;
}

static bool is_deadly(struct planes *p, const struct ipc_item *item)
{
    bool poison = item->type == IPC_signal && bytes_equal_string(item->u.signal.body, "poison");
    return poison || rng_chance(&p->rng, p->control.fragile);
}

static void control_input(void *context, const struct ipc_item *item)
{
    struct planes *p = context;
    if (p->control.dying)
        return;
    uint64_t id;
    uint64_t number;
    read_input(item, &id, &number);
    p->note_set = true;
    p->note = (struct ipc_note_entry){.data_epoch = ipc_control_side_data_epoch(p->control.side),
                                      .control_epoch = ipc_control_side_epoch(p->control.side),
                                      .connection = id,
                                      .input = number};
    if (is_deadly(p, item)) {
        p->control.dying = true;
        p->control.deaths++;
        return;
    }
    struct control_connection *c = control_connection(p, id);
    c->waiting[c->waiting_count] = number;
    c->last[c->waiting_count++] = item->type == IPC_closed;
    if (!c->busy && c->waiting_count == 1)
        c->busy = rng_chance(&p->rng, p->control.busy);
    react_all(p, c);
    p->note_set = false;
}

static void control_notice(void *context, const struct ipc_item *item)
{
    (void)context;
    (void)item;
}

static void control_lost(void *context, int error)
{
    struct planes *p = context;
    p->control.adopted = false;
    p->control.lost++;
    p->control.last_error = error;
}

static void control_silent(void *context, bool silent)
{
    struct planes *p = context;
    p->control.silences += silent;
}

static void control_mismatch(void *context, unsigned ours, unsigned theirs)
{
    struct planes *p = context;
    p->control.mismatches += ours != theirs;
}

static const struct ipc_control_callbacks control_callbacks = {
    .publish = control_publish,
    .request = control_request,
    .new_epoch = control_new_epoch,
    .adopting = control_adopting,
    .installed = control_installed,
    .adopted = control_adopted,
    .input = control_input,
    .notice = control_notice,
    .lost = control_lost,
    .silent = control_silent,
    .version_mismatch = control_mismatch,
};

void planes_start_control(struct planes *p)
{
    struct control_plane *c = &p->control;
    *c = (struct control_plane){.busy = c->busy, .fragile = c->fragile, .deaths = c->deaths};
    if (ipc_control_side_init(&c->side, &control_callbacks, p) != 0)
        abort();
    p->request_number++; /* a new socket: no reply of before is taken */
    if (p->note_set)
        ipc_control_side_report(c->side, &p->note);
}

void planes_kill_control(struct planes *p)
{
    ipc_control_side_free(p->control.side);
    p->control.side = NULL;
    p->control.dying = false;
}

/* ---- both ---- */

void planes_init(struct planes *p, uint64_t seed)
{
    *p = (struct planes){.rng = seed, .now = 1, .wall = 1000};
    p->events.rng = p->commands.rng = p->requests.rng = p->replies.rng = &p->rng;
    p->data.slice_items = 3;
}

void planes_free(struct planes *p)
{
    planes_kill_data(p);
    planes_kill_control(p);
    channel_free(&p->events);
    channel_free(&p->commands);
    channel_free(&p->requests);
    channel_free(&p->replies);
}

/* REP: a request and its reply travel with the number that nng gives them. */
static void deliver_request(struct planes *p, struct bytes message)
{
    struct buffer reply = {0};
    struct buffer numbered = {0};
    struct bytes request = {message.data + 8, message.len - 8};
    ipc_data_side_request(p->data.side, request, &reply);
    buffer_append(&numbered, message.data, 8);
    buffer_append_bytes(&numbered, buffer_view(&reply));
    channel_push(&p->replies, buffer_view(&numbered));
    buffer_free(&reply);
    buffer_free(&numbered);
}

static void deliver_reply(struct planes *p, struct bytes message)
{
    struct reader r;
    reader_init(&r, message);
    if (reader_u64(&r) == p->request_number)
        ipc_control_side_reply(p->control.side, reader_bytes(&r, reader_left(&r)));
}

static void deliver_one(struct planes *p, struct channel *c, struct bytes message)
{
    bool to_data = c == &p->commands || c == &p->requests;
    if (to_data ? p->data.side == NULL : p->control.side == NULL)
        return;
    if (c == &p->events)
        ipc_control_side_receive(p->control.side, message);
    else if (c == &p->commands)
        ipc_data_side_receive(p->data.side, message);
    else if (c == &p->requests)
        deliver_request(p, message);
    else
        deliver_reply(p, message);
    if (p->control.dying)
        planes_kill_control(p);
}

void planes_deliver(struct planes *p, struct channel *c, size_t most)
{
    struct buffer message;
    for (size_t i = 0; i < most && channel_pop(c, &message); i++) {
        deliver_one(p, c, buffer_view(&message));
        buffer_free(&message);
    }
}

void planes_deliver_all(struct planes *p)
{
    struct channel *all[] = {&p->requests, &p->replies, &p->events, &p->commands};
    bool more = true;
    while (more) {
        more = false;
        for (size_t i = 0; i < 4; i++) {
            more = more || all[i]->count > 0;
            planes_deliver(p, all[i], all[i]->count);
        }
    }
}

void planes_finish_busy(struct planes *p)
{
    for (size_t i = 0; p->control.side != NULL && i < CONNECTIONS_MAX; i++) {
        struct control_connection *c = &p->control.connections[i];
        c->busy = false;
        if (c->id != 0 && p->control.adopted)
            react_all(p, c);
    }
}

void planes_tick(struct planes *p)
{
    p->now += STEP_NS;
    if (p->data.side != NULL)
        ipc_data_side_tick(p->data.side);
    if (p->control.side != NULL)
        ipc_control_side_tick(p->control.side, p->now);
}

static void heal(struct planes *p)
{
    struct channel *all[] = {&p->requests, &p->replies, &p->events, &p->commands};
    for (size_t i = 0; i < 4; i++) {
        all[i]->cut = false;
        all[i]->drop = all[i]->duplicate = all[i]->reorder = 0;
    }
    p->control.fragile = 0;
}

static bool is_settled(const struct planes *p)
{
    return p->data.side != NULL && p->control.side != NULL &&
           ipc_control_side_state(p->control.side) == IPC_CONTROL_LIVE &&
           ipc_control_side_uncommitted(p->control.side) == 0 &&
           ipc_data_side_pending(p->data.side) == 0 &&
           ipc_data_side_control_epoch(p->data.side) == ipc_control_side_epoch(p->control.side) &&
           ipc_control_side_data_epoch(p->control.side) == p->data.epoch;
}

bool planes_settle(struct planes *p)
{
    heal(p);
    for (int round = 0; round < SETTLE_ROUNDS; round++) {
        if (p->data.side == NULL)
            planes_start_data(p);
        if (p->control.side == NULL)
            planes_start_control(p);
        planes_tick(p);
        planes_deliver_all(p);
        planes_finish_busy(p);
        if (is_settled(p))
            return true;
    }
    return false;
}

static uint64_t expected_record(const struct data_connection *d)
{
    uint64_t record = 0;
    for (uint64_t n = 1; n <= d->inputs; n++)
        if (!d->dropped[n])
            record = fold(record, n);
    return record;
}

static bool connection_agrees(const struct planes *p, const struct data_connection *d)
{
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        const struct control_connection *c = &p->control.connections[i];
        if (c->id == d->id)
            return !d->gone && c->record == d->record && d->record == expected_record(d);
    }
    return d->gone;
}

bool planes_agree(const struct planes *p)
{
    uint64_t answers = 0;
    for (size_t i = 0; i < p->data.count; i++) {
        const struct data_connection *d = &p->data.connections[i];
        for (uint64_t n = 1; n <= d->inputs; n++)
            answers += !d->dropped[n];
        if (!connection_agrees(p, d))
            return false;
    }
    return p->wrong == 0 && p->data.total == p->control.total && p->data.answers == answers &&
           p->data.total == answers;
}
