#include "tests/sim/judge_calls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/judge_routes.h"
#include "tests/sim/names.h"
#include "tests/sim/net_connection.h"

#define CALLS_MAX 8 /* at a time */
#define PACKETS 3u
#define SETTING_UP (15 * CLOCK_SECOND) /* or finding out that there is no way */

/* ---- presence ---- */

static const char *text_of(const cJSON *row, const char *key)
{
    const cJSON *item = cJSON_GetObjectItem(row, key);
    return cJSON_IsString(item) ? item->valuestring : "";
}

/* How many links away the relay knows this phone to be; VIEWS_FAR: not at all. */
static int known(const cJSON *rows, const struct phone *phone)
{
    char relay[FINGERPRINT_TLS_TEXT];
    const cJSON *row;
    struct fingerprint_tls fingerprint = name_relay(phone->relay);
    fingerprint_tls_text(&fingerprint, relay);
    cJSON_ArrayForEach(row, rows)
    {
        if (strcmp(text_of(row, "fingerprint"), phone->media->name) == 0 &&
            strcmp(text_of(row, "relay"), relay) == 0)
            return cJSON_GetObjectItem(row, "hops")->valueint;
    }
    return VIEWS_FAR;
}

static void judge_known(struct world *w, const struct views *v, int relay)
{
    cJSON *rows = core_view_presence(w->relays[relay]->core);
    int count = 0;
    for (int i = 0; i < w->options.phones; i++) {
        const struct phone *phone = w->phones[i];
        if (phone->relay < 0)
            continue;
        int wanted = views_distance(v, phone->relay, relay), has = known(rows, phone);
        count += wanted != VIEWS_FAR;
        if (wanted != has)
            world_wrong(w, "relay %d has phone %d of relay %d at distance %d, not %d", relay, i,
                        phone->relay, has, wanted);
    }
    if (count != cJSON_GetArraySize(rows))
        world_wrong(w, "relay %d has %d phones, not %d", relay, cJSON_GetArraySize(rows), count);
    cJSON_Delete(rows);
}

void judge_presence(struct world *w, const struct views *v)
{
    for (int i = 0; i < w->options.phones; i++) {
        if (w->phones[i]->relay >= 0 && !w->phones[i]->registered)
            world_wrong(w, "phone %d is not registered at relay %d", i, w->phones[i]->relay);
    }
    for (int i = 0; i < w->options.relays; i++)
        judge_known(w, v, i);
}

/* ---- what is said in calls ---- */

struct pair {
    struct phone *from, *to;
    enum outlook { MUST, MAY, NEVER } outlook;
};

static void talk(struct world *w, const struct pair *pairs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        person_deafen(pairs[i].from->media);
        person_deafen(pairs[i].to->media);
    }
    for (uint32_t n = 0; n < PACKETS; n++) {
        for (size_t i = 0; i < count; i++) {
            person_say(pairs[i].from->media, n);
            person_say(pairs[i].to->media, n);
        }
        world_pass(w, CLOCK_SECOND);
    }
}

static void judge_side(struct world *w, const struct phone *a, const struct phone *b)
{
    const struct person *p = a->media;
    unsigned heard = person_heard(p, b->media->number);
    if (a->call != PHONE_TALKS || !p->joined)
        world_wrong(w, "phone of person %d at relay %d is not in its call %s with relay %d",
                    p->number, a->relay, a->call_id, b->relay);
    else if (heard != PACKETS || p->received != PACKETS)
        world_wrong(w,
                    "phone of person %d at relay %d hears %u of %u packets from relay %d, %llu "
                    "in all",
                    p->number, a->relay, heard, PACKETS, b->relay, (unsigned long long)p->received);
}

static void judge_pair(struct world *w, const struct pair *pair)
{
    judge_side(w, pair->from, pair->to);
    judge_side(w, pair->to, pair->from);
}

/* ---- calls that outlived trouble ---- */

