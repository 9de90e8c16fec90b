/*
 * What the core counts, in one table: name in /metrics (prefix chappe_control_), help.
 */
#ifndef CHAPPE_CONTROL_CORE_COUNTERS_H
#define CHAPPE_CONTROL_CORE_COUNTERS_H

#include <stdint.h>

#define CORE_COUNTERS(X)                                                                           \
    X(inputs, "inputs handled")                                                                    \
    X(transactions, "transactions sent")                                                           \
    X(signals_unknown, "signal messages of an unknown variant, skipped")                           \
    X(signals_malformed, "signal messages that are not valid, skipped")                            \
    X(signals_unexpected, "signal messages with no meaning where they came, skipped")              \
    X(connections_refused, "connections closed because of their SNI, a limit or a missing step")   \
    X(tokens_accepted, "tokens that the auth service found valid")                                 \
    X(tokens_refused, "tokens that it did not")                                                    \
    X(registrations, "phones registered")                                                          \
    X(registrations_refused, "registrations refused")                                              \
    X(registrations_replaced, "registrations that another of the same fingerprint replaced")       \
    X(joins, "room joins")                                                                         \
    X(joins_refused, "room joins refused")                                                         \
    X(joins_replayed, "CallOffers of a media join that were seen before")                          \
    X(calls_offered, "calls offered, here or by a peer")                                           \
    X(calls_refused, "offers refused")                                                             \
    X(calls_accepted, "calls accepted")                                                            \
    X(calls_rejected, "calls rejected by the callee")                                              \
    X(calls_timed_out, "calls that nobody answered in time")                                       \
    X(calls_ended, "calls that ended, however")                                                    \
    X(offers_forged, "offers in another caller's name")                                            \
    X(offers_duplicate, "offers with the id of another call")                                      \
    X(answers_refused, "answers by somebody who is not the callee")                                \
    X(hangups_refused, "hang-ups by somebody who is not in the call")                              \
    X(forwards_forged, "forwarded signals that name another origin than their link")               \
    X(forwards_refused, "forwarded signals about calls that are not the peer's")                   \
    X(links_refused, "relays refused")                                                             \
    X(links_up, "links that came up")                                                              \
    X(links_lost, "links lost")                                                                    \
    X(dials, "connections dialed")                                                                 \
    X(dials_failed, "dials that failed")                                                           \
    X(announcements_sent, "room announcements sent to relays of ours")                             \
    X(announcements_refused, "room announcements that cannot be accepted")                         \
    X(announcements_not_global, "announcements of rooms that are not global here")                 \
    X(records_unreadable, "records that could not be read at adoption")

struct core_counters {
#define X(name, help) uint64_t name;
    CORE_COUNTERS(X)
#undef X
};

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
