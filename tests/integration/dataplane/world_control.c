#include "tests/integration/dataplane/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"

/* ---- the control plane ---- */

static void on_publish(void *context, struct bytes message)
{
    struct world *w = context;
    ipc_sockets_publish(w->sockets, message);
    buffer_clear(&w->published);
    buffer_append_bytes(&w->published, message);
}

static void on_request(void *context, struct bytes message)
{
    struct world *w = context;
    if (ipc_sockets_send_snapshot(w->sockets, message) != 0)
        ipc_control_side_reply(w->side, BYTES_NONE);
}

static uint64_t on_new_epoch(void *context)
{
    struct world *w = context;
    uint64_t now = clock_wall_ms();
    w->last_epoch = now > w->last_epoch ? now : w->last_epoch + 1;
    return w->last_epoch;
}

static void on_adopting(void *context, uint64_t data_epoch)
{
    struct world *w = context;
    (void)data_epoch;
    w->adopted = false;
    w->input_count = 0;
    memset(w->installed, 0, sizeof(w->installed));
}

static void on_installed(void *context, const struct ipc_item *item)
{
    struct world *w = context;
    w->installed[item->type]++;
}

static void on_adopted(void *context)
{
    struct world *w = context;
    w->adopted = true;
}

static void on_input(void *context, const struct ipc_item *item)
{
    struct world *w = context;
    struct input *in = &w->inputs[w->input_count++ % INPUTS_MAX];
    *in = (struct input){.type = item->type};
    if (item->type == IPC_opened) {
        in->connection = item->u.opened.connection;
        in->number = item->u.opened.input;
        in->dial = item->u.opened.dial;
        in->has_certificate = item->u.opened.has_certificate;
        in->fingerprint = item->u.opened.fingerprint;
        memcpy(in->exporter, item->u.opened.exporter.bytes, sizeof(in->exporter));
        copy_text(in->text, item->u.opened.sni);
    } else if (item->type == IPC_signal) {
        in->connection = item->u.signal.connection;
        in->number = item->u.signal.input;
        copy_text(in->text, item->u.signal.body);
    } else {
        in->connection = item->u.closed.connection;
        in->number = item->u.closed.input;
        in->dial = item->u.closed.dial;
        in->error = -(int)item->u.closed.error;
        in->has_certificate = item->u.closed.has_certificate;
        in->fingerprint = item->u.closed.fingerprint;
        copy_text(in->text, item->u.closed.reason);
    }
}

static void on_notice(void *context, const struct ipc_item *item)
{
    struct world *w = context;
    w->installed[item->type]++;
    if (item->type == IPC_plane_state)
        w->unacknowledged = item->u.plane_state.unacknowledged;
    else if (item->type == IPC_counter && bytes_equal_string(item->u.counter.name, "ipc_malformed"))
        w->malformed = item->u.counter.value;
}

static void on_lost(void *context, int error)
{
    (void)context;
    fprintf(stderr, "control plane: lost, %s\n", error_text(error));
}

static void on_mismatch(void *context, unsigned ours, unsigned theirs)
{
    (void)context;
    fprintf(stderr, "control plane: version %u against %u\n", ours, theirs);
    abort();
}

static const struct ipc_control_callbacks control_callbacks = {
    .publish = on_publish,
    .request = on_request,
    .new_epoch = on_new_epoch,
    .adopting = on_adopting,
    .installed = on_installed,
    .adopted = on_adopted,
    .input = on_input,
    .notice = on_notice,
    .lost = on_lost,
    .version_mismatch = on_mismatch,
};

bool control_start(struct world *w)
{
    char why[256];
    w->adopted = false;
    if (ipc_sockets_open_control(&w->sockets, w->dir, why, sizeof(why)) != 0) {
        fprintf(stderr, "control plane: %s\n", why);
        return false;
    }
    return ipc_control_side_init(&w->side, &control_callbacks, w) == 0;
}

void control_kill(struct world *w)
{
    ipc_control_side_free(w->side);
    if (w->sockets)
        ipc_sockets_close(w->sockets);
    w->side = NULL;
    w->sockets = NULL;
}

bool transact(struct world *w, const struct ipc_item *items, size_t count)
{
    struct buffer row = {0};
    for (size_t i = 0; i < count; i++)
        ipc_item_encode(&row, &items[i]);
    int err = row.failed ? ERR_MEMORY : ipc_control_side_transact(w->side, buffer_view(&row));
    buffer_free(&row);
    return err == 0;
}

struct ipc_item ack(const struct input *in)
{
    return (struct ipc_item){.type = IPC_ack,
                             .u.ack = {.connection = in->connection, .input = in->number}};
}

struct ipc_item room_put(const char *name, const struct ipc_hop *hop)
{
    return (struct ipc_item){.type = IPC_room_put,
                             .u.room_put = {.room = bytes_of_string(name),
                                            .egress = {.list = hop, .count = hop != NULL}}};
}

struct ipc_item join(uint64_t connection, const char *room)
{
    return (struct ipc_item){.type = IPC_join,
                             .u.join = {.connection = connection, .room = bytes_of_string(room)}};
}

struct ipc_item send_to(const uint64_t *connection, const char *text)
{
    return (struct ipc_item){
        .type = IPC_send,
        .u.send = {.to = {.list = connection, .count = 1}, .body = bytes_of_string(text)}};
}

const struct input *find_input(const struct world *w, enum ipc_type type, const char *text)
{
    for (size_t i = 0; i < w->input_count && i < INPUTS_MAX; i++) {
        if (w->inputs[i].type == type && strcmp(w->inputs[i].text, text) == 0)
            return &w->inputs[i];
    }
    return NULL;
}
