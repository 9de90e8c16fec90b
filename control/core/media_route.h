/*
 * Media between relays of ours as table entries of the data plane (federation.md, "Media").
 *
 * First-hand media travels under the room's own tag; what is forwarded, under a label that the
 * receiver made for (link, room, origin) and told the neighbour as a want. A want exists while the
 * room has members here, or somebody behind us wants the origin.
 */
#ifndef CHAPPE_CONTROL_CORE_MEDIA_ROUTE_H
#define CHAPPE_CONTROL_CORE_MEDIA_ROUTE_H

#include "control/core/topic.h"

/* Of one origin that is not a neighbour's own: wants and routes, for each of its paths. */
void media_route_topic(struct core *c, struct topic *topic);
/* A path goes: its route is taken down, its want taken back. */
void media_route_drop(struct core *c, struct entry *entry);
/* The members' egress and the neighbours' first-hand media. */
void media_route_room(struct core *c, struct global_room *room);
/* True if the members' media goes to this neighbour. */
bool media_route_goes_to(const struct core *c, const struct global_room *room,
                         const struct federation_link *link);
/* The link is gone with all that it wanted. */
void media_route_link_down(struct core *c, struct federation_link *link);

/* The room is no longer global: nobody has anything to want in it. */
void media_route_forget_room(struct core *c, struct federation_link *link,
                             struct global_room *room);

/* ---- demands: what the neighbours want from us ---- */
void media_route_wanted(struct core *c, struct federation_link *link, struct global_room *room,
                        const struct fingerprint_tls *origin, const struct ipc_tag *tag);
void media_route_unwanted(struct core *c, struct demander *demander);
struct demander *demander_find(const struct global_room *room, const struct fingerprint_tls *origin,
                               const struct federation_link *link);
/* The listing is over: demands that were not repeated in it go. */
void media_route_sweep(struct core *c, struct federation_link *link);
/* True for a tag under which media of this origin in the room is to come over the link: the room's
 * own, of the neighbour, or a label that we gave. */
bool media_route_claims(const struct core *c, const struct federation_link *link,
                        const struct ipc_tag *tag, const struct fingerprint_tls *origin,
                        const char *room);

/* ---- adoption ---- */
int media_route_restore(struct core *c, struct federation_link *link, struct global_room *room,
                        const struct fingerprint_tls *origin, const struct ipc_tag *tag,
                        uint32_t generation);
/* What is installed for the neighbour's first-hand media; `occupied` and demands are known. */
void media_route_adopt(struct core *c, struct federation_link *link, struct global_room *room);

#endif
