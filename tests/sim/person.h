/*
 * A person in a room: joins it at a relay, comes back when the connection is lost, sends numbered
 * packets and counts what is heard of whom.
 *
 * What is heard is judged within one stay: as long as it is the same relay, the same life of its
 * data plane and the same room, whatever happens to the connection. Whoever goes to another relay
 * may hear there what was heard before, and a data plane that starts anew has forgotten what it
 * passed on. Apart from that a packet is heard once, by others than its talker, in its own room.
 */
#ifndef CHAPPE_TESTS_SIM_PERSON_H
#define CHAPPE_TESTS_SIM_PERSON_H

#include "common/fingerprint.h"
#include "tests/sim/net.h"
#include "tests/sim/packet.h"

#define PERSON_PACKETS_MAX 64 /* of one talker that are told apart, the newest */

/* What was heard of one talker. */
struct person_heard {
    uint32_t next; /* the highest number heard, and one */
    uint64_t seen; /* a bit for each packet: the lowest is the highest number */
};

struct person {
    struct net *net;
    int number;
    int relay; /* where this person is, or wants to be; -1: nowhere */
    char room[64];
    char name[FINGERPRINT_USER_TEXT];
    struct quic_endpoint *endpoint, *at;
    struct quic_connection *conn; /* NULL: none */
    bool joined;                  /* CallAnswer came */
    struct net_timer again;
    struct quic_body *roster; /* the last RoomUpdate; NULL: none came */
    uint64_t rosters;         /* RoomUpdates since the last reset of counts */
    uint32_t offers;
    bool identical; /* its packets do not say whose they are, as the original's CLI has them */
    struct person_heard *heard; /* by talker; `people` of them */
    int people;
    unsigned stays;                      /* so far; the number of this one */
    unsigned stay_life;                  /* of the data plane, in this stay */
    uint64_t received, doubled, strange; /* packets; those heard twice; those of nobody, of another
                                            room, of one's own, of long ago */
    struct packet *odd;                  /* what was doubled or strange; owned */
    size_t odd_count;
};

struct person *person_new(struct net *net, int number, int people);
void person_free(struct person *p);
/* Leaves where it is. */
void person_join(struct person *p, int relay, struct quic_endpoint *at, const char *room);
void person_leave(struct person *p);
/* Sends one packet, if it is in the room. */
void person_say(struct person *p, uint32_t number);
/* Forgets what was heard. */
void person_deafen(struct person *p);
/* How many of the talker's newest packets were heard. */
unsigned person_heard(const struct person *p, int talker);
/* Names in the last RoomUpdate, sorted, each with a NUL; freed by the caller. */
char (*person_sees(const struct person *p, size_t *count))[FINGERPRINT_USER_TEXT];

#endif
