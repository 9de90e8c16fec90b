/*
 * A client and a server on a pair.h, and both ends of the connection between them: the state of a
 * cmocka test.
 */
#ifndef CHAPPE_TESTS_QUIC_COUPLE_H
#define CHAPPE_TESTS_QUIC_COUPLE_H

#include "tests/unit/quic/pair.h"

struct couple {
    struct pair pair;
    struct wire wire; /* for those who want one between the two; freed with the rest */
    struct pair_node *server;
    struct pair_node *client;
    struct pair_end *c; /* the client's end */
    struct pair_end *s;
};

/* Two that have opened; not connected. The caller frees it with couple_teardown(). */
struct couple *couple_new(void);
void couple_connect(struct couple *f);

/* For cmocka: connected with the defaults; and the end of any. */
int couple_setup(void **state);
int couple_teardown(void **state);

#endif
