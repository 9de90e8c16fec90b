/*
 * Who can be called: the registered phones of this relay by their fingerprint. A better proof
 * replaces a worse one, never the other way round (defect 5); an equal one replaces too. Entries
 * belong to connections: only the connection that holds an entry can take it out (defects 6, 66).
 */
#ifndef CHAPPE_CONTROL_CORE_REGISTRY_H
#define CHAPPE_CONTROL_CORE_REGISTRY_H

#include "control/core/phone.h"

struct phone *registry_find(const struct core *c, const char *name);

enum registry_verdict {
    REGISTRY_NEW,     /* nobody is there */
    REGISTRY_RENEWED, /* the same key in the same grade: takes over the calls */
    REGISTRY_WON,     /* a better grade, or another key in the same one: the old calls end */
    REGISTRY_REFUSED, /* somebody better is there */
};
/* What happens if `phone` registers while `current` (or NULL) is there. */
enum registry_verdict registry_judge(const struct phone *current, const struct phone *phone);

void registry_add(struct core *c, struct phone *phone);
void registry_remove(struct core *c, struct phone *phone); /* if it is the one listed */

#endif
