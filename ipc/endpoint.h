/*
 * One nng socket with the one place where it listens or dials, and the last message taken from it.
 *
 * nng 1.5 gives up a dialer or a listener for good when the other side vanishes while a connection
 * is being negotiated (its issue 1518), which is what a killed process does. So an endpoint that
 * has had no connection for a while dials or listens anew.
 */
#ifndef CHAPPE_IPC_ENDPOINT_H
#define CHAPPE_IPC_ENDPOINT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <nng/nng.h>

#include "common/bytes.h"
#include "ipc/runtime_dir.h"

#define ENDPOINT_URL_MAX (IPC_PATH_MAX + 8)
#define ENDPOINT_DOUBLINGS_MAX 2

/* Must not move while it is open: nng's threads count its connections. */
struct endpoint {
    nng_socket socket;
    bool open;
    bool listens;
    nng_listener listener;
    nng_dialer dialer;
    char url[ENDPOINT_URL_MAX];
    atomic_int connections;
    uint64_t alone_since; /* 0: it has a connection, or nobody has looked */
    unsigned doublings;   /* of the patience, since it last had one */
    nng_msg *message;     /* the last one received */
};

/* One of nng's, such as nng_pub0_open. */
typedef int endpoint_opener(nng_socket *socket);

/*
 * Opens a socket with our options and lets it listen or dial (in the background, for as long as it
 * takes) at ipc://DIR/NAME. 0, or an error of nng's (nng_strerror); to be closed in any case.
 */
int endpoint_listen(struct endpoint *e, endpoint_opener *opener, const char *dir, const char *name);
int endpoint_dial(struct endpoint *e, endpoint_opener *opener, const char *dir, const char *name);
/* Does nothing if it is not open; zero-initialised is not open. */
void endpoint_close(struct endpoint *e);

/*
 * To be called now and then: dials or listens anew if it has had no connection for `patience` ns.
 * Each time in vain doubles that, up to 2^ENDPOINT_DOUBLINGS_MAX: on a busy machine a connection
 * may take longer to negotiate than the first patience.
 */
void endpoint_tick(struct endpoint *e, uint64_t now, uint64_t patience);

/* Readable when there is something to receive; -1 for a publisher. */
int endpoint_fd(const struct endpoint *e);

/* Never blocks. 0, ERR_AGAIN, ERR_MEMORY or ERR_SYSTEM. */
int endpoint_send(struct endpoint *e, struct bytes message);
/* Never blocks. The message is valid until the next call. 0, ERR_AGAIN or ERR_SYSTEM. */
int endpoint_receive(struct endpoint *e, struct bytes *message);

/* An error of nng's as one of ours. */
int endpoint_error(int rc);

#endif
