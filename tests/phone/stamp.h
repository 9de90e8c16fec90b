/*
 * The stamp: a payload that measures the path. It names its sender, says which packet of how many
 * it is and when it was sent, on the clock that all processes of one machine share.
 *
 *   4 bytes "CHPS" | u32 sender | u32 sequence | u32 total | u64 sent, ns CLOCK_MONOTONIC | filling
 */
#ifndef CHAPPE_PHONE_STAMP_H
#define CHAPPE_PHONE_STAMP_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes.h"

#define STAMP_SIZE 24
/* The smallest stamped media packet: header and stamp. */
#define STAMP_PACKET_MIN 36

struct stamp {
    uint32_t sender;   /* random, of one phone in one room */
    uint32_t sequence; /* from 0 */
    uint32_t total;    /* how many the sender means to send */
    uint64_t sent;
};

void stamp_write(const struct stamp *stamp, uint8_t out[STAMP_SIZE]);
/* False if the payload is not stamped. */
bool stamp_read(struct bytes payload, struct stamp *out);

#endif
