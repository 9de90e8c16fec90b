/*
 * What arrived: per sender which packets came, twice, late, or not at all, and how long they took.
 * Stamped packets (stamp.h) are told apart by their sender; all others count as one sender whose
 * 16-bit sequence numbers are unwrapped.
 */
#ifndef CHAPPE_PHONE_METER_H
#define CHAPPE_PHONE_METER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"

#define METER_SENDERS_MAX 256
#define METER_SEQUENCE_MAX (1u << 24)  /* packets of one sender; more are not told apart */
#define METER_LATENCIES_MAX (1u << 20) /* measurements kept; later ones only count for the most */

struct meter_sender {
    bool stamped;
    uint32_t id;
    uint32_t total;    /* as stamped; 0 = unknown */
    uint32_t highest;  /* sequence */
    uint64_t distinct; /* different packets */
    uint64_t duplicated;
    uint64_t last_at; /* ns */
    uint64_t max_gap; /* ns between two packets */
    uint8_t *seen;    /* one bit a sequence number */
    size_t seen_bytes;
};

struct meter {
    struct meter_sender senders[METER_SENDERS_MAX];
    size_t sender_count;
    uint64_t received, duplicated, reordered;
    uint64_t refused;    /* malformed, or beyond a limit of ours */
    uint64_t max_gap;    /* the longest of all senders */
    uint32_t *latencies; /* microseconds */
    size_t latency_count, latency_capacity;
    uint32_t latency_max;
};

struct meter_latency {
    bool known;
    uint32_t p50, p99, max; /* microseconds */
};

void meter_init(struct meter *m);
void meter_free(struct meter *m);
/* Takes one media packet. */
void meter_take(struct meter *m, struct bytes packet, uint64_t now);
/* Highest sequence + 1 (or the stamped total) less what came. */
uint64_t meter_sender_lost(const struct meter_sender *s);
/* The first run of lost sequence numbers at or after `from`: its first and last one; false: none.
 */
bool meter_sender_missing(const struct meter_sender *s, uint32_t from, uint32_t *first,
                          uint32_t *last);
/* Of all senders. */
uint64_t meter_lost(const struct meter *m);
/* Sorts the measurements in place. */
struct meter_latency meter_latency(struct meter *m);

#endif
