#include "tests/shim/gate.h"

#include <stdlib.h>
#include <string.h>

#include "ipc/catalogue.h"
#include "ipc/frame.h"

#define KEPT_MAX 4096

static int read_frame(nng_msg *message, struct ipc_frame *frame)
{
    return ipc_frame_read(frame, (struct bytes){nng_msg_body(message), nng_msg_len(message)});
}

void gate_free(struct gate *g)
{
    nng_msg *message;
    while ((message = gate_open(g)) != NULL)
        nng_msg_free(message);
    free(g->kept);
    *g = (struct gate){0};
}

void gate_count_anew(struct gate *g)
{
    g->counted = 0;
}

void gate_shut_at(struct gate *g, uint64_t nth)
{
    g->shut_at = nth;
}

static void count(struct gate *g, const struct ipc_frame *frame)
{
    bool numbered = frame->kind == IPC_KIND_input || frame->kind == IPC_KIND_command;
    if (!numbered || (frame->from == g->from && frame->sequence <= g->sequence))
        return;
    g->from = frame->from;
    g->sequence = frame->sequence;
    g->counted++;
}

static bool make_room(struct gate *g)
{
    if (g->kept_count < g->kept_capacity)
        return true;
    size_t capacity = g->kept_capacity == 0 ? 16 : 2 * g->kept_capacity;
    nng_msg **kept = capacity > KEPT_MAX ? NULL : realloc(g->kept, capacity * sizeof(*kept));
    if (kept == NULL)
        return false;
    g->kept = kept;
    g->kept_capacity = capacity;
    return true;
}

bool gate_keeps(struct gate *g, nng_msg *message)
{
    struct ipc_frame frame = {0};
    if (read_frame(message, &frame) == 0)
        count(g, &frame);
    if (!g->shut && g->shut_at != 0 && g->counted >= g->shut_at) {
        g->shut = true;
        g->shut_for = frame.from;
    }
    if (!g->shut || frame.from != g->shut_for)
        return false;
    if (make_room(g))
        g->kept[g->kept_count++] = message;
    else
        nng_msg_free(message);
    return true;
}

void gate_print(const struct gate *g, struct buffer *out)
{
    struct ipc_frame frame;
    struct ipc_items items = {0};
    if (g->kept_count == 0 || read_frame(g->kept[0], &frame) != 0 ||
        ipc_items_decode(&items, frame.row) != 0)
        return;
    for (size_t i = 0; i < items.count; i++)
        buffer_printf(out, "%s%s", i == 0 ? "" : " ", ipc_type_name(items.list[i].type));
    ipc_items_free(&items);
}

nng_msg *gate_open(struct gate *g)
{
    g->shut = false;
    g->shut_at = 0;
    if (g->kept_count == 0)
        return NULL;
    nng_msg *first = g->kept[0];
    memmove(g->kept, g->kept + 1, --g->kept_count * sizeof(*g->kept));
    return first;
}
