/*
 * What the core counts. Each entry of these tables has a case in
 * tests/unit/control/counters_test.c that makes exactly this number move.
 */
#ifndef CHAPPE_CONTROL_CORE_COUNTERS_H
#define CHAPPE_CONTROL_CORE_COUNTERS_H

#include <stdint.h>

#include "common/signal.h"

/* Messages, requests and connections that came to nothing, each counted under one reason: name,
   help. In /metrics: chappe_drops_total{plane="control",reason=name}. */
#define CORE_DROPS(X)                                                                              \
    X(signals_unknown, "signal messages of an unknown variant, skipped")                           \
    X(signals_malformed, "signal messages that are not valid, skipped")                            \
    X(signals_unexpected, "signal messages with no meaning where they came, skipped")              \
    X(connections_refused, "connections closed because of their SNI or a missing step")            \
    X(tokens_refused, "tokens that the auth service did not find valid")                           \
    X(registrations_refused, "registrations refused")                                              \
    X(joins_refused, "room joins refused, for another reason")                                     \
    X(joins_replayed, "CallOffers of a media join that were seen before")                          \
    X(calls_refused, "offers refused, for another reason")                                         \
    X(offers_forged, "offers in another caller's name")                                            \
    X(offers_duplicate, "offers with the id of another call")                                      \
    X(answers_refused, "answers by somebody who is not the callee")                                \
    X(hangups_refused, "hang-ups by somebody who is not in the call")                              \
    X(forwards_forged, "forwarded signals that name another origin than their link")               \
    X(forwards_refused, "forwarded signals about calls that are not the peer's")                   \
    X(forwards_repeated, "forwarded signals that came before")                                     \
    X(forwards_too_far, "forwarded signals that may go no further")                                \
    X(links_refused, "relays refused")                                                             \
    X(announcements_refused, "room announcements that cannot be accepted")                         \
    X(announcements_not_global, "announcements of rooms that are not global here")                 \
    X(presence_refused, "names of phones that were not taken over: malformed, or too many")        \
    X(routes_refused, "route queries that were too many at a time")                                \
    X(records_unreadable, "records that could not be read at adoption")

/* Everything else, in /metrics chappe_control_NAME_total. */
#define CORE_EVENTS(X)                                                                             \
    X(inputs, "inputs handled")                                                                    \
    X(transactions, "transactions sent")                                                           \
    X(tokens_accepted, "tokens that the auth service found valid")                                 \
    X(registrations, "phones registered")                                                          \
    X(registrations_replaced, "registrations that another of the same fingerprint replaced")       \
    X(joins, "room joins")                                                                         \
    X(calls_offered, "calls offered, here or by a peer")                                           \
    X(calls_accepted, "calls accepted")                                                            \
    X(calls_rerouted, "calls that went on another way")                                            \
    X(calls_rejected, "calls rejected by the callee")                                              \
    X(calls_timed_out, "calls that nobody answered in time")                                       \
    X(calls_ended, "calls that ended, however")                                                    \
    X(links_up, "links that came up")                                                              \
    X(links_lost, "links lost")                                                                    \
    X(dials, "connections dialed")                                                                 \
    X(dials_failed, "dials that failed")                                                           \
    X(announcements_sent, "room announcements sent to relays of ours")                             \
    X(announcements_sent_legacy, "room announcements sent to originals")                           \
    X(presence_sent, "presence messages sent to relays of ours")

#define CORE_COUNTERS(X) CORE_DROPS(X) CORE_EVENTS(X)

/* How long media joins took, from the connection to the CallAnswer: upper bounds in ns, as text in
   seconds (protocol.md 5.18). */
#define CORE_JOIN_BUCKETS(X)                                                                       \
    X(1000000, "0.001")                                                                            \
    X(5000000, "0.005")                                                                            \
    X(10000000, "0.01")                                                                            \
    X(25000000, "0.025")                                                                           \
    X(50000000, "0.05")                                                                            \
    X(100000000, "0.1")                                                                            \
    X(250000000, "0.25")                                                                           \
    X(500000000, "0.5")                                                                            \
    X(1000000000, "1")                                                                             \
    X(2500000000, "2.5")

enum {
#define X(ns, text) +1
    CORE_JOIN_BUCKET_COUNT = 0 CORE_JOIN_BUCKETS(X)
#undef X
};

struct core_join_times {
    uint64_t buckets[CORE_JOIN_BUCKET_COUNT]; /* not cumulative */
    uint64_t count;                           /* those above the last bound too */
    uint64_t sum;                             /* ns */
};

struct core_counters {
#define X(name, help) uint64_t name;
    CORE_COUNTERS(X)
#undef X
    uint64_t signals[SIGNAL_TYPES]; /* messages read, by variant */
    struct core_join_times join_times;
};

void core_join_times_add(struct core_join_times *times, uint64_t ns);

/* How much there is now: name, help. */
#define CORE_GAUGES(X)                                                                             \
    X(connections, "connections")                                                                  \
    X(phones, "registered phones")                                                                 \
    X(sessions, "media connections in a room")                                                     \
    X(rooms, "rooms with members")                                                                 \
    X(calls, "direct calls, ringing and active")                                                   \
    X(links, "peer relays linked")

struct core_gauges {
#define X(name, help) uint64_t name;
    CORE_GAUGES(X)
#undef X
};

#endif
