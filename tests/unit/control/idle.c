#include "idle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ipc/frame.h"

static void ignore_row(void *context, struct bytes row)
{
    (void)context;
    (void)row;
}

void idle_ignore_question(void *context, const struct core_question *question)
{
    (void)context;
    (void)question;
}

void idle_ignore_log(void *context, enum log_level level, const char *event,
                     const struct log_field *fields, size_t count)
{
    (void)context;
    (void)level;
    (void)event;
    (void)fields;
    (void)count;
}

static uint64_t new_epoch(void *context)
{
    (void)context;
    return IDLE_CONTROL_EPOCH;
}

static void ignore_epoch(void *context, uint64_t data_epoch)
{
    (void)context;
    (void)data_epoch;
}

static void ignore(void *context)
{
    (void)context;
}

int idle_begin(struct idle *idle, const char *yaml)
{
    struct config_errors errors = {0};
    const struct core_settings settings = {
        .config = &idle->config,
        .build = "test",
        .effects = {.transact = ignore_row, .ask = idle_ignore_question, .log = idle_ignore_log}};
    const struct ipc_control_callbacks callbacks = {
        .publish = ignore_row,
        .request = ignore_row,
        .new_epoch = new_epoch,
        .adopting = ignore_epoch,
        .adopted = ignore,
    };
    *idle = (struct idle){0};
    int rc = config_load_text(bytes_of_string(yaml), "x.yaml", &idle->config, &errors);
    config_errors_free(&errors);
    if (rc == 0)
        rc = core_init(&idle->core, &settings, IDLE_NOW);
    if (rc == 0)
        rc = ipc_control_side_init(&idle->contract, &callbacks, NULL);
    return rc;
}

void idle_end(struct idle *idle)
{
    if (idle->contract != NULL)
        ipc_control_side_free(idle->contract);
    core_free(idle->core);
    config_free(&idle->config);
}

void idle_adopt(struct idle *idle)
{
    struct buffer reply = {0};
    const struct ipc_frame frame = {
        .kind = IPC_KIND_reply, .from = IDLE_DATA_EPOCH, .to = IDLE_CONTROL_EPOCH};
    const struct ipc_item slice = {.type = IPC_slice, .u.slice = {.next = 1, .last = true}};
    ipc_control_side_tick(idle->contract, IDLE_NOW);
    assert_int_equal(ipc_frame_put(&reply, &frame), 0);
    assert_int_equal(ipc_item_encode(&reply, &slice), 0);
    assert_int_equal(ipc_control_side_reply(idle->contract, buffer_view(&reply)), 0);
    buffer_free(&reply);
}
