#include "dataplane/quota.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"

/* The key has no padding: two numbers of eight bytes and a tag of eight. */
_Static_assert(sizeof(struct quota_key) == 16 + IPC_TAG_SIZE, "quota_key is hashed as it is");

static uint64_t hash_of(const struct table *quotas, const struct quota_key *key)
{
    return table_hash(quotas, (struct bytes){(const uint8_t *)key, sizeof(*key)});
}

static struct quota *find(const struct table *quotas, const struct quota_key *key)
{
    struct table_node *node = table_first(quotas, hash_of(quotas, key));

    for (; node; node = table_next(node)) {
        struct quota *quota = table_entry(node, struct quota, node);
        if (memcmp(&quota->key, key, sizeof(*key)) == 0)
            return quota;
    }
    return NULL;
}

static int make(struct table *quotas, const struct quota_key *key, struct quota **out)
{
    struct quota *quota = calloc(1, sizeof(*quota));

    if (!quota)
        return ERR_MEMORY;
    quota->key = *key;
    int err = table_insert(quotas, &quota->node, hash_of(quotas, key));
    if (err) {
        free(quota);
        return err;
    }
    *out = quota;
    return ERR_OK;
}

int quota_obtain(struct table *quotas, const struct quota_key *key, struct quota **out)
{
    struct quota *quota = find(quotas, key);

    if (!quota) {
        int err = make(quotas, key, &quota);
        if (err)
            return err;
    }
    quota->references++;
    *out = quota;
    return ERR_OK;
}

void quota_release(struct table *quotas, struct quota *quota)
{
    if (--quota->references > 0)
        return;
    table_remove(quotas, &quota->node);
    free(quota);
}

void quota_set_rate(struct quota *quota, uint32_t pps)
{
    quota->interval = bucket_interval(pps);
}

bool quota_take(struct quota *quota, uint64_t now)
{
    return bucket_take(&quota->bucket, quota->interval, now);
}
