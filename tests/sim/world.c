#include "tests/sim/world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/net_connection.h"
#include "tests/sim/names.h"

#define LINKING (10 * CLOCK_SECOND)
#define WRONGS_SHOWN 20

const char *const world_rooms[WORLD_ROOMS] = {"general", "kitchen", "closet"};

/* ---- what happened ---- */

static void add_line(struct world *w, struct buffer *out, const char *format, va_list args)
{
    char line[512];
    vsnprintf(line, sizeof(line), format, args);
    buffer_printf(out, "%10.3f %s\n", (double)(w->net.now - 1000 * CLOCK_SECOND) / CLOCK_SECOND,
                  line);
    if (w->options.verbose)
        fprintf(stderr, "%10.3f %s\n", (double)w->net.now / CLOCK_SECOND, line);
}

void world_trace(struct world *w, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add_line(w, &w->trace, format, args);
    va_end(args);
}

void world_wrong(struct world *w, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (w->wrongs++ < WRONGS_SHOWN)
        add_line(w, &w->wrong, format, args);
    va_end(args);
}

/* ---- relays ---- */

static void add_peer(struct buffer *out, int relay, bool delegate, bool dialed)
{
    char text[FINGERPRINT_TLS_TEXT], address[ADDRESS_TEXT];
    struct fingerprint_tls fingerprint = name_relay(relay);
    struct address at = name_relay_address(relay);
    fingerprint_tls_text(&fingerprint, text);
    address_text(&at, address);
    buffer_printf(out, "  - { fingerprint: \"%s\", label: relay-%d, delegate: %s", text, relay,
                  delegate ? "true" : "false");
    if (dialed)
        buffer_printf(out, ", address: \"%s\"", address);
    buffer_printf(out, " }\n");
}

static void add_peers(const struct world *w, struct buffer *out, int relay, bool dialed)
{
    const char *head = dialed ? "peers:\n" : "trusted:\n";
    for (size_t i = 0; i < w->shape.count; i++) {
        const struct edge *e = &w->shape.edges[i];
        if ((dialed ? e->a : e->b) != relay)
            continue;
        buffer_append_string(out, head);
        add_peer(out, dialed ? e->b : e->a, dialed ? e->a_delegate : e->b_delegate, dialed);
        head = "";
    }
}

static struct relay *make_relay(struct world *w, int relay)
{
    const struct world_options *o = &w->options;
    struct buffer yaml = {0};
    buffer_printf(&yaml,
                  "relay: { name: relay-%d }\n"
                  "log: { level: error }\n"
                  "global_rooms: [%s, %s]\n"
                  "limits: { federation_hops: %d, federation_room_pps: %u }\n",
                  relay, world_rooms[0], world_rooms[1], o->hops, o->room_pps);
    add_peers(w, &yaml, relay, true);
    add_peers(w, &yaml, relay, false);
    buffer_append_u8(&yaml, 0);
    struct relay *r = relay_new(&w->net, relay, (const char *)yaml.data);
    uint64_t least = o->latency / 10;
    plane_endpoint(r->plane)->latency = least + dice_below(&w->dice, o->latency - least + 1);
    r->chatty = o->verbose;
    buffer_free(&yaml);
    return r;
}

static void refuse_some(struct world *w)
{
    for (size_t i = 0; i < w->shape.count; i++) {
        w->shape.edges[i].a_delegate = !dice_one_in(&w->dice, 6);
        w->shape.edges[i].b_delegate = !dice_one_in(&w->dice, 6);
    }
}

void world_init(struct world *w, const struct world_options *options)
{
    *w = (struct world){.options = *options, .dice = {options->seed}};
    net_init(&w->net, options->seed ^ UINT64_C(0x5eed));
    shape_make(&w->shape, options->shape, options->relays, &w->dice);
    if (!options->trusting)
        refuse_some(w);
    w->relays = sim_alloc((size_t)options->relays * sizeof(*w->relays));
    w->people = sim_alloc((size_t)options->people * sizeof(*w->people));
    for (int i = 0; i < options->relays; i++)
        w->relays[i] = make_relay(w, i);
    for (int i = 0; i < options->people; i++)
        w->people[i] = person_new(&w->net, i, options->people);
    world_pass(w, LINKING);
}

void world_free(struct world *w)
{
    for (int i = 0; i < w->options.people; i++)
        person_free(w->people[i]);
    for (int i = 0; i < w->options.relays; i++)
        relay_free(w->relays[i]);
    free(w->people);
    free(w->relays);
    net_free(&w->net);
    shape_free(&w->shape);
    buffer_free(&w->trace);
    buffer_free(&w->wrong);
}

void world_pass(struct world *w, uint64_t ns)
{
    net_run(&w->net, w->net.now + ns);
}

struct quic_endpoint *world_endpoint(const struct world *w, int relay)
{
    return plane_endpoint(w->relays[relay]->plane);
}

/* ---- people ---- */

void world_join(struct world *w, int person, int relay, int room)
{
    world_trace(w, "person %d joins %s at relay %d", person, world_rooms[room], relay);
    person_join(w->people[person], relay, world_endpoint(w, relay), world_rooms[room]);
}

void world_leave(struct world *w, int person)
{
    world_trace(w, "person %d leaves", person);
    person_leave(w->people[person]);
}
