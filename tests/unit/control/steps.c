#include "steps.h"

static bool has_come(struct fake_connection *conn, const char *start)
{
    for (; conn->taken < conn->message_count; conn->taken++) {
        if (strncmp(conn->messages[conn->taken].text, start, strlen(start)) == 0) {
            conn->taken++;
            return true;
        }
    }
    return false;
}

void step_await(struct flow_world *w, struct fake_connection *conn, const char *variant)
{
    char start[64];
    snprintf(start, sizeof(start), "{\"%s\":", variant);
    harness_settle(w->h);
    for (uint64_t waited = 0; !has_come(conn, start); waited += STEP_PAUSE) {
        if (waited > STEP_PATIENCE)
            fail_msg("waited in vain for %s", variant);
        harness_pass(w->h, STEP_PAUSE);
    }
}

static int text_order(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

#define ENTRIES_MAX 64

void step_print_view(struct buffer *out, const char *name, cJSON *view)
{
    char *lines[ENTRIES_MAX];
    size_t count = 0;
    const cJSON *entry;
    cJSON_ArrayForEach(entry, view)
    {
        assert_true(count < ENTRIES_MAX);
        lines[count++] = cJSON_PrintUnformatted(entry);
    }
    qsort(lines, count, sizeof(lines[0]), text_order);
    for (size_t i = 0; i < count; i++) {
        buffer_printf(out, "%s %s\n", name, lines[i]);
        free(lines[i]);
    }
    cJSON_Delete(view);
}

/* Who dies at random half of the time may get nothing done in any time. */
static void rest(struct flow_world *w)
{
    unsigned one_in[HARNESS_RELAYS_MAX];
    bool random = false;
    harness_pass(w->h, w->rest);
    for (int i = 0; i < w->h->relay_count; i++) {
        one_in[i] = w->h->relays[i].deaths.one_in;
        w->h->relays[i].deaths.one_in = 0;
        random = random || one_in[i] != 0;
    }
    if (random)
        harness_pass(w->h, w->rest);
    for (int i = 0; i < w->h->relay_count; i++)
        w->h->relays[i].deaths.one_in = one_in[i];
}

void step_look(struct flow_world *w, const char *when)
{
    rest(w);
    for (int i = 0; i < w->h->relay_count; i++) {
        buffer_printf(w->seen, "== %s, relay %d\n", when, i);
        w->print(&w->h->relays[i], w->seen);
    }
}

struct caller step_come(struct flow_world *w, struct relay *r, int n)
{
    struct caller p = phone_register_as(r, n, 0, 0);
    step_await(w, p.conn, "RegisterPresenceAck");
    return p;
}

void step_ring(struct flow_world *w)
{
    phone_offer(&w->a, w->b.name, STEP_ID);
    step_await(w, w->b.conn, "DirectCallOffer");
    step_await(w, w->a.conn, "CallRinging");
}

void step_answer(struct flow_world *w, const char *mode)
{
    phone_answer(&w->b, STEP_ID, mode);
    step_await(w, w->a.conn, "CallSetup");
    step_await(w, w->b.conn, "CallSetup");
}

struct fake_connection *step_join(struct flow_world *w, struct caller *p, const char *room)
{
    struct fake_connection *conn = phone_join(p, room);
    step_await(w, conn, "CallAnswer");
    step_await(w, conn, "RoomUpdate");
    return conn;
}

struct step_media step_talk(struct flow_world *w)
{
    struct step_media m;
    step_ring(w);
    step_answer(w, "AcceptTrusted");
    m.a = step_join(w, &w->a, STEP_ROOM);
    harness_pass(w->h, w->rest); /* news of it is there before the other comes */
    m.b = step_join(w, &w->b, STEP_ROOM);
    step_await(w, m.a, "RoomUpdate");
    step_look(w, "talking");
    return m;
}

/* How often a dial fails depends on the time, so where time may differ it gets no answer. */
void step_whole_call(struct flow_world *w)
{
    struct step_media m = step_talk(w);
    phone_hangup(&w->a, STEP_ID);
    step_await(w, w->b.conn, "Hangup");
    step_gone(w, w->ra, m.a);
    step_gone(w, w->rb, m.b);
}

void step_cut(struct flow_world *w, int a, int b)
{
    w->h->relays[a].down = w->h->relays[b].down = w->rest == 0;
    w->h->hold_dials = w->rest > 0;
    harness_cut(w->h, a, b);
}

void step_mend(struct flow_world *w, int a, int b)
{
    struct relay *r = &w->h->relays[a];
    r->down = w->h->relays[b].down = w->h->hold_dials = false;
    harness_settle(w->h);
    for (int i = 0; i < 100 && sim_link_connection(r, b) == NULL; i++)
        harness_pass(w->h, CLOCK_SECOND);
    assert_non_null(sim_link_connection(r, b));
    harness_pass(w->h, w->rest); /* repeats come first */
}

void step_gone(struct flow_world *w, struct relay *r, struct fake_connection *conn)
{
    sim_hang(r, conn);
    harness_pass(w->h, w->rest);
}
