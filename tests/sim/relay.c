#include "tests/sim/relay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "tests/sim/net_connection.h"
#include "tests/sim/names.h"

#define FIRST_EPOCH 1000000 /* the start of the first life */

static void set_deadline(struct relay *r)
{
    uint64_t at = core_deadline(r->core);
    if (core_failed(r->core))
        sim_broken("the core has no memory");
    if (at == UINT64_MAX)
        net_timer_stop(r->net, &r->deadline);
    else
        net_timer_set(r->net, &r->deadline, at);
}

static void due(struct net_timer *timer)
{
    struct relay *r = heap_entry(timer, struct relay, deadline);
    core_expire(r->core, r->net->now);
    set_deadline(r);
}

/* ---- the rim ---- */

static void answer(struct net_timer *timer)
{
    struct relay *r = heap_entry(timer, struct relay, answering);
    size_t count = r->answer_count;
    struct core_answer answers[RELAY_ANSWERS_MAX];
    memcpy(answers, r->answers, count * sizeof(answers[0]));
    r->answer_count = 0;
    for (size_t i = 0; i < count; i++)
        core_answer(r->core, &answers[i], r->net->now);
    set_deadline(r);
}

static void on_ask(void *context, const struct core_question *q)
{
    struct relay *r = context;
    if (r->answer_count == RELAY_ANSWERS_MAX)
        sim_broken("too many questions at once");
    struct core_answer *a = &r->answers[r->answer_count++];
    *a = (struct core_answer){.id = q->id, .type = q->type, .ok = true, .grade = CORE_PROVEN};
    if (q->type == CORE_ASK_RESOLVE) {
        a->ok = address_parse(q->address, &a->addresses[0]) == 0;
        a->address_count = 1;
    }
    net_timer_set(r->net, &r->answering, r->net->now + RELAY_ANSWER_AFTER);
}

static void on_transact(void *context, struct bytes row)
{
    struct relay *r = context;
    if (r->adopted)
        plane_commit(r->plane, row);
}

static void on_log(void *context, enum log_level level, const char *event,
                   const struct log_field *fields, size_t count)
{
    struct relay *r = context;
    char line[LOG_LINE_MAX + 1];
    if (!r->chatty)
        return;
    size_t len = log_line(line, LOG_TEXT, 0, NULL, level, event, fields, count);
    fprintf(stderr, "%10.3f relay %d: %.*s", (double)r->net->now / CLOCK_SECOND, r->number,
            (int)len, line);
}

static void on_input(void *context, const struct ipc_item *item)
{
    struct relay *r = context;
    if (!r->adopted)
        return; /* it comes again */
    core_input(r->core, item, r->net->now);
    set_deadline(r);
}

/* ---- life and death ---- */

static void take_installed(void *context, const struct ipc_item *item)
{
    struct relay *r = context;
    core_installed(r->core, item, r->net->now);
}

static void make_core(struct relay *r)
{
    struct core_settings settings = {.config = &r->config,
                                     .seed = (uint64_t)r->number,
                                     .build = "sim",
                                     .effects = {on_transact, on_ask, on_log},
                                     .context = r};
    settings.tls = name_relay(r->number);
    memset(settings.identity_pub, 0x33, sizeof(settings.identity_pub));
    if (core_init(&r->core, &settings, r->net->now) != 0)
        sim_broken("a core that cannot begin");
}

static void forget_answers(struct relay *r)
{
    net_timer_stop(r->net, &r->answering);
    r->answer_count = 0;
}

static void adopt(struct relay *r)
{
    forget_answers(r);
    core_adopting(r->core, r->data_epoch);
    plane_snapshot(r->plane, take_installed, r);
    r->adopted = true;
    core_adopted(r->core, r->net->now);
    plane_resend(r->plane);
    set_deadline(r);
}

static void noticed(struct net_timer *timer)
{
    adopt(heap_entry(timer, struct relay, notice));
}

static void forget_core(struct relay *r)
{
    forget_answers(r);
    net_timer_stop(r->net, &r->deadline);
    net_timer_stop(r->net, &r->notice);
    core_free(r->core);
    r->core = NULL;
    r->adopted = false;
}

void relay_kill_control(struct relay *r)
{
    if (r->core != NULL)
        forget_core(r);
}

void relay_start_control(struct relay *r)
{
    if (r->core != NULL)
        return;
    make_core(r);
    if (r->data_runs)
        adopt(r);
}

void relay_kill_data(struct relay *r)
{
    if (!r->data_runs)
        return;
    net_timer_stop(r->net, &r->notice);
    plane_stop(r->plane);
    r->data_runs = r->adopted = false;
}

/* Its clock was set back before each other start. */
void relay_start_data(struct relay *r)
{
    if (r->data_runs)
        return;
    r->data_lives++;
    r->data_epoch =
        r->data_lives % 2 == 0 ? FIRST_EPOCH + r->data_lives : FIRST_EPOCH - r->data_lives;
    plane_start(r->plane);
    r->data_runs = true;
    if (r->core != NULL)
        net_timer_set(r->net, &r->notice, r->net->now + RELAY_NOTICE_AFTER);
}

cJSON *relay_ask_route(struct relay *r, const char *phone)
{
    cJSON *answer = core_route(r->core, phone, r->net->now);
    set_deadline(r);
    return answer;
}

static void read_config(struct relay *r, const char *yaml)
{
    struct config_errors errors = {0};
    if (config_load_text(bytes_of_string(yaml), "sim.yaml", &r->config, &errors) < 0) {
        config_errors_print(&errors, stderr);
        sim_broken("a config that is wrong");
    }
    config_errors_free(&errors);
}

struct relay *relay_new(struct net *net, int number, const char *yaml)
{
    static const struct plane_callbacks callbacks = {on_input};
    struct relay *r = sim_alloc(sizeof(*r));
    struct address address = name_relay_address(number);
    struct fingerprint_tls certificate = name_relay(number);
    r->net = net;
    r->number = number;
    r->data_epoch = FIRST_EPOCH;
    r->answering.due = answer;
    r->deadline.due = due;
    r->notice.due = noticed;
    read_config(r, yaml);
    r->plane = plane_new(net, &address, &certificate, &callbacks, r);
    r->data_runs = true;
    relay_start_control(r);
    return r;
}

void relay_free(struct relay *r)
{
    if (r == NULL)
        return;
    forget_core(r);
    plane_free(r->plane);
    config_free(&r->config);
    free(r);
}
