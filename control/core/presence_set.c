#include "control/core/presence_set.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "common/error.h"

unsigned presence_bucket(const char *name)
{
    uint32_t hash = UINT32_C(2166136261);
    for (; *name != '\0'; name++)
        hash = (hash ^ (uint8_t)*name) * UINT32_C(16777619);
    return hash % PRESENCE_BUCKETS;
}

static struct presence_name *find(const struct presence_set *set, const char *name)
{
    struct presence_name *found = NULL;
    HASH_FIND_STR(set->names, name, found);
    return found;
}

bool presence_set_has(const struct presence_set *set, const char *name)
{
    const struct presence_name *found = find(set, name);
    return found != NULL && found->here;
}

/* Of a set: the sum over its names. */
static uint64_t digest_of(const char *name)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (; *name != '\0'; name++)
        hash = (hash ^ (uint8_t)*name) * UINT64_C(1099511628211);
    return hash;
}

static void set_here(struct presence_set *set, struct presence_name *name, bool here)
{
    if (name->here == here)
        return;
    name->here = here;
    set->dirty[presence_bucket(name->text)] = true;
    set->count += here ? 1 : SIZE_MAX;
    set->gone += here ? SIZE_MAX : 1;
    set->digest += here ? digest_of(name->text) : 0 - digest_of(name->text);
}

static void drop(struct presence_set *set, struct presence_name *name)
{
    unsigned bucket = presence_bucket(name->text);
    HASH_DEL(set->names, name);
    DL_DELETE(set->log, name);
    DL_DELETE2(set->buckets[bucket], name, bucket_prev, bucket_next);
    set->sizes[bucket]--;
    set_here(set, name, false);
    set->gone--;
    free(name);
}

void presence_set_free(struct presence_set *set)
{
    while (set->log != NULL)
        drop(set, set->log);
    memset(set, 0, sizeof(*set));
}

static int by_text(const struct presence_name *a, const struct presence_name *b)
{
    return strcmp(a->text, b->text);
}

/* A new one, not here; NULL without memory. */
static struct presence_name *add(struct presence_set *set, const char *text)
{
    size_t size = strlen(text) + 1;
    unsigned bucket = presence_bucket(text);
    struct presence_name *name = calloc(1, sizeof(*name) + size);
    if (name == NULL)
        return NULL;
    memcpy(name->text, text, size);
    HASH_ADD_STR(set->names, text, name);
    DL_APPEND(set->log, name);
    DL_INSERT_INORDER2(set->buckets[bucket], name, by_text, bucket_prev, bucket_next);
    set->sizes[bucket]++;
    set->gone++;
    return name;
}

/* The oldest of those who are gone, when they are too many. */
static void forget_some(struct presence_set *set)
{
    struct presence_name *next;
    for (struct presence_name *name = set->log; set->gone > PRESENCE_GONE_MAX; name = next) {
        next = name->next;
        if (name->here)
            continue;
        set->floor = name->changed;
        drop(set, name);
    }
}

static bool is_full(const struct presence_set *set, const char *name)
{
    return set->count >= PRESENCE_NAMES_MAX ||
           set->sizes[presence_bucket(name)] >= PRESENCE_BUCKET_MAX;
}

int presence_set_put(struct presence_set *set, const char *text, bool here, uint64_t version)
{
    struct presence_name *name = find(set, text);
    if (name == NULL && is_full(set, text))
        return ERR_TOO_LARGE;
    if (name == NULL && (name = add(set, text)) == NULL)
        return ERR_MEMORY;
    set_here(set, name, here);
    name->changed = version;
    DL_DELETE(set->log, name);
    DL_APPEND(set->log, name);
    forget_some(set);
    return 0;
}

/* ---- buckets ---- */

void presence_set_begin(struct presence_set *set, unsigned first, unsigned last)
{
    for (unsigned i = first; i <= last; i++) {
        for (struct presence_name *name = set->buckets[i]; name != NULL; name = name->bucket_next)
            name->keep = false;
    }
}

int presence_set_say(struct presence_set *set, const char *text, uint64_t version)
{
    struct presence_name *name = find(set, text);
    if (name == NULL || !name->here) {
        int err = presence_set_put(set, text, true, version);
        if (err < 0)
            return err;
        name = find(set, text);
    }
    name->keep = true;
    return 0;
}

void presence_set_end(struct presence_set *set, unsigned first, unsigned last)
{
    for (unsigned i = first; i <= last; i++) {
        struct presence_name *next;
        for (struct presence_name *name = set->buckets[i]; name != NULL; name = next) {
            next = name->bucket_next;
            if (!name->keep)
                drop(set, name);
        }
    }
}

void presence_set_raise(struct presence_set *set, uint64_t floor)
{
    struct presence_name *next;
    set->floor = floor;
    for (struct presence_name *name = set->log; name != NULL; name = next) {
        next = name->next;
        name->changed = floor;
        if (!name->here)
            drop(set, name);
    }
}

const struct presence_name *presence_set_since(const struct presence_set *set, uint64_t version)
{
    const struct presence_name *first = NULL;
    if (set->log == NULL)
        return NULL;
    for (const struct presence_name *name = set->log->prev; name->changed > version;
         name = name->prev) {
        first = name;
        if (name == set->log)
            break;
    }
    return first;
}
