/*
 * A web server for tests, on loopback, one thread a connection. What it answers is the test's
 * choice, byte by byte, so that it can be wrong in every way.
 */
#ifndef CHAPPE_TESTS_UNIT_CONTROL_WEB_SERVER_H
#define CHAPPE_TESTS_UNIT_CONTROL_WEB_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEB_REQUEST_MAX 65536
#define WEB_URL_MAX 64

struct web_server;

/*
 * Answers one request: `request` is all of it, head and body, as text; `fd` is the connection,
 * closed after the call. Called in the connection's thread.
 */
typedef void web_handler(struct web_server *s, const char *request, int fd);

struct web_server *web_server_start(web_handler *handler);
/* Waits for all connections to end: only after the client has closed its own. */
void web_server_stop(struct web_server *s);
/* "http://127.0.0.1:PORT/validate" */
const char *web_server_url(const struct web_server *s);
/* Requests that were handled so far. */
unsigned web_server_requests(struct web_server *s);

/* Whether all of it was sent; a client that has closed is no error of the test's. */
bool web_send(int fd, const char *text, size_t len);
/* A whole answer: status line, length, body. */
void web_answer(int fd, const char *status, const char *body);
/* Returns when the client closes. */
void web_wait_closed(int fd);

#endif
