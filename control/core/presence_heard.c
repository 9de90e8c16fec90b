#include "control/core/presence_heard.h"

#include <string.h>

#include "common/text.h"
#include "control/core/heard.h"
#include "control/core/presence_say.h"
#include "control/core/topic.h"

/* ---- names ---- */

static bool read_name(struct signal_text text, char name[CONNECTION_NAME_SIZE])
{
    return text.len > 0 && signal_text_copy(text, name, CONNECTION_NAME_SIZE) &&
           text_is_clean(bytes_of_string(name));
}

static void note(struct core *c, int err)
{
    c->counters.presence_refused += err == ERR_TOO_LARGE;
    c->failed |= err == ERR_MEMORY;
}

static bool has_room(const struct core *c, const struct presence *p, const char *name)
{
    return c->federation->presence_names < PRESENCE_TOTAL_MAX || presence_set_has(&p->names, name);
}

/* One name came or went. */
static void put(struct core *c, struct presence *p, struct signal_text text, bool here,
                uint64_t version)
{
    char name[CONNECTION_NAME_SIZE];
    size_t before = p->names.count;
    int err = ERR_TOO_LARGE;
    if (read_name(text, name) && (!here || has_room(c, p, name)))
        err = presence_set_put(&p->names, name, here, version);
    note(c, err);
    c->federation->presence_names += p->names.count - before;
}

static void put_changes(struct core *c, struct presence *p, const struct signal_presence_update *m,
                        uint64_t version)
{
    for (size_t i = 0; i < m->fingerprints.count; i++)
        put(c, p, m->fingerprints.items[i], true, version);
    for (size_t i = 0; i < m->chappe->gone.count; i++)
        put(c, p, m->chappe->gone.items[i], false, version);
    deferred_add(c, &p->topic->record);
}

/* All names in some buckets. */
static void put_buckets(struct core *c, struct presence *p, const struct signal_texts *names,
                        unsigned first, unsigned last, uint64_t version)
{
    size_t before = p->names.count;
    presence_set_begin(&p->names, first, last);
    for (size_t i = 0; i < names->count; i++) {
        char name[CONNECTION_NAME_SIZE];
        int err = ERR_TOO_LARGE;
        if (read_name(names->items[i], name) && presence_bucket(name) >= first &&
            presence_bucket(name) <= last &&
            c->federation->presence_names + p->names.count - before < PRESENCE_TOTAL_MAX)
            err = presence_set_say(&p->names, name, version);
        note(c, err);
    }
    presence_set_end(&p->names, first, last);
    c->federation->presence_names += p->names.count - before;
    deferred_add(c, &p->topic->record);
}

/* ---- announcements ---- */

static struct version read_version(const struct signal_version *version)
{
    return (struct version){version->start, version->counter};
}

static bool follows(const struct signal_version *base, const struct version *have)
{
    return base->start == have->start && base->counter <= have->counter;
}

static void stop_listing(struct presence *p)
{
    p->mixed |= p->listing.start != 0;
    p->asked = NULL;
    p->listing = (struct version){0, 0};
    p->bucket = 0;
}

/* The set is whole, in this version. */
static void complete(struct presence *p, const struct version *version)
{
    stop_listing(p);
    p->mixed = false;
    p->topic->version = *version;
    presence_set_raise(&p->names, version->counter);
}

static void take_whole(struct core *c, struct presence *p, const struct signal_presence_update *m,
                       const struct version *version)
{
    put_buckets(c, p, &m->fingerprints, 0, PRESENCE_BUCKETS - 1, version->counter);
    complete(p, version);
}

/* A change counts for the set as it is, or as it will be when the listing is complete. What has a
   gap before it is left out; the topic's settling asks. */
static void take_change(struct core *c, struct presence *p, const struct signal_presence_update *m,
                        const struct version *version)
{
    const struct signal_version *base = m->chappe->base;
    bool listed = p->listing.start != 0;
    if (base->start != version->start || (listed && version_compare(version, &p->listing) <= 0))
        return;
    bool fits = follows(base, &p->topic->version) && !p->mixed &&
                version->counter > p->topic->version.counter;
    if (!fits && !(listed && follows(base, &p->listing)))
        return;
    put_changes(c, p, m, version->counter);
    if (fits)
        p->topic->version = *version;
    if (listed)
        p->listing = *version;
}

static void note_address(struct core *c, struct presence *p, struct signal_text said)
{
    struct address address;
    char text[ADDRESS_TEXT];
    if (address_parse(signal_text_bytes(said), &address) < 0)
        return;
    address_text(&address, text);
    if (strcmp(text, p->address) == 0)
        return;
    memcpy(p->address, text, sizeof(text));
    deferred_add(c, &p->topic->record);
}

