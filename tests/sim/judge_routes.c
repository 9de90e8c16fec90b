#include "tests/sim/judge_routes.h"

#include <string.h>

#include "tests/sim/names.h"
#include "tests/sim/net_connection.h"

#define ASKED_MAX 16                   /* relays in one quiet time */
#define PATIENCE (8 * CLOCK_SECOND)    /* 400 ms for each of 16 links, and the ways there */
#define FORGETTING (16 * CLOCK_SECOND) /* the last relay's copy, and its id for 5 s */
#define STEP (100 * CLOCK_MS)

static int relay_of(const struct world *w, const char *text)
{
    char name[FINGERPRINT_TLS_TEXT];
    for (int i = 0; i < w->shape.relays; i++) {
        struct fingerprint_tls fingerprint = name_relay(i);
        fingerprint_tls_text(&fingerprint, name);
        if (strcmp(name, text) == 0)
            return i;
    }
    sim_broken("a way over a relay that is none");
}

/* False: it is still being looked for. */
static bool read_answer(const struct world *w, const cJSON *answer, bool *found, struct way *out)
{
    const char *kind = cJSON_GetObjectItem(answer, "route")->valuestring;
    const cJSON *relay;
    out->count = 0;
    *found = strcmp(kind, "not_found") != 0;
    cJSON_ArrayForEach(relay, cJSON_GetObjectItem(answer, "relays"))
    {
        if (out->count < WAYS_MAX)
            out->relays[out->count++] = relay_of(w, relay->valuestring);
    }
    return strcmp(kind, "asking") != 0;
}

bool judge_ask(struct world *w, int relay, const char *phone, struct way *out)
{
    bool found = false, answered = false;
    for (uint64_t end = w->net.now + PATIENCE; !answered && w->net.now < end;) {
        cJSON *answer = relay_ask_route(w->relays[relay], phone);
        answered = read_answer(w, answer, &found, out);
        cJSON_Delete(answer);
        if (!answered)
            world_pass(w, STEP);
    }
    if (!answered)
        world_wrong(w, "relay %d is still looking for a way to %s", relay, phone);
    return answered && found;
}

static void judge_way(struct world *w, const struct views *v, int relay, const struct phone *phone)
{
    struct way way;
    int number = phone->media->number, seen = views_distance(v, phone->relay, relay);
    int wanted = seen != VIEWS_FAR ? seen : ways_asked(w, v, relay, phone->relay);
    bool found = judge_ask(w, relay, phone->media->name, &way);
    if (found != (wanted != VIEWS_FAR)) {
        world_wrong(w, "relay %d finds %s way to person %d at relay %d", relay, found ? "a" : "no",
                    number, phone->relay);
        return;
    }
    if (!found)
        return;
    int end = way.count == 0 ? relay : way.relays[way.count - 1];
    if (end != phone->relay || !ways_is_sound(w, relay, &way))
        world_wrong(w,
                    "relay %d has a way to person %d that ends at relay %d, not %d, or cannot be",
                    relay, number, end, phone->relay);
    if (way.count < wanted || (seen != VIEWS_FAR && way.count != wanted))
        world_wrong(w, "relay %d has a way of %d links to person %d, not of %d", relay, way.count,
                    number, wanted);
}

static void judge_nobody(struct world *w, int relay)
{
    char name[FINGERPRINT_USER_TEXT];
    struct way way;
    name_person(w->options.people + w->options.phones, name);
    if (judge_ask(w, relay, name, &way))
        world_wrong(w, "relay %d finds a way to nobody", relay);
}

static void judge_forgotten(struct world *w)
{
    world_pass(w, FORGETTING);
    for (int i = 0; i < w->options.relays; i++) {
        size_t left = plane_records_of(w->relays[i]->plane, "route/");
        if (left > 0)
            world_wrong(w, "relay %d: %zu queries for a way are left", i, left);
    }
}

void judge_routes(struct world *w, const struct views *v)
{
    int asked = w->options.relays < ASKED_MAX ? w->options.relays : ASKED_MAX;
    if (w->options.phones == 0)
        return;
    for (int i = 0; i < asked; i++) {
        int relay = (int)dice_below(&w->dice, (uint64_t)w->options.relays);
        const struct phone *phone = w->phones[dice_below(&w->dice, (uint64_t)w->options.phones)];
        if (phone->relay >= 0)
            judge_way(w, v, relay, phone);
    }
    judge_nobody(w, (int)dice_below(&w->dice, (uint64_t)w->options.relays));
    judge_forgotten(w);
}
