/*
 * The sockets between the planes, nng's (ipc/endpoint.h), all in runtime_dir over ipc://: "events"
 * (pub of the data plane), "commands" (pub of the control plane), "snapshot" (rep of the data
 * plane), "ctl" (rep of the control plane, for chappectl).
 *
 * CHAPPE_IPC_SHIM=DIR in the environment: a plane looks for the other plane's sockets in DIR
 * instead of runtime_dir (its own stay where they are). The tests put their faulty middleman there
 * (tests/shim).
 */
#ifndef CHAPPE_IPC_SOCKETS_H
#define CHAPPE_IPC_SOCKETS_H

#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"

struct ipc_sockets;

/* The longest socket path in a runtime_dir is its length + this many bytes ("/commands"). */
#define IPC_SOCKET_SUFFIX_MAX 9

/*
 * The data plane listens on events and snapshot and subscribes to commands; the control plane
 * listens on commands and ctl, subscribes to events and asks at snapshot. Both make runtime_dir if
 * it is absent. A thread of their own connects again where nng has given up (ipc/endpoint.h), which
 * takes up to milliseconds and so is not for a plane's loop. No process may fork afterwards. 0 or
 * ERR_SYSTEM, with `why`.
 */
int ipc_sockets_open_data(struct ipc_sockets **out, const char *runtime_dir, char *why,
                          size_t why_size);
int ipc_sockets_open_control(struct ipc_sockets **out, const char *runtime_dir, char *why,
                             size_t why_size);
void ipc_sockets_close(struct ipc_sockets *s);

/* Readable for epoll when there may be something to receive. */
int ipc_sockets_fd_subscribed(const struct ipc_sockets *s);
int ipc_sockets_fd_snapshot(const struct ipc_sockets *s); /* data: requests; control: replies */
int ipc_sockets_fd_ctl(const struct ipc_sockets *s);      /* control only */

void ipc_sockets_publish(struct ipc_sockets *s, struct bytes message);
/* Each gives one message, valid until the next call on the same socket. 0, ERR_AGAIN, ERR_SYSTEM.
   Call until ERR_AGAIN: only then is the descriptor quiet. */
int ipc_sockets_receive(struct ipc_sockets *s, struct bytes *message);
int ipc_sockets_receive_snapshot(struct ipc_sockets *s, struct bytes *message);
int ipc_sockets_receive_ctl(struct ipc_sockets *s, struct bytes *message);
/* Data: the reply to the last request. Control: a request, which cancels the one before it. 0;
   ERR_AGAIN: the other plane is not there now; ERR_MEMORY; ERR_SYSTEM. */
int ipc_sockets_send_snapshot(struct ipc_sockets *s, struct bytes message);
int ipc_sockets_reply_ctl(struct ipc_sockets *s, struct bytes message);

/* chappectl's side: one request, one answer (freed by the caller), or ERR_TIMEOUT / ERR_NOT_FOUND
   (nobody listens) / ERR_SYSTEM. */
int ipc_ctl_ask(const char *runtime_dir, struct bytes request, int timeout_ms,
                struct buffer *answer);

#endif
