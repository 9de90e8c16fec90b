#include "tests/sim/judge_calls.h"

#include <stdio.h>
#include <string.h>

#include "tests/sim/names.h"
#include "tests/sim/net_connection.h"

#define CALLS_MAX 8 /* at a time */
#define PACKETS 3u

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

/* ---- calls ---- */

struct pair {
    struct phone *from, *to;
};

static size_t begin(struct world *w, const struct views *v, struct pair *pairs)
{
    size_t count = 0;
    for (int i = 0; i + 1 < w->options.phones && count < CALLS_MAX; i += 2) {
        struct phone *from = w->phones[i], *to = w->phones[i + 1];
        if (from->relay < 0 || to->relay < 0 || !from->registered || !to->registered ||
            views_distance(v, to->relay, from->relay) == VIEWS_FAR)
            continue;
        pairs[count++] = (struct pair){from, to};
        world_call(w, i, i + 1);
    }
    return count;
}

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

void judge_calls(struct world *w, const struct views *v)
{
    struct pair pairs[CALLS_MAX];
    if (!w->options.trusting)
        return;
    size_t count = begin(w, v, pairs);
    world_pass(w, 5 * CLOCK_SECOND);
    talk(w, pairs, count);
    for (size_t i = 0; i < count; i++) {
        judge_side(w, pairs[i].from, pairs[i].to);
        judge_side(w, pairs[i].to, pairs[i].from);
        phone_hang_up(i % 2 == 0 ? pairs[i].from : pairs[i].to);
    }
    world_pass(w, 5 * CLOCK_SECOND);
    for (size_t i = 0; i < count; i++) {
        if (pairs[i].from->call != PHONE_FREE || pairs[i].to->call != PHONE_FREE)
            world_wrong(w, "phones of persons %d and %d are not told of the end",
                        pairs[i].from->media->number, pairs[i].to->media->number);
    }
}
