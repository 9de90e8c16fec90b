#include "dataplane/hop.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "dataplane/link.h"

int hops_init(struct hops *hops, struct table *links, const struct ipc_hops *from)
{
    *hops = (struct hops){0};
    if (from->count == 0)
        return 0;
    hops->list = calloc(from->count, sizeof(struct hop));
    if (!hops->list)
        return ERR_MEMORY;
    for (size_t i = 0; i < from->count; i++) {
        struct hop *hop = &hops->list[i];
        int err = link_obtain(links, &from->list[i].link, &hop->link);
        if (err) {
            hops_free(hops, links);
            return err;
        }
        memcpy(hop->tag, from->list[i].tag, sizeof(hop->tag));
        hops->count++;
    }
    return 0;
}

void hops_free(struct hops *hops, struct table *links)
{
    for (uint32_t i = 0; i < hops->count; i++)
        link_release(links, hops->list[i].link);
    free(hops->list);
    *hops = (struct hops){0};
}

void hops_inherit(struct hops *hops, const struct hops *old)
{
    for (uint32_t i = 0; i < old->count; i++)
        old->list[i].link->told |= old->list[i].seen;
    for (uint32_t i = 0; i < hops->count; i++)
        hops->list[i].seen = hops->list[i].link->told;
    for (uint32_t i = 0; i < old->count; i++)
        old->list[i].link->told = false;
}
