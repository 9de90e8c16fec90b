#include "dataplane/dedup.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"

#define WAYS 8u
#define ENTRIES_MIN 4096u
#define GENERATIONS 4096u /* the numbers begin again after this many, 8192 s */
#define SPREAD UINT64_C(0x9e3779b97f4a7c15)

static uint32_t generation_at(uint64_t now)
{
    return (uint32_t)(now / DEDUP_GENERATION % GENERATIONS);
}

/* In generations; at least 2 = outdated. */
static uint32_t age(const struct dedup_entry *entry, uint32_t generation)
{
    return (generation - entry->generation) % GENERATIONS;
}

static struct dedup_entry *set_of(const struct dedup *d, uint64_t hash)
{
    return &d->entries[hash & (d->count - 1) & ~(uint64_t)(WAYS - 1)];
}

static struct dedup_entry *new_entries(size_t count)
{
    size_t size = count * sizeof(struct dedup_entry);
    struct dedup_entry *entries = aligned_alloc(64, size);

    if (entries)
        memset(entries, 0, size);
    return entries;
}

int dedup_init(struct dedup *d, const struct siphash_key *key)
{
    *d = (struct dedup){.key = *key, .count = ENTRIES_MIN};
    d->entries = new_entries(d->count);
    return d->entries ? 0 : ERR_MEMORY;
}

void dedup_free(struct dedup *d)
{
    free(d->entries);
    *d = (struct dedup){0};
}

/* The place for a new entry: an empty or outdated one, else the oldest. */
static struct dedup_entry *victim(struct dedup *d, struct dedup_entry *set, uint32_t generation)
{
    struct dedup_entry *oldest = set;

    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].hash == 0 || age(&set[i], generation) > 1)
            return &set[i];
        if (age(&set[i], generation) > age(oldest, generation))
            oldest = &set[i];
    }
    d->evicted++;
    return oldest;
}

int dedup_reserve(struct dedup *d, uint64_t packets_per_second, uint64_t now)
{
    struct dedup old = *d;
    uint32_t generation = generation_at(now);
    size_t count = d->count;

    /* Two generations fill a quarter: more than eight in a set are then rare. */
    while (count < DEDUP_ENTRIES_MAX && count / 16 < packets_per_second)
        count *= 2;
    if (count == d->count)
        return 0;
    struct dedup_entry *entries = new_entries(count);
    if (!entries)
        return ERR_MEMORY;
    d->entries = entries;
    d->count = count;
    for (size_t i = 0; i < old.count; i++) {
        const struct dedup_entry *entry = &old.entries[i];
        if (entry->hash && age(entry, generation) <= 1)
            *victim(d, set_of(d, entry->hash), generation) = *entry;
    }
    free(old.entries);
    return 0;
}

static enum dedup_verdict compare(const struct dedup_entry *entry,
                                  const struct dedup_source *source)
{
    if (entry->origin == source->origin)
        return entry->link == source->link ? DEDUP_NEW : DEDUP_COPY;
    if (source->legacy)
        return DEDUP_COPY;
    return entry->legacy ? DEDUP_ECHOED : DEDUP_NEW;
}

static bool is_same_source(const struct dedup_entry *entry, const struct dedup_source *source)
{
    return entry->link == source->link && entry->origin == source->origin;
}

enum dedup_verdict dedup_look(struct dedup *d, uint64_t room, struct bytes packet,
                              const struct dedup_source *source, uint64_t now)
{
    uint64_t hash = siphash(&d->key, packet.data, packet.len) + room * SPREAD;
    uint32_t generation = generation_at(now);
    struct dedup_entry *known = NULL;
    enum dedup_verdict verdict = DEDUP_NEW;

    hash += hash == 0;
    struct dedup_entry *set = set_of(d, hash);
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].hash != hash || age(&set[i], generation) > 1)
            continue;
        enum dedup_verdict found = compare(&set[i], source);
        if (found == DEDUP_COPY)
            return found;
        if (found == DEDUP_ECHOED)
            verdict = found;
        if (is_same_source(&set[i], source))
            known = &set[i];
    }
    if (!known)
        known = victim(d, set, generation);
    *known = (struct dedup_entry){
        .hash = hash,
        .origin = source->origin,
        .generation = generation & (GENERATIONS - 1),
        .legacy = source->legacy,
        .link = source->link & DEDUP_LINK_MAX,
    };
    return verdict;
}
