#include "control/rim/bridge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/text.h"
#include "ipc/epoch.h"

#define BATCH_MAX 256 /* messages taken from one socket before others have their turn */

/* ---- what the contract brings ---- */

static void on_publish(void *context, struct bytes message)
{
    struct bridge *b = context;
    ipc_sockets_publish(b->sockets, message);
}

static void on_request(void *context, struct bytes message)
{
    struct bridge *b = context;
    if (ipc_sockets_send_snapshot(b->sockets, message) != 0)
        ipc_control_side_reply(b->contract, BYTES_NONE);
}

static uint64_t on_new_epoch(void *context)
{
    struct bridge *b = context;
    uint64_t epoch = 0;
    const char *dir = b->runtime_dir;
    if (ipc_epoch_next(dir, "control", clock_wall_ms(), &epoch) != 0) {
        log_event(LOG_ERROR, "epoch_not_written", LOG_STR("runtime_dir", dir),
                  LOG_STR("why", strerror(errno)));
        epoch = clock_wall_ms();
    }
    return epoch;
}

static void on_adopting(void *context, uint64_t data_epoch)
{
    struct bridge *b = context;
    log_event(LOG_INFO, "adopting", LOG_U64("data_epoch", data_epoch),
              LOG_U64("control_epoch", ipc_control_side_epoch(b->contract)));
    lives_adopting(&b->lives, data_epoch, clock_monotonic());
    questions_forget(b->questions);
    core_adopting(b->core, data_epoch);
}

static void on_installed(void *context, const struct ipc_item *item)
{
    struct bridge *b = context;
    core_installed(b->core, item, *b->now);
}

static void on_adopted(void *context)
{
    struct bridge *b = context;
    b->unsent = false;
    core_adopted(b->core, *b->now);
    questions_give(b->questions, b->core, *b->now);
    lives_adopted(&b->lives, clock_monotonic());
    log_event(LOG_INFO, "adopted", LOG_U64("data_epoch", ipc_control_side_data_epoch(b->contract)),
              LOG_U64("control_epoch", ipc_control_side_epoch(b->contract)));
}

/* Which connection and number an input has. */
static struct ipc_note_entry entry_of(const struct bridge *b, const struct ipc_item *item)
{
    struct ipc_note_entry entry = {.data_epoch = ipc_control_side_data_epoch(b->contract),
                                   .control_epoch = ipc_control_side_epoch(b->contract)};
    switch (item->type) {
    case IPC_opened:
        entry.connection = item->u.opened.connection;
        entry.input = item->u.opened.input;
        break;
    case IPC_signal:
        entry.connection = item->u.signal.connection;
        entry.input = item->u.signal.input;
        break;
    case IPC_closed:
        entry.connection = item->u.closed.connection;
        entry.input = item->u.closed.input;
        break;
    default:
        break;
    }
    return entry;
}

static void on_input(void *context, const struct ipc_item *item)
{
    struct bridge *b = context;
    struct ipc_note_entry entry = entry_of(b, item);
    ipc_note_set(b->note, &entry);
    core_input(b->core, item, *b->now);
    questions_give(b->questions, b->core, *b->now);
    ipc_note_clear(b->note);
}

static void on_notice(void *context, const struct ipc_item *item)
{
    struct bridge *b = context;
    if (item->type == IPC_plane_state)
        lives_notice(&b->lives, &item->u.plane_state);
    if (item->type == IPC_counter)
        scoreboard_take(&b->scoreboard, &item->u.counter);
    core_notice(b->core, item, *b->now);
}

/* For so many ms already. */
static void note_silence(struct bridge *b, uint64_t ms)
{
    if (!b->silent)
        b->silent_since_ms = clock_wall_ms() - ms;
    b->silent = true;
}

static void on_lost(void *context, int error)
{
    struct bridge *b = context;
    if (core_drain_state(b->core).stopped) /* another one is not to be stopped too */
        note_silence(b, 0);
    log_event(LOG_WARN, "data_plane_lost", LOG_ERR(error),
              LOG_STR("next", "what it holds is adopted anew"));
}