static void take_announcement(struct core *c, struct federation_link *link,
                              const struct topic_key *key, const struct signal_presence_update *m)
{
    struct path path;
    const char *why = m->chappe->version == NULL || m->chappe->version->start == 0
                          ? "its version is missing"
                          : heard_judge(c, link, key, &m->chappe->path, &path);
    if (why != NULL) {
        heard_refuse(c, link->peer, m->chappe->origin, why);
        heard_forget(c, link, key);
        return;
    }
    struct version version = read_version(m->chappe->version);
    struct entry *entry = heard_store(c, link, key, &path, &version);
    struct topic *topic = entry == NULL ? NULL : entry->topic;
    if (topic == NULL || topic_source(topic) != entry)
        return;
    note_address(c, topic->presence, m->relay_addr);
    if (topic_holds(topic, entry))
        return;
    if (m->chappe->base == NULL)
        take_whole(c, topic->presence, m, &version);
    else
        take_change(c, topic->presence, m, &version);
}

/* ---- listings ---- */

void presence_catch_up(struct core *c, struct topic *topic)
{
    struct presence *p = topic->presence;
    struct entry *source = topic_source(topic);
    if (source == NULL || p->asked == source ||
        (p->asked != NULL && version_compare(&p->asked->version, &source->version) == 0))
        return;
    stop_listing(p);
    if (topic_holds(topic, source))
        return;
    p->asked = source;
    presence_say_ask(c, source, 0);
}

void presence_entry_gone(struct core *c, const struct entry *entry)
{
    struct presence *p = entry->topic->presence;
    (void)c;
    if (p->asked == entry)
        stop_listing(p);
}

void presence_ask_again(struct core *c, const struct federation_link *link)
{
    for (struct presence *p = c->federation->presences; p != NULL; p = p->next) {
        if (p->asked == NULL || p->asked->link != link)
            continue;
        stop_listing(p);
        topic_changed(c, p->topic);
    }
}

/* The last part has come. Whoever announced another version than it lists has nothing more. */
static void end_listing(struct core *c, struct presence *p)
{
    struct version version = p->listing;
    if (version_compare(&p->asked->version, &version) != 0) {
        p->asked->version = version;
        deferred_add(c, &p->asked->record);
    }
    complete(p, &version);
    deferred_add(c, &p->topic->record);
    topic_changed(c, p->topic);
}

static void take_part(struct core *c, struct presence *p, const struct signal_presence_update *m)
{
    unsigned first = *m->chappe->first, last = *m->chappe->last;
    struct version version = read_version(m->chappe->version);
    if (first != p->bucket || last < first || last >= PRESENCE_BUCKETS || version.start == 0)
        return;
    if (first == 0) {
        p->listing = version;
    } else if (version.start != p->listing.start) { /* the relay has another life */
        stop_listing(p);
        topic_changed(c, p->topic);
        return;
    }
    put_buckets(c, p, &m->fingerprints, first, last, p->listing.counter);
    p->bucket = last + 1;
    if (p->bucket < PRESENCE_BUCKETS)
        presence_say_ask(c, p->asked, p->bucket);
    else
        end_listing(c, p);
}

static void take_listing(struct core *c, const struct federation_link *link,
                         const struct topic_key *key, const struct signal_presence_update *m)
{
    struct topic *topic = topic_find(c, key);
    struct presence *p = topic == NULL ? NULL : topic->presence;
    if (p != NULL && p->asked != NULL && p->asked->link == link && m->chappe->version != NULL &&
        m->chappe->last != NULL)
        take_part(c, p, m);
}

static void take_ask(struct core *c, const struct federation_link *link,
                     const struct topic_key *key, uint32_t bucket)
{
    const struct topic *topic = topic_find(c, key);
    if (topic != NULL && bucket < PRESENCE_BUCKETS && announce_is_told(topic, link))
        presence_say_list(c, topic, link, bucket);
}

/* ---- messages ---- */

void presence_heard(struct core *c, struct peer *peer, const struct signal_presence_update *m)
{
    struct federation_link *link = federation_link_of(c, peer);
    struct topic_key key;
    memset(&key, 0, sizeof(key));
    if (link == NULL || link->legacy || m->chappe == NULL ||
        fingerprint_tls_parse(signal_text_bytes(m->chappe->origin), &key.origin) < 0) {
        heard_refuse(c, peer, SIGNAL_TEXT("presence"), "not as relays of ours announce");
        return;
    }
    key.publisher = key.origin;
    if (m->chappe->ask != NULL)
        take_ask(c, link, &key, *m->chappe->ask);
    else if (m->chappe->first != NULL)
        take_listing(c, link, &key, m);
    else if (m->chappe->off != NULL && *m->chappe->off)
        heard_forget(c, link, &key);
    else
        take_announcement(c, link, &key, m);
}
