#include "control/rim/operator.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/error.h"

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

/* ---- actions ---- */

typedef int action_function(const struct operator_window *w, const cJSON *asked, cJSON **result);

static int act_reload(const struct operator_window *w, const cJSON *asked, cJSON **result)
{
    (void)asked;
    return w->actions.reload(w->actions.context, result);
}

static const struct {
    const char *command;
    action_function *act;
} actions[] = {
    {"reload", act_reload},
};

static action_function *find_action(const char *command)
{
    for (size_t i = 0; command != NULL && i < sizeof actions / sizeof *actions; i++)
        if (strcmp(actions[i].command, command) == 0)
            return actions[i].act;
    return NULL;
}

/* 0 and a result, or an error and a text. */
static int run(const struct operator_window *w, const cJSON *asked, uint64_t now, cJSON **result)
{
    const char *command = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(asked, "command"));
    view_function *view = find_view(command);
    action_function *act = find_action(command);
    if (act != NULL)
        return act(w, asked, result);
    *result = view != NULL ? view(w, now) : cJSON_CreateString("unknown command");
    return view != NULL ? 0 : ERR_UNKNOWN;
}

/* The whole answer; NULL = out of memory. */
static cJSON *answer_for(const struct operator_window *w, struct bytes request, uint64_t now)
{
    cJSON *asked = request.len > OPERATOR_REQUEST_MAX
                       ? NULL
                       : cJSON_ParseWithLength((const char *)request.data, request.len);
    cJSON *result = NULL;
    int rc = run(w, asked, now, &result);
    cJSON *answer = cJSON_CreateObject();
    cJSON_AddBoolToObject(answer, "ok", rc == 0);
    if (!cJSON_AddItemToObject(answer, rc == 0 ? "result" : "error", result))
        cJSON_Delete(result);
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