static void on_silent(void *context, bool silent)
{
    struct bridge *b = context;
    if (silent) {
        note_silence(b, IPC_SILENT_NS / CLOCK_MS);
        log_event(LOG_WARN, "data_plane_silent");
    } else {
        b->silent = false;
        log_event(LOG_INFO, "data_plane_heard");
    }
}

static void on_version_mismatch(void *context, unsigned ours, unsigned theirs)
{
    struct bridge *b = context;
    log_event(LOG_ERROR, "contract_versions_differ", LOG_U64("ours", ours),
              LOG_U64("theirs", theirs),
              LOG_STR("advice", "start the two planes from one release; the data plane goes on"));
    b->mismatched = true;
}

/* ---- to and from the sockets ---- */

void bridge_transact(struct bridge *b, struct bytes row)
{
    int rc = ipc_control_side_transact(b->contract, row);
    if (rc != 0) { /* a new adoption follows, whatever it was, and finds what was not done */
        b->unsent = true;
        log_event(LOG_ERROR, "transaction_not_sent", LOG_ERR(rc), LOG_U64("bytes", row.len));
    }
}

void bridge_receive(struct bridge *b)
{
    struct bytes message;
    for (int i = 0; i < BATCH_MAX && ipc_sockets_receive(b->sockets, &message) == 0; i++)
        ipc_control_side_receive(b->contract, message);
}

void bridge_receive_slices(struct bridge *b)
{
    struct bytes message;
    for (int i = 0; i < BATCH_MAX && ipc_sockets_receive_snapshot(b->sockets, &message) == 0; i++)
        ipc_control_side_reply(b->contract, message);
}

bool bridge_is_live(const struct bridge *b)
{
    return ipc_control_side_state(b->contract) == IPC_CONTROL_LIVE;
}

bool bridge_is_answered(const struct bridge *b)
{
    return bridge_is_live(b) && !b->silent;
}

/* ---- init and free ---- */

static int make_contract(struct bridge *b)
{
    const struct ipc_control_callbacks callbacks = {
        .publish = on_publish,
        .request = on_request,
        .new_epoch = on_new_epoch,
        .adopting = on_adopting,
        .installed = on_installed,
        .adopted = on_adopted,
        .input = on_input,
        .notice = on_notice,
        .lost = on_lost,
        .silent = on_silent,
        .version_mismatch = on_version_mismatch,
    };
    int rc = ipc_control_side_init(&b->contract, &callbacks, b);
    if (rc == 0)
        rc = ipc_note_open(&b->note, b->runtime_dir);
    if (rc != 0)
        return rc;
    struct ipc_note_entry note;
    if (ipc_note_read(b->note, &note)) {
        log_event(LOG_WARN, "input_reported", LOG_U64("connection", note.connection),
                  LOG_U64("input", note.input),
                  LOG_STR("why", "a control plane before this one ended while it handled it"));
        ipc_control_side_report(b->contract, &note);
        ipc_note_clear(b->note);
    }
    return 0;
}

static int open_sockets(struct bridge *b)
{
    char why[256];
    int rc = ipc_sockets_open_control(&b->sockets, b->runtime_dir, why, sizeof why);
    if (rc != 0)
        log_event(LOG_ERROR, "sockets_failed", LOG_STR("why", why));
    return rc;
}

int bridge_init(struct bridge *b, const char *runtime_dir)
{
    lives_init(&b->lives, clock_wall_ms());
    b->runtime_dir = text_copy(bytes_of_string(runtime_dir));
    if (b->runtime_dir == NULL)
        return ERR_MEMORY;
    int rc = make_contract(b);
    return rc != 0 ? rc : open_sockets(b);
}

void bridge_free(struct bridge *b)
{
    if (b->sockets != NULL)
        ipc_sockets_close(b->sockets);
    if (b->note != NULL)
        ipc_note_close(b->note);
    if (b->contract != NULL)
        ipc_control_side_free(b->contract);
    free(b->runtime_dir);
}
