#include "control/core/presence_say.h"

#include <stdlib.h>

#include "control/core/link.h"

/* A message that is being made: the texts that its views point to. */
struct message {
    char origin[FINGERPRINT_TLS_TEXT];
    char path[FEDERATION_PATH_MAX][FINGERPRINT_TLS_TEXT];
    struct signal_text path_views[FEDERATION_PATH_MAX];
    char address[ADDRESS_TEXT];
    struct signal_version version, base;
    struct signal_text *here, *gone; /* names; allocated */
    size_t here_count, gone_count, room;
    struct signal_presence_extension extension;
};

static void begin(struct message *m, const struct topic *topic)
{
    fingerprint_tls_text(&topic->key.origin, m->origin);
    m->extension.origin = signal_text_of(m->origin);
}

static void add(struct core *c, struct message *m, const struct presence_name *name)
{
    if (m->here_count + m->gone_count == m->room) {
        size_t room = m->room == 0 ? 64 : m->room * 2;
        struct signal_text *here = realloc(m->here, room * sizeof(*here));
        m->here = here == NULL ? m->here : here;
        struct signal_text *gone = realloc(m->gone, room * sizeof(*gone));
        m->gone = gone == NULL ? m->gone : gone;
        if (here == NULL || gone == NULL) {
            c->failed = true;
            return;
        }
        m->room = room;
    }
    if (name->here)
        m->here[m->here_count++] = signal_text_of(name->text);
    else
        m->gone[m->gone_count++] = signal_text_of(name->text);
}

static void send_message(struct core *c, struct message *m, const struct federation_link *link)
{
    struct signal update = {.type = SIGNAL_PRESENCE_UPDATE};
    update.presence_update.fingerprints = (struct signal_texts){m->here, m->here_count};
    update.presence_update.relay_addr = signal_text_of(m->address);
    update.presence_update.chappe = &m->extension;
    link_say(c, link->peer, &update);
    c->counters.presence_sent++;
    free(m->here);
    free(m->gone);
}

/* ---- announcements ---- */

static void set_path(struct message *m, const struct trail *path)
{
    for (size_t i = 0; i < path->count; i++) {
        fingerprint_tls_text(&path->relays[i], m->path[i]);
        m->path_views[i] = signal_text_of(m->path[i]);
    }
    m->extension.path = (struct signal_texts){m->path_views, path->count};
}

static bool can_tell_changes(const struct outgoing *out)
{
    const struct presence *p = out->topic->presence;
    return out->sent && out->version.start == out->topic->version.start &&
           out->version.counter >= p->names.floor && p->listing.start == 0;
}

/* Names that changed in one version stay together. Returns the version that is reached. */
static uint64_t add_changes(struct core *c, struct message *m, const struct topic *topic,
                            uint64_t since)
{
    size_t count = 0;
    uint64_t reached = since;
    const struct presence_name *name = presence_set_since(&topic->presence->names, since);
    for (; name != NULL; name = name->next) {
        if (count >= PRESENCE_IN_ONE && name->changed != reached)
            return reached;
        add(c, m, name);
        reached = name->changed;
        count++;
    }
    return topic->version.counter;
}

static void add_bucket(struct core *c, struct message *m, const struct presence *p, unsigned bucket)
{
    const struct presence_name *name = presence_set_bucket(&p->names, bucket);
    for (; name != NULL; name = name->bucket_next) {
        if (name->here)
            add(c, m, name);
    }
}

static struct signal_version version_of(const struct version *version)
{
    return (struct signal_version){version->start, version->counter};
}

/* The names; and what version they make, of which. */
static void fill(struct core *c, struct message *m, struct outgoing *out)
{
    const struct topic *topic = out->topic;
    m->version = version_of(&topic->version);
    m->extension.version = &m->version;
    if (can_tell_changes(out)) {
        m->base = version_of(&out->version);
        m->version.counter = add_changes(c, m, topic, out->version.counter);
        m->extension.base = &m->base;
    } else if (topic->presence->names.count <= PRESENCE_WHOLE_MAX) {
        for (unsigned i = 0; i < PRESENCE_BUCKETS; i++)
            add_bucket(c, m, topic->presence, i);
    } else {
        m->base = m->version; /* to be asked for */
        m->extension.base = &m->base;
    }
}

void presence_say(struct core *c, struct outgoing *out)
{
    const struct topic *topic = out->topic;
    struct message m = {.address = ""};
    begin(&m, topic);
    set_path(&m, out->path);
    fill(c, &m, out);
    m.extension.gone = (struct signal_texts){m.gone, m.gone_count};
    if (topic->own)
        presence_address(c, link_oldest(out->link->peer), m.address);
    else
        memcpy(m.address, topic->presence->address, sizeof(m.address));
    unsigned cost = (unsigned)((m.here_count + m.gone_count) / 32);
    out->link->budget -= cost < out->link->budget ? cost : out->link->budget;
    out->sent = true;
    out->version = (struct version){m.version.start, m.version.counter};
    send_message(c, &m, out->link);
}

void presence_say_off(struct core *c, const struct outgoing *out)
{
    static const bool yes = true;
    struct message m = {.address = ""};
    begin(&m, out->topic);
    m.extension.off = &yes;
    send_message(c, &m, out->link);
}

/* ---- listings ---- */

void presence_say_ask(struct core *c, const struct entry *entry, unsigned bucket)
{
    struct message m = {.address = ""};
    uint32_t from = bucket;
    begin(&m, entry->topic);
    m.extension.ask = &from;
    send_message(c, &m, entry->link);
}

void presence_say_list(struct core *c, const struct topic *topic,
                       const struct federation_link *link, unsigned bucket)
{
    struct message m = {.address = ""};
    uint32_t first = bucket, last = bucket;
    for (;; last++) {
        add_bucket(c, &m, topic->presence, last);
        if (last + 1 == PRESENCE_BUCKETS || m.here_count >= PRESENCE_IN_ONE)
            break;
    }
    begin(&m, topic);
    m.version = version_of(&topic->version);
    m.extension.version = &m.version;
    m.extension.first = &first;
    m.extension.last = &last;
    send_message(c, &m, link);
}
