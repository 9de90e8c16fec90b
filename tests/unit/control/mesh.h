/*
 * Several relays of ours in one harness, and what their tables make of a packet: media is followed
 * from table to table, so that tests judge delivery and not only tables.
 */
#ifndef CHAPPE_TESTS_UNIT_CONTROL_MESH_H
#define CHAPPE_TESTS_UNIT_CONTROL_MESH_H

#include "harness.h"

#define MESH_HASHED_GENERAL "a47b63f7d5b511ba5bc4089a74446906"

struct mesh_edge {
    int a, b; /* a dials b */
};

/* `count` relays with `general` as a global room, linked; `relay` is in all configs' limits. */
struct harness *mesh_new(int count, const struct mesh_edge *edges, size_t edge_count, int hops,
                         bool delegate);
/* The same; each also trusts the originals whose bits are set: puppets of these numbers. */
struct harness *mesh_new_beside(int count, const struct mesh_edge *edges, size_t edge_count,
                                int hops, bool delegate, unsigned originals);
/* The same without originals; `extra` is added to the config of relay 0. */
struct harness *mesh_new_with(int count, const struct mesh_edge *edges, size_t edge_count, int hops,
                              bool delegate, const char *extra);
/* How often a packet of somebody at `from` reaches the members of the room at each relay. */
void mesh_talk(struct harness *h, int from, const char *room, int heard[HARNESS_RELAYS_MAX]);
/* The same for a packet that an original sends over all its links. */
void mesh_original_talks(struct harness *h, int original, const uint8_t tag[IPC_TAG_SIZE],
                         int heard[HARNESS_RELAYS_MAX]);
/* Everybody in `talkers` hears everybody else there once, and nobody else hears anything. */
void mesh_expect_all_hear(struct harness *h, unsigned talkers);
/* A phone in a room: with 32 bytes `key` as its key, registered at a relay, and joined. */
struct mesh_person {
    struct caller phone;
    struct fake_connection *member;
};
struct mesh_person mesh_enter(struct harness *h, int relay, int key, const char *room);
void mesh_expect_sees(const struct mesh_person *a, const struct mesh_person *b, bool sees);
/* The last RoomUpdate that this member got; "" if none. */
const char *mesh_roster(struct fake_connection *member);
/* Announcements sent by all relays so far. */
uint64_t mesh_announcements(const struct harness *h);

#endif
