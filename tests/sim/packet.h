/*
 * What a person's packet says of itself, behind the media header.
 */
#ifndef CHAPPE_TESTS_SIM_PACKET_H
#define CHAPPE_TESTS_SIM_PACKET_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/media.h"

struct packet {
    uint32_t from; /* the talker */
    uint32_t number;
    uint32_t stay;  /* of the talker (person.h) */
    uint32_t relay; /* where the talker is */
    uint32_t room;  /* packet_room() */
};

#define PACKET_SIZE (MEDIA_HEADER_SIZE + sizeof(struct packet))

void packet_write(const struct packet *p, uint8_t out[PACKET_SIZE]);
/* False: it is none. */
bool packet_read(struct bytes data, struct packet *out);
/* A number that stands for the room. */
uint32_t packet_room(const char *name);

#endif
