#include "control/rim/operator.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/error.h"

#define SILENCE "the data plane does not answer"
#define DATA_PLANE_SIZE (CLOCK_TEXT + 16)

/* What is there, and whether it is to go. */
static void add_drain(cJSON *o, const struct operator_window *w, uint64_t now)
{
    const struct core_drain_state drain = core_drain_state(w->core);
    const struct core_gauges gauges = core_gauges(w->core);
    cJSON_AddBoolToObject(o, "draining", drain.draining);
    if (!drain.draining || drain.deadline == UINT64_MAX)
        cJSON_AddNullToObject(o, "deadline_s");
    else
        cJSON_AddNumberToObject(
            o, "deadline_s",
            drain.deadline < now ? 0 : (double)((drain.deadline - now) / CLOCK_SECOND));
#define X(name, help) cJSON_AddNumberToObject(o, #name, (double)gauges.name);
    CORE_GAUGES(X)
#undef X
}

/* In a word or a sentence. */
static void write_data_plane(const struct operator_window *w, char out[DATA_PLANE_SIZE])
{
    char since[CLOCK_TEXT];
    if (w->answered) {
        snprintf(out, DATA_PLANE_SIZE, "answering");
    } else if (w->silent) {
        clock_text(w->silent_since_ms, since);
        snprintf(out, DATA_PLANE_SIZE, "silent since %s", since);
    } else {
        snprintf(out, DATA_PLANE_SIZE, "not adopted yet");
    }
}

static void add_warning(cJSON *answer, const struct operator_window *w)
{
    char state[DATA_PLANE_SIZE], text[DATA_PLANE_SIZE + 64];
    if (w->answered)
        return;
    write_data_plane(w, state);
    snprintf(text, sizeof(text), "the data plane is %s: views show what was, not what is", state);
    cJSON_AddStringToObject(answer, "warning", text);
}

typedef cJSON *view_function(const struct operator_window *w, uint64_t now);

static cJSON *view_status(const struct operator_window *w, uint64_t now)
{
    char data_plane[DATA_PLANE_SIZE];
    cJSON *o = cJSON_CreateObject();
    cJSON_AddStringToObject(o, "name", w->config->relay.name);
    cJSON_AddStringToObject(o, "version", w->build);
    cJSON_AddNumberToObject(o, "data_epoch", (double)ipc_control_side_data_epoch(w->contract));
    cJSON_AddNumberToObject(o, "control_epoch", (double)ipc_control_side_epoch(w->contract));
    cJSON_AddNumberToObject(o, "uptime_s", (double)((now - w->started) / CLOCK_SECOND));
    cJSON_AddStringToObject(o, "aes", w->aes);
    write_data_plane(w, data_plane);
    cJSON_AddStringToObject(o, "data_plane", data_plane);
    cJSON_AddNumberToObject(o, "uncommitted", (double)ipc_control_side_uncommitted(w->contract));
    add_drain(o, w, now);
    return o;
}

/* Up: the data plane is there and everything in it is adopted. */
static cJSON *view_ready(const struct operator_window *w, uint64_t now)
{
    (void)now;
    bool agreed = w->answered && ipc_control_side_uncommitted(w->contract) == 0;
    cJSON *o = cJSON_CreateObject();
    cJSON_AddBoolToObject(o, "ready", agreed);
    cJSON_AddStringToObject(o, "why",
                            agreed        ? ""
                            : w->answered ? "the data plane has not committed what we sent"
                                          : SILENCE);
    return o;
}

/* `since` becomes a time of day: the core has no such clock. */
static void date_peer(cJSON *peer, uint64_t wall_ms)
{
    const cJSON *elapsed = cJSON_GetObjectItemCaseSensitive(peer, "since");
    char text[CLOCK_TEXT];
    if (!cJSON_IsNumber(elapsed) || elapsed->valuedouble > (double)wall_ms)
        return;
    clock_text(wall_ms - (uint64_t)elapsed->valuedouble, text);
    cJSON_ReplaceItemInObjectCaseSensitive(peer, "since", cJSON_CreateString(text));
}

