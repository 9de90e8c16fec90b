/*
 * A phone: a connection with SNI `_signal` (protocol.md 5.7). Its RegisterPresence says which key
 * it holds, and how well it proves that (three grades, design: "Calls"); then it is in the registry
 * under its fingerprint and its messages about calls go to call_flow.c.
 */
#ifndef CHAPPE_CONTROL_CORE_PHONE_H
#define CHAPPE_CONTROL_CORE_PHONE_H

#include "control/core/connection.h"

#define PHONE_CALLS_MAX 16 /* calls of one phone at a time, ringing ones included */

struct call_side;

struct phone {
    struct connection *connection;
    char name[CONNECTION_NAME_SIZE]; /* under which it is called */
    uint8_t key[32];                 /* its identity key */
    enum core_grade grade;
    bool registered;         /* its RegisterPresence was accepted */
    bool listed;             /* in the registry; false for the all-zero key that NAT probes use */
    bool later;              /* it has sent something that only the later original knows */
    struct call_side *sides; /* its calls, utlist by `prev` and `next`, oldest first */
    size_t side_count;
    UT_hash_handle hh; /* in the registry */
};

#endif
