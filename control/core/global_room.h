/*
 * The rooms of `global_rooms`: one object for both spellings (defect 28), the list of those who are
 * in it anywhere, and what our members are told about them.
 *
 * The list is a union by fingerprint with a fixed winner (here, then the shortest path, then the
 * lowest fingerprint of the origin) and a fixed order (ours as they joined, then by fingerprint).
 */
#ifndef CHAPPE_CONTROL_CORE_GLOBAL_ROOM_H
#define CHAPPE_CONTROL_CORE_GLOBAL_ROOM_H

#include "control/core/federation.h"

/* By any spelling of its name; NULL: not global here. */
struct global_room *global_room_find(const struct core *c, struct bytes name);
void global_room_init(struct global_room *room);

/* Somebody joined or left a room of that name, global or not. */
void global_room_members_changed(struct core *c, const struct room *room);
/* Those elsewhere: a fresh list, freed by participants_free. Labels are set. */
struct participants global_room_remote(struct core *c, const struct global_room *room,
                                       const struct room *members);
/* What an original is told: those here, then those elsewhere for whom we speak towards it. */
struct participants global_room_for_original(struct core *c, const struct global_room *room,
                                             const struct federation_link *original);
/* How somebody's relay is shown. */
const char *global_room_label(const struct core *c, const struct topic *topic,
                              const struct participant *p, char text[PARTICIPANT_ALIAS_SIZE]);

#endif