static struct phone *other_side(const struct world *w, const struct phone *phone)
{
    struct phone *other = NULL;
    for (int i = 0; i < w->options.phones; i++) {
        struct phone *x = w->phones[i];
        if (x != phone && x->call == PHONE_TALKS && strcmp(x->call_id, phone->call_id) == 0)
            other = x;
    }
    return other;
}

void judge_kept_calls(struct world *w)
{
    struct pair *pairs = sim_alloc(((size_t)w->options.phones + 1) * sizeof(*pairs));
    size_t count = 0;
    for (int i = 0; i < w->options.phones; i++) {
        struct phone *phone = w->phones[i], *other = other_side(w, phone);
        if (phone->call == PHONE_FREE)
            continue;
        if (phone->call != PHONE_TALKS || other == NULL)
            world_wrong(w, "phone of person %d at relay %d is left alone in call %s",
                        phone->media->number, phone->relay, phone->call_id);
        else if (phone->media->number < other->media->number)
            pairs[count++] = (struct pair){.from = phone, .to = other};
    }
    talk(w, pairs, count);
    for (size_t i = 0; i < count; i++)
        judge_pair(w, &pairs[i]);
    free(pairs);
}

/* ---- new calls ---- */

/*
 * The offer goes the way that presence has, or else one that is found by asking. Where not
 * everybody trusts everybody what is known one way may be refused the other way; then another way
 * may be found, if there is one.
 */
static enum outlook outlook_of(struct world *w, const struct views *v, const struct phone *from,
                               const struct phone *to)
{
    struct way way;
    bool seen = views_distance(v, to->relay, from->relay) != VIEWS_FAR;
    if (w->options.trusting)
        return seen || ways_asked(w, v, from->relay, to->relay) != VIEWS_FAR ? MUST : NEVER;
    if (seen && judge_ask(w, from->relay, to->media->name, &way) &&
        ways_carries_offer(w, from->relay, &way))
        return MUST;
    return ways_of_call(w, from->relay, to->relay) == VIEWS_FAR ? NEVER : MAY;
}

static size_t begin(struct world *w, const struct views *v, struct pair *pairs)
{
    size_t count = 0;
    for (int i = 0; i + 1 < w->options.phones && count < CALLS_MAX; i += 2) {
        struct pair pair = {.from = w->phones[i], .to = w->phones[i + 1]};
        if (pair.from->relay < 0 || pair.to->relay < 0 || !pair.from->registered ||
            !pair.to->registered)
            continue;
        pair.outlook = outlook_of(w, v, pair.from, pair.to);
        /* Originals are asked, too, and never say that the callee is not there. */
        if (pair.outlook != MUST && w->options.originals > 0)
            continue;
        pairs[count++] = pair;
    }
    for (size_t i = 0; i < count; i++)
        world_call_between(w, pairs[i].from, pairs[i].to);
    return count;
}

static bool is_free(const struct pair *pair)
{
    return pair->from->call == PHONE_FREE && pair->to->call == PHONE_FREE;
}

static void judge_call(struct world *w, const struct pair *pair)
{
    if (pair->outlook == MUST || (pair->outlook == MAY && !is_free(pair)))
        judge_pair(w, pair);
    else if (!is_free(pair))
        world_wrong(w, "phones of persons %d at relay %d and %d at relay %d are in a call %s",
                    pair->from->media->number, pair->from->relay, pair->to->media->number,
                    pair->to->relay, "that cannot be");
}

void judge_calls(struct world *w, const struct views *v)
{
    struct pair pairs[CALLS_MAX];
    size_t count = begin(w, v, pairs);
    world_pass(w, SETTING_UP);
    talk(w, pairs, count);
    for (size_t i = 0; i < count; i++) {
        judge_call(w, &pairs[i]);
        phone_hang_up(i % 2 == 0 ? pairs[i].from : pairs[i].to);
    }
    world_pass(w, 5 * CLOCK_SECOND);
    for (size_t i = 0; i < count; i++) {
        if (!is_free(&pairs[i]))
            world_wrong(w, "phones of persons %d and %d are not told of the end",
                        pairs[i].from->media->number, pairs[i].to->media->number);
    }
}
