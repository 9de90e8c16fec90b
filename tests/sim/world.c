#include "tests/sim/world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/net_connection.h"
#include "tests/sim/names.h"

#define LINKING (60 * CLOCK_SECOND) /* those with originals are made anew after 40 s */
#define WRONGS_SHOWN 20

const char *const world_rooms[WORLD_ROOMS] = {"general", "kitchen", "closet"};

/* ---- what happened ---- */

static void add_line(struct world *w, struct buffer *out, const char *format, va_list args)
{
    char line[512];
    vsnprintf(line, sizeof(line), format, args);
    net_note(&w->net, bytes_of_string(line));
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

bool world_is_original(const struct world *w, int relay)
{
    return relay >= w->options.relays;
}

static void add_peer(const struct world *w, struct buffer *out, int relay, bool delegate,
                     bool dialed)
{
    char text[FINGERPRINT_TLS_TEXT], address[ADDRESS_TEXT];
    struct fingerprint_tls fingerprint = name_relay(relay);
    struct address at = name_relay_address(relay);
    bool original = world_is_original(w, relay);
    fingerprint_tls_text(&fingerprint, text);
    if (dialed)
        address_text(&at, address);
    else
        address_ip_text(&at, address);
    buffer_printf(out, "  - { fingerprint: \"%s\", label: relay-%d, delegate: %s", text, relay,
                  delegate ? "true" : "false");
    if (dialed || original)
        buffer_printf(out, ", address: \"%s\"", address);
    buffer_printf(out, "%s }\n", original ? ", legacy: true" : "");
}

static void add_peers(const struct world *w, struct buffer *out, int relay, bool dialed)
{
    const char *head = dialed ? "peers:\n" : "trusted:\n";
    for (size_t i = 0; i < w->shape.count; i++) {
        const struct edge *e = &w->shape.edges[i];
        if ((dialed ? e->a : e->b) != relay)
            continue;
        buffer_append_string(out, head);
        add_peer(w, out, dialed ? e->b : e->a, dialed ? e->a_delegate : e->b_delegate, dialed);
        head = "";
    }
}

static struct legacy *make_original(struct world *w, int relay)
{
    struct fingerprint_tls self = name_relay(relay);
    struct address address = name_relay_address(relay);
    struct legacy *l =
        legacy_new(&w->net, &address, &self, world_rooms, (size_t)w->options.global_rooms, 3);
    for (size_t i = 0; i < w->shape.count; i++) {
        const struct edge *e = &w->shape.edges[i];
        char label[LEGACY_LABEL];
        if (e->a != relay && e->b != relay)
            continue;
        int other = e->a == relay ? e->b : e->a;
        struct fingerprint_tls fingerprint = name_relay(other);
        struct address at = name_relay_address(other);
        snprintf(label, sizeof(label), "relay-%d", other);
        legacy_add_peer(l, &fingerprint, &at, label, e->a == relay);
    }
    legacy_begin(l);
    return l;
}

int world_probed_by(const struct world *w, int relay)
{
    int target = (relay * 7 + 1) % w->options.relays;
    return relay % 4 != 0 || target == relay ? -1 : target;
}

static void add_probe(const struct world *w, struct buffer *out, int relay)
{
    char address[ADDRESS_TEXT];
    int target = world_probed_by(w, relay);
    if (target < 0)
        return;
    struct address at = name_relay_address(target);
    address_text(&at, address);
    buffer_printf(out, "probe_targets: [\"%s\"]\n", address);
}

static struct relay *make_relay(struct world *w, int relay)
{
    const struct world_options *o = &w->options;
    struct buffer yaml = {0};
    buffer_printf(&yaml,
                  "relay: { name: relay-%d }\n"
                  "log: { level: error }\n"
                  "global_rooms: [%s%s%s]\n"
                  "limits: { federation_hops: %d, federation_room_pps: %u }\n",
                  relay, world_rooms[0], o->global_rooms > 1 ? ", " : "",
                  o->global_rooms > 1 ? world_rooms[1] : "", o->hops, o->room_pps);
    add_probe(w, &yaml, relay);
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

static void watch(void *context, const struct quic_endpoint *to, struct bytes content)
{
    struct world *w = context;
    struct packet p;
    if (packet_read(content, &p) && p.relay < (uint32_t)w->shape.relays &&
        world_is_original(w, (int)p.relay) && to == world_endpoint(w, (int)p.relay))
        echo_note(&w->echoes, &p);
}

void world_init(struct world *w, const struct world_options *options)
{
    *w = (struct world){.options = *options, .dice = {options->seed}};
    net_init(&w->net, options->seed ^ UINT64_C(0x5eed));
    w->net.table_key = options->table_key;
    w->net.watch = watch;
    w->net.watch_context = w;
    shape_make(&w->shape, options->shape, options->relays, &w->dice);
    if (!options->trusting)
        refuse_some(w);
    shape_add_originals(&w->shape, options->originals, options->paired, &w->dice);
    w->relays = sim_alloc((size_t)w->shape.relays * sizeof(*w->relays));
    w->originals = sim_alloc((size_t)w->shape.relays * sizeof(*w->originals));
    w->people = sim_alloc((size_t)options->people * sizeof(*w->people));
    for (int i = 0; i < options->relays; i++)
        w->relays[i] = make_relay(w, i);
    for (int i = options->relays; i < w->shape.relays; i++)
        w->originals[i] = make_original(w, i);
    int people = options->people + options->phones;
    for (int i = 0; i < options->people; i++)
        w->people[i] = person_new(&w->net, i, people);
    w->phones = sim_alloc((size_t)options->phones * sizeof(*w->phones));
    for (int i = 0; i < options->phones; i++)
        w->phones[i] = phone_new(&w->net, options->people + i, people);
    world_pass(w, LINKING);
}

void world_free(struct world *w)
{
    for (int i = 0; i < w->options.people; i++)
        person_free(w->people[i]);
    for (int i = 0; i < w->options.phones; i++)
        phone_free(w->phones[i]);
    free(w->phones);
    for (int i = 0; i < w->shape.relays; i++) {
        relay_free(w->relays[i]);
        legacy_free(w->originals[i]);
    }
    free(w->people);
    free(w->relays);
    free(w->originals);
    echo_free_all(&w->echoes);
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
    return world_is_original(w, relay) ? w->originals[relay]->endpoint
                                       : plane_endpoint(w->relays[relay]->plane);
}

void world_stop_control(struct world *w, int relay)
{
    if (!world_is_original(w, relay))
        relay_kill_control(w->relays[relay]);
}

void world_start_control(struct world *w, int relay)
{
    if (!world_is_original(w, relay))
        relay_start_control(w->relays[relay]);
}

void world_stop_data(struct world *w, int relay)
{
    if (world_is_original(w, relay))
        legacy_stop(w->originals[relay]);
    else
        relay_kill_data(w->relays[relay]);
}

void world_start_data(struct world *w, int relay)
{
    if (world_is_original(w, relay))
        legacy_begin(w->originals[relay]);
    else
        relay_start_data(w->relays[relay]);
}

void world_stop(struct world *w, int relay)
{
    world_stop_control(w, relay);
    world_stop_data(w, relay);
}

void world_start(struct world *w, int relay)
{
    world_start_data(w, relay);
    world_start_control(w, relay);
}

/* ---- people ---- */

void world_join(struct world *w, int person, int relay, int room)
{
    for (int i = 0; i < w->options.people && world_is_original(w, relay); i++) {
        const struct person *p = w->people[i];
        if (p->relay == relay && strcmp(p->room, world_rooms[room]) == 0)
            world_leave(w, i);
    }
    world_trace(w, "person %d joins %s at relay %d", person, world_rooms[room], relay);
    person_join(w->people[person], relay, world_endpoint(w, relay), world_rooms[room]);
}

void world_register(struct world *w, int phone, int relay)
{
    world_trace(w, "phone %d registers at relay %d", phone, relay);
    phone_register(w->phones[phone], relay, world_endpoint(w, relay));
}

void world_call_between(struct world *w, struct phone *from, struct phone *to)
{
    char id[PHONE_CALL_ID];
    if (from == to || from->call != PHONE_FREE)
        return;
    snprintf(id, sizeof(id), "c%u", ++w->calls);
    world_trace(w, "phone of person %d at relay %d calls that of %d at relay %d: %s",
                from->media->number, from->relay, to->media->number, to->relay, id);
    phone_call(from, to->media->name, id);
}

void world_call(struct world *w, int from, int to)
{
    world_call_between(w, w->phones[from], w->phones[to]);
}

void world_leave(struct world *w, int person)
{
    world_trace(w, "person %d leaves", person);
    person_leave(w->people[person]);
}

size_t world_odd(const struct world *w, const struct person *p, bool echoes,
                 const struct packet **last)
{
    size_t odd = 0;
    for (size_t i = 0; i < p->odd_count; i++) {
        if (echoes && echo_find(w->echoes, &p->odd[i]))
            continue;
        odd++;
        *last = &p->odd[i];
    }
    return odd;
}