static cJSON *view_peers(const struct operator_window *w, uint64_t now)
{
    cJSON *peers = core_view_peers(w->core, now);
    cJSON *peer;
    uint64_t wall_ms = clock_wall_ms();
    cJSON_ArrayForEach(peer, peers)
    {
        date_peer(peer, wall_ms);
    }
    return peers;
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

static cJSON *view_presence(const struct operator_window *w, uint64_t now)
{
    (void)now;
    return core_view_presence(w->core);
}

static cJSON *view_probes(const struct operator_window *w, uint64_t now)
{
    return core_view_probes(w->core, now);
}

static const struct {
    const char *command;
    view_function *view;
} views[] = {
    {"status", view_status},     {"ready", view_ready},   {"peers", view_peers},
    {"sessions", view_sessions}, {"rooms", view_rooms},   {"calls", view_calls},
    {"presence", view_presence}, {"probes", view_probes},
};

static view_function *find_view(const char *command)
{
    for (size_t i = 0; command != NULL && i < sizeof views / sizeof *views; i++)
        if (strcmp(views[i].command, command) == 0)
            return views[i].view;
    return NULL;
}

/* ---- actions ---- */

typedef int action_function(const struct operator_window *w, const cJSON *asked, uint64_t now,
                            cJSON **result);

static int act_reload(const struct operator_window *w, const cJSON *asked, uint64_t now,
                      cJSON **result)
{
    (void)asked;
    (void)now;
    return w->actions.reload(w->actions.context, result);
}

static int tell_drain(const struct operator_window *w, uint64_t now, cJSON **result)
{
    *result = cJSON_CreateObject();
    add_drain(*result, w, now);
    return 0;
}

static int refuse_drain(cJSON **result)
{
    *result = cJSON_CreateString(SILENCE ": nothing was changed");
    return ERR_NOT_FOUND;
}

static int act_drain(const struct operator_window *w, const cJSON *asked, uint64_t now,
                     cJSON **result)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(asked, "deadline_s");
    if (!w->answered)
        return refuse_drain(result);
    if (value == NULL) {
        w->actions.drain(w->actions.context, NULL);
        return tell_drain(w, now, result);
    }
    if (!cJSON_IsNumber(value) || !(value->valuedouble >= 0) ||
        value->valuedouble > OPERATOR_DEADLINE_MAX) {
        *result = cJSON_CreateString("deadline_s: not a number of seconds up to a year");
        return ERR_RANGE;
    }
    uint32_t seconds = (uint32_t)value->valuedouble;
    w->actions.drain(w->actions.context, &seconds);
    return tell_drain(w, now, result);
}

static int act_undrain(const struct operator_window *w, const cJSON *asked, uint64_t now,
                       cJSON **result)
{
    (void)asked;
    if (!w->answered)
        return refuse_drain(result);
    w->actions.undrain(w->actions.context);
    return tell_drain(w, now, result);
}

static int act_route(const struct operator_window *w, const cJSON *asked, uint64_t now,
                     cJSON **result)
{
    const char *phone =
        cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(asked, "fingerprint"));
    char name[CORE_NAME_SIZE];
    if (phone == NULL || !core_phone_name(w->core, phone, name)) {
        *result = cJSON_CreateString("not the fingerprint of a phone (32 hex digits), and no name "
                                     "that is known here");
        return ERR_SYNTAX;
    }
    *result = w->actions.route(w->actions.context, name, now);
    return 0;
}

static int act_room(const struct operator_window *w, const cJSON *asked, uint64_t now,
                    cJSON **result)
{
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(asked, "name"));
    (void)now;
    int rc = name == NULL ? ERR_SYNTAX : core_view_room(w->core, name, result);
    if (rc != 0)
        *result = cJSON_CreateString(rc == ERR_SYNTAX ? "not a room's name" : "no such room here");
    return rc;
}

static const struct {
    const char *command;
    action_function *act;
    bool judges; /* ERR_SYNTAX and ERR_RANGE are about its argument */
} actions[] = {
    {"reload", act_reload, false}, {"drain", act_drain, true}, {"undrain", act_undrain, false},
    {"route", act_route, true},    {"room", act_room, true},
};

struct outcome {
    int rc;
    cJSON *result; /* or a text */
    bool usage;    /* the argument makes no sense */
};

/* False: no action has this name. */
static bool run_action(const struct operator_window *w, const char *command, const cJSON *asked,
                       uint64_t now, struct outcome *out)
{
    for (size_t i = 0; command != NULL && i < sizeof actions / sizeof *actions; i++) {
        if (strcmp(actions[i].command, command) != 0)
            continue;
        out->rc = actions[i].act(w, asked, now, &out->result);
        out->usage = actions[i].judges && (out->rc == ERR_SYNTAX || out->rc == ERR_RANGE);
        return true;
    }
    return false;
}

static struct outcome run(const struct operator_window *w, const cJSON *asked, uint64_t now)
{
    const char *command = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(asked, "command"));
    view_function *view = find_view(command);
    struct outcome out = {0};
    if (view != NULL)
        out.result = view(w, now);
    else if (!run_action(w, command, asked, now, &out))
        out = (struct outcome){ERR_UNKNOWN, cJSON_CreateString("unknown command"), false};
    return out;
}

/* The whole answer; NULL = out of memory. */
static cJSON *answer_for(const struct operator_window *w, struct bytes request, uint64_t now)
{
    cJSON *asked = request.len > OPERATOR_REQUEST_MAX
                       ? NULL
                       : cJSON_ParseWithLength((const char *)request.data, request.len);
    struct outcome out = run(w, asked, now);
    cJSON *answer = cJSON_CreateObject();
    cJSON_AddBoolToObject(answer, "ok", out.rc == 0);
    if (!cJSON_AddItemToObject(answer, out.rc == 0 ? "result" : "error", out.result))
        cJSON_Delete(out.result);
    if (out.usage)
        cJSON_AddTrueToObject(answer, "usage");
    add_warning(answer, w);
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
