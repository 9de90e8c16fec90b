#include "control/core/probe.h"

#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "control/core/peers.h"
#include "control/core/record.h"

#define RECORD_VERSION 1

static void record_key_of(char key[RECORD_KEY_SIZE], const struct probe_said *said)
{
    record_key_hex(key, RECORD_SAID, (struct bytes){said->relay.bytes, sizeof(said->relay.bytes)});
}

static void write_record(struct core *c, struct deferred *work)
{
    const struct probe_said *said = heap_entry(work, struct probe_said, record);
    char key[RECORD_KEY_SIZE];
    struct buffer value = {0};
    record_key_of(key, said);
    buffer_append_u8(&value, RECORD_VERSION);
    buffer_append_u64(&value, said->expires);
    record_put_text(&value, said->address);
    buffer_append_u32(&value, (uint32_t)said->names.count);
    for (const struct presence_name *name = said->names.log; name != NULL; name = name->next)
        record_put_text(&value, name->text);
    c->failed |= value.failed;
    transaction_record_put(&c->transaction, key, 0, buffer_view(&value));
    buffer_free(&value);
}

static void drop(struct core *c, struct probe_said *said)
{
    timer_stop(c, &said->timer);
    deferred_cancel(c, &said->record);
    HASH_DEL(c->probe_said, said);
    presence_set_free(&said->names);
    free(said);
}

static void expire(struct core *c, struct probe_said *said)
{
    char key[RECORD_KEY_SIZE];
    record_key_of(key, said);
    transaction_record_delete(&c->transaction, key);
    drop(c, said);
}

static void due(struct core *c, struct timer *timer)
{
    expire(c, heap_entry(timer, struct probe_said, timer));
}

static struct probe_said *obtain(struct core *c, const struct fingerprint_tls *relay)
{
    struct probe_said *said = NULL;
    HASH_FIND(hh, c->probe_said, relay, sizeof(*relay), said);
    if (said != NULL)
        return said;
    said = calloc(1, sizeof(*said));
    if (said == NULL) {
        c->failed = true;
        return NULL;
    }
    said->relay = *relay;
    said->timer.due = due;
    said->record.run = write_record;
    HASH_ADD(hh, c->probe_said, relay, sizeof(said->relay), said);
    return said;
}

static void add_name(struct core *c, struct probe_said *said, struct signal_text text)
{
    char name[CONNECTION_NAME_SIZE];
    bool good = said->names.count < PROBE_NAMES_MAX && text.len > 0 &&
                signal_text_copy(text, name, sizeof(name)) && text_is_clean(bytes_of_string(name));
    int err = good ? presence_set_put(&said->names, name, true, 1) : ERR_TOO_LARGE;
    c->counters.presence_refused += err == ERR_TOO_LARGE;
    c->failed |= err == ERR_MEMORY;
}

void probe_said_take(struct core *c, const struct fingerprint_tls *relay,
                     const struct signal_presence_update *m)
{
    struct probe_said *said = obtain(c, relay);
    struct address address;
    if (said == NULL)
        return;
    presence_set_free(&said->names);
    for (size_t i = 0; i < m->fingerprints.count; i++)
        add_name(c, said, m->fingerprints.items[i]);
    said->address[0] = '\0';
    if (address_parse(signal_text_bytes(m->relay_addr), &address) == 0)
        address_text(&address, said->address);
    said->expires = c->now + PROBE_SAID_NS;
    timer_set(c, &said->timer, said->expires);
    deferred_add(c, &said->record);
}

const struct probe_said *probe_said_find(const struct core *c, const char *name)
{
    const struct probe_said *said = c->probe_said;
    while (said != NULL && !presence_set_has(&said->names, name))
        said = said->hh.next;
    return said;
}

void probe_said_forget(struct core *c)
{
    while (c->probe_said != NULL)
        drop(c, c->probe_said);
}

void probe_said_reload(struct core *c)
{
    struct probe_said *said, *next;
    HASH_ITER(hh, c->probe_said, said, next)
    {
        if (peer_find(c, &said->relay) == NULL)
            expire(c, said);
    }
}

int probe_said_restore(struct core *c, struct bytes name, struct bytes value)
{
    struct reader r;
    struct fingerprint_tls relay;
    reader_init(&r, value);
    if (fingerprint_tls_parse(name, &relay) < 0 || !record_get_version(&r, RECORD_VERSION))
        return ERR_SYNTAX;
    if (peer_find(c, &relay) == NULL)
        return ERR_NOT_FOUND;
    struct probe_said *said = obtain(c, &relay);
    if (said == NULL)
        return ERR_MEMORY;
    said->expires = reader_u64(&r);
    record_get_text(&r, said->address, sizeof(said->address));
    size_t count = reader_u32(&r);
    for (size_t i = 0; i < count && i < PROBE_NAMES_MAX && !r.failed; i++) {
        char text[CONNECTION_NAME_SIZE];
        record_get_text(&r, text, sizeof(text));
        if (!r.failed && presence_set_put(&said->names, text, true, 1) == ERR_MEMORY)
            c->failed = true;
    }
    timer_set(c, &said->timer, said->expires);
    if (!r.failed)
        return 0;
    drop(c, said);
    return ERR_SYNTAX;
}
