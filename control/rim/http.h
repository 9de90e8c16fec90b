/*
 * The operator's HTTP: GET and HEAD of /metrics, /healthz and /readyz on `metrics.listen`
 * (libmicrohttpd, driven by the plane's own loop: no thread of its own).
 *
 *   /healthz  200 as long as this process answers
 *   /readyz   200 when both planes are up and agree, else 503
 */
#ifndef CHAPPE_CONTROL_RIM_HTTP_H
#define CHAPPE_CONTROL_RIM_HTTP_H

#include "common/address.h"
#include "common/bytes.h"

#define HTTP_CONNECTIONS_MAX 64
#define HTTP_TIMEOUT_S 10 /* of an idle connection */

struct http;

struct http_callbacks {
    void (*metrics)(void *context, struct buffer *page);
    bool (*ready)(void *context);
};

/* 0, ERR_MEMORY, or ERR_SYSTEM (errno says why): the address is taken, mostly. */
int http_init(struct http **out, const struct address *listen,
              const struct http_callbacks *callbacks, void *context);
void http_free(struct http *h);

/* Readable when http_run has something to do; to be run now and then anyway, for its timeouts. */
int http_fd(const struct http *h);
void http_run(struct http *h);

#endif
