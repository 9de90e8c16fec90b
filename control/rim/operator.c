#include "control/rim/operator.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"

typedef cJSON *view_function(const struct operator_window *w, uint64_t now);

static cJSON *view_status(const struct operator_window *w, uint64_t now)
{
    cJSON *o = cJSON_CreateObject();
    cJSON_AddStringToObject(o, "name", w->config->relay.name);
    cJSON_AddStringToObject(o, "version", w->build);
    cJSON_AddNumberToObject(o, "data_epoch", (double)ipc_control_side_data_epoch(w->contract));
    cJSON_AddNumberToObject(o, "control_epoch", (double)ipc_control_side_epoch(w->contract));
    cJSON_AddNumberToObject(o, "uptime_s", (double)((now - w->started) / CLOCK_SECOND));
    cJSON_AddStringToObject(o, "aes", w->aes);
    cJSON_AddNumberToObject(o, "uncommitted", (double)ipc_control_side_uncommitted(w->contract));
    return o;
}

/* Up: the data plane is there and everything in it is adopted. */
static cJSON *view_ready(const struct operator_window *w, uint64_t now)
{
    (void)now;
    bool live = ipc_control_side_state(w->contract) == IPC_CONTROL_LIVE;
    bool agreed = live && ipc_control_side_uncommitted(w->contract) == 0;
    cJSON *o = cJSON_CreateObject();
    cJSON_AddBoolToObject(o, "ready", agreed);
    cJSON_AddStringToObject(o, "why",
                            agreed ? ""
                            : live ? "the data plane has not committed what we sent"
                                   : "the data plane does not answer yet");
    return o;
}

static cJSON *view_peers(const struct operator_window *w, uint64_t now)
{
    return core_view_peers(w->core, now);
}

static cJSON *view_sessions(const struct operator_window *w, uint64_t now)
{
    (void)now;
    return core_view_sessions(w->core);
}

static cJSON *view_rooms(const struct operator_window *w, uint64_t now)
{
    (void)now;
    return core_view_rooms(w->core);
}

static cJSON *view_calls(const struct operator_window *w, uint64_t now)
{
    (void)now;
    return core_view_calls(w->core);
}

static const struct {
    const char *command;
    view_function *view;
} views[] = {
    {"status", view_status},     {"ready", view_ready}, {"peers", view_peers},
    {"sessions", view_sessions}, {"rooms", view_rooms}, {"calls", view_calls},
};

static view_function *find_view(const char *command)
{
    for (size_t i = 0; command != NULL && i < sizeof views / sizeof *views; i++)
        if (strcmp(views[i].command, command) == 0)
            return views[i].view;
    return NULL;
}

/* The whole answer; NULL = out of memory. */
static cJSON *answer_for(const struct operator_window *w, struct bytes request, uint64_t now)
{
    cJSON *asked = request.len > OPERATOR_REQUEST_MAX
                       ? NULL
                       : cJSON_ParseWithLength((const char *)request.data, request.len);
    const cJSON *command = cJSON_GetObjectItemCaseSensitive(asked, "command");
    view_function *view = find_view(cJSON_GetStringValue(command));
    cJSON *answer = cJSON_CreateObject();
    cJSON_AddBoolToObject(answer, "ok", view != NULL);
    if (view != NULL)
        cJSON_AddItemToObject(answer, "result", view(w, now));
    else
        cJSON_AddStringToObject(answer, "error", "unknown command");
    cJSON_Delete(asked);
    return answer;
}

void operator_answer(const struct operator_window *w, struct bytes request, uint64_t now,
                     struct buffer *answer)
{
    cJSON *json = answer_for(w, request, now);
    char *text = cJSON_PrintUnformatted(json);
    cJSON_Delete(json);
    if (text != NULL)
        buffer_append_string(answer, text);
    else
        answer->failed = true;
    free(text);
}
