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

/* ---- buckets ---- */

/* Where the bucket is in the set, or would be. */
static size_t place_of(const struct presence_set *set, unsigned number)
{
    size_t low = 0, high = set->bucket_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (set->buckets[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* NULL: it does not exist. */
static struct presence_bucket *bucket_of(const struct presence_set *set, unsigned number)
{
    size_t at = place_of(set, number);
    bool there = at < set->bucket_count && set->buckets[at].number == number;
    return there ? &set->buckets[at] : NULL;
}

/* Finds or makes it; NULL without memory. Others move. */
static struct presence_bucket *obtain_bucket(struct presence_set *set, unsigned number)
{
    struct presence_bucket *bucket = bucket_of(set, number);
    if (bucket != NULL)
        return bucket;
    if (set->bucket_count == set->bucket_room) {
        size_t room = set->bucket_room == 0 ? 2 : set->bucket_room * 2;
        struct presence_bucket *more = realloc(set->buckets, room * sizeof(*more));
        if (more == NULL)
            return NULL;
        set->buckets = more;
        set->bucket_room = room;
    }
    bucket = &set->buckets[place_of(set, number)];
    memmove(bucket + 1, bucket,
            (size_t)(set->buckets + set->bucket_count - bucket) * sizeof(*bucket));
    set->bucket_count++;
    *bucket = (struct presence_bucket){.number = (uint8_t)number};
    return bucket;
}

/* It goes if nothing is to be known of it. Others move. */
static void review_bucket(struct presence_set *set, struct presence_bucket *bucket)
{
    if (bucket->names != NULL || bucket->dirty)
        return;
    set->bucket_count--;
    memmove(bucket, bucket + 1,
            (size_t)(set->buckets + set->bucket_count - bucket) * sizeof(*bucket));
}

const struct presence_name *presence_set_bucket(const struct presence_set *set, unsigned number)
{
    const struct presence_bucket *bucket = bucket_of(set, number);
    return bucket == NULL ? NULL : bucket->names;
}

void presence_set_clean(struct presence_set *set)
{
    for (size_t i = set->bucket_count; i > 0; i--) {
        set->buckets[i - 1].dirty = false;
        review_bucket(set, &set->buckets[i - 1]);
    }
}

/* ---- names ---- */

static struct presence_name *find(const struct presence_set *set, const char *text)
{
    const struct presence_bucket *bucket = bucket_of(set, presence_bucket(text));
    struct presence_name *name = bucket == NULL ? NULL : bucket->names;
    int order = -1;
    while (name != NULL && (order = strcmp(name->text, text)) < 0)
        name = name->bucket_next;
    return order == 0 ? name : NULL;
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
    bucket_of(set, presence_bucket(name->text))->dirty = true;
    set->count += here ? 1 : SIZE_MAX;
    set->gone += here ? SIZE_MAX : 1;
    set->digest += here ? digest_of(name->text) : 0 - digest_of(name->text);
}

static void drop(struct presence_set *set, struct presence_name *name)
{
    struct presence_bucket *bucket = bucket_of(set, presence_bucket(name->text));
    set_here(set, name, false);
    set->gone--;
    DL_DELETE(set->log, name);
    DL_DELETE2(bucket->names, name, bucket_prev, bucket_next);
    bucket->size--;
    review_bucket(set, bucket);
    free(name);
}

void presence_set_free(struct presence_set *set)
{
    while (set->log != NULL)
        drop(set, set->log);
    free(set->buckets);
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
    struct presence_name *name = calloc(1, sizeof(*name) + size);
    struct presence_bucket *bucket =
        name == NULL ? NULL : obtain_bucket(set, presence_bucket(text));
    if (bucket == NULL) {
        free(name);
        return NULL;
    }
    memcpy(name->text, text, size);
    DL_APPEND(set->log, name);
    DL_INSERT_INORDER2(bucket->names, name, by_text, bucket_prev, bucket_next);
    bucket->size++;
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
    const struct presence_bucket *bucket = bucket_of(set, presence_bucket(name));
    return set->count >= PRESENCE_NAMES_MAX ||
           (bucket != NULL && bucket->size >= PRESENCE_BUCKET_MAX);
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

/* ---- all names of a bucket ---- */

void presence_set_begin(struct presence_set *set, unsigned first, unsigned last)
{
    for (size_t i = place_of(set, first); i < set->bucket_count && set->buckets[i].number <= last;
         i++) {
        struct presence_name *name = set->buckets[i].names;
        for (; name != NULL; name = name->bucket_next)
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
    for (unsigned number = first; number <= last; number++) {
        struct presence_bucket *bucket = bucket_of(set, number);
        struct presence_name *next;
        for (struct presence_name *name = bucket == NULL ? NULL : bucket->names; name != NULL;
             name = next) {
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
