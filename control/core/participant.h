/*
 * Somebody in a federated room, as a relay announces it (protocol.md 2.2): checked, cut to size,
 * and safe to show. A list is one block of memory.
 */
#ifndef CHAPPE_CONTROL_CORE_PARTICIPANT_H
#define CHAPPE_CONTROL_CORE_PARTICIPANT_H

#include "common/signal.h"
#include "control/core/connection.h"

#define PARTICIPANT_ALIAS_SIZE 65 /* an alias or a label is cut to 64 bytes */
#define PARTICIPANTS_MAX 1024     /* in one list; what is beyond is left out (defect 80) */

struct participant {
    char name[CONNECTION_NAME_SIZE];
    char alias[PARTICIPANT_ALIAS_SIZE]; /* "": none */
    char label[PARTICIPANT_ALIAS_SIZE]; /* of its relay, as announced; "": none */
};

struct participants {
    struct participant *items;
    size_t count;
};

void participants_free(struct participants *list);
/* Replaces the list by what was announced; implausible ones are left out. 0 or ERR_MEMORY. */
int participants_read(struct participants *list, const struct signal_participants *from);
bool participants_equal(const struct participants *a, const struct participants *b);
/* Of names and aliases, whatever the labels: each relay that passes a list on may have its own.
   Never 0. */
uint64_t participants_digest(const struct participants *list);
/* The same, labels included: what members see. */
uint64_t participants_digest_all(const struct participants *list);
/* A view, for a message. */
struct signal_participant participant_signal(const struct participant *p);
/* Appends somebody; false without memory or beyond the cap. */
bool participants_add(struct participants *list, const char *name, const char *alias,
                      const char *label);

/* Record: u32 count, then three texts each. The reader fails on what cannot have been written. */
void participants_put(struct buffer *out, const struct participants *list);
void participants_get(struct reader *r, struct participants *list);

#endif
