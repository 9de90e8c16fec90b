/*
 * An original: the relay that protocol.md describes, with its defects. Not a port of its code but a
 * model of what others see of it; the numbers in legacy*.c are those of the table of defects
 * (protocol.md 6).
 *
 *   legacy.c         life: dialing, hello, trust, links (5.10)
 *   legacy_rooms.c   local rooms, announcements (5.3, 5.6, 5.11)
 *   legacy_media.c   forwarding, dedup, rate limit (5.4, 5.12)
 */
#ifndef CHAPPE_TESTS_SIM_LEGACY_H
#define CHAPPE_TESTS_SIM_LEGACY_H

#include "common/fingerprint.h"
#include "common/room.h"
#include "common/signal.h"
#include "tests/sim/net.h"

#define LEGACY_LABEL 32
#define LEGACY_ROOMS_MAX 8 /* global ones */

/* A relay of its config. */
struct legacy_peer {
    struct legacy *relay;
    struct fingerprint_tls fingerprint;
    struct address address;
    char label[LEGACY_LABEL];
    bool dialed; /* [[peers]]; else [[trusted]] */
    struct quic_connection *conn;
    uint64_t delay;
    struct net_timer redial;
};

struct legacy_person {
    char name[FINGERPRINT_USER_TEXT];
    char alias[LEGACY_LABEL];
    char label[LEGACY_LABEL]; /* "": none */
};

/* What a link announced under one spelling. */
struct legacy_remote {
    char room[ROOM_NAME_SIZE];
    struct legacy_person *people;
    size_t count;
    struct legacy_remote *prev, *next;
};

/* An entry of the table of links: by fingerprint, one connection each (defect 21). */
struct legacy_link {
    struct fingerprint_tls fingerprint; /* claimed, or configured */
    char label[LEGACY_LABEL];
    struct quic_connection *conn;
    uint64_t last_seen;
    struct legacy_remote *remotes;
    struct legacy_link *prev, *next;
};

enum legacy_role { LEGACY_NEW, LEGACY_LINK, LEGACY_MEMBER };

/* What a connection is. */
struct legacy_task {
    struct legacy *relay;
    struct quic_connection *conn;
    enum legacy_role role;
    char sni[ROOM_NAME_SIZE];
    struct legacy_peer *peer;           /* that was dialed */
    struct fingerprint_tls fingerprint; /* of a link: its key */
    struct legacy_room *room;
    char name[FINGERPRINT_USER_TEXT]; /* of a member */
    struct net_timer deadline;        /* of the hello */
    struct legacy_task *prev, *next;  /* in its room */
    struct legacy_task *all_prev, *all_next;
};

struct legacy_room {
    char name[ROOM_NAME_SIZE];
    struct legacy_task *members;
    struct legacy_room *prev, *next;
};

/* A peer that was ever told of somebody with a label in this room. */
struct legacy_told {
    struct fingerprint_tls peer;
    const char *room; /* as configured */
    struct legacy_told *next;
};

struct legacy_seen {
    uint64_t key;
    uint64_t at;
    UT_hash_handle hh;
};

struct legacy {
    struct net *net;
    struct fingerprint_tls fingerprint;
    struct quic_endpoint *endpoint;
    struct legacy_peer *peers; /* fixed once it has begun */
    size_t peer_count;
    char rooms_global[LEGACY_ROOMS_MAX][ROOM_NAME_SIZE];
    size_t global_count;
    struct legacy_link *links;
    struct legacy_task *tasks;
    struct legacy_room *rooms;
    struct legacy_seen *seen;
    struct legacy_told *told; /* in all lives of the process */
    uint64_t window;          /* of the rate limit, one for all rooms here */
    unsigned in_window;
    struct net_timer sweep;
    uint64_t announcements_in, announcements_out, copies, over_rate;
};

struct legacy *legacy_new(struct net *net, const struct address *address,
                          const struct fingerprint_tls *fingerprint,
                          const char *const *global_rooms, size_t rooms, size_t peers_max);
/* Before legacy_begin. */
void legacy_add_peer(struct legacy *o, const struct fingerprint_tls *fingerprint,
                     const struct address *address, const char *label, bool dialed);
void legacy_begin(struct legacy *o);
/* The process dies, with all it knows. */
void legacy_stop(struct legacy *o);
void legacy_free(struct legacy *o);

/* True if a relay of ours that it has told what it said may take it to listen for ever. */
bool legacy_may_listen(const struct legacy *o, const struct fingerprint_tls *peer,
                       const char *room);

/* ---- between its files ---- */
void legacy_say(const struct legacy_task *task, const struct signal *message);
void legacy_say_on(struct quic_connection *conn, const struct signal *message);
struct legacy_link *legacy_link_find(const struct legacy *o,
                                     const struct fingerprint_tls *fingerprint);

/* The configured name that this spelling means; NULL: it is not global. */
const char *legacy_canonical(const struct legacy *o, const char *room);
void legacy_join(struct legacy_task *task, const struct signal_call_offer *offer);
void legacy_leave(struct legacy_task *task);
void legacy_announce_all(struct legacy *o, const struct legacy_link *link);
void legacy_active(struct legacy *o, struct legacy_link *link,
                   const struct signal_global_room_active *m);
void legacy_inactive(struct legacy *o, struct legacy_link *link,
                     const struct signal_global_room_inactive *m);
/* The list of a link that is gone, or that was silent for 15 s. */
void legacy_forget_remotes(struct legacy_link *link);
void legacy_update(struct legacy *o, const char *room);
void legacy_forget_told(struct legacy *o);

void legacy_member_media(struct legacy_task *task, struct bytes packet);
void legacy_link_media(struct legacy_task *task, struct bytes datagram);
void legacy_forget_media(struct legacy *o);

#endif
