#include "control/core/registry.h"

#include <string.h>

#include "control/core/presence.h"

struct phone *registry_find(const struct core *c, const char *name)
{
    struct phone *phone = NULL;
    HASH_FIND_STR(c->phones, name, phone);
    return phone;
}

enum registry_verdict registry_judge(const struct phone *current, const struct phone *phone)
{
    if (current == NULL)
        return REGISTRY_NEW;
    if (phone->grade < current->grade)
        return REGISTRY_REFUSED;
    if (phone->grade > current->grade || memcmp(phone->key, current->key, sizeof(phone->key)) != 0)
        return REGISTRY_WON;
    return REGISTRY_RENEWED;
}

void registry_add(struct core *c, struct phone *phone)
{
    phone->listed = true;
    HASH_ADD_STR(c->phones, name, phone);
    presence_registered(c, phone->name);
}

void registry_remove(struct core *c, struct phone *phone)
{
    if (!phone->listed)
        return;
    phone->listed = false;
    HASH_DEL(c->phones, phone);
    presence_registered(c, phone->name);
}
