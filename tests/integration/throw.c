/*
 * test-throw: throws bytes at an nng socket of a plane, and listens to one.
 *
 *   test-throw pub PATH      listens at ipc://PATH as a publisher: what is thrown reaches the plane
 *                            that subscribes there. Prints "subscribed" when one has come.
 *   test-throw req PATH      asks at ipc://PATH; prints each reply, or "none" after 2 s
 *   test-throw rep PATH      listens at ipc://PATH; prints each request and answers with a line
 *   test-throw sub PATH      prints what is published at ipc://PATH, until it is ended
 *
 * One message a line, of standard input and output, in hex. Ends with its input, 0 if all was sent.
 */
#include <nng/nng.h>
#include <nng/protocol/pubsub0/pub.h>
#include <nng/protocol/pubsub0/sub.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>
#include <nng/supplemental/util/platform.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/hex.h"

#define LINE_SIZE (4 * 1024 * 1024)
#define REPLY_MS 2000
#define LISTEN_MS 3000 /* more than a plane waits before it dials anew */
#define LISTENS_MAX 20

static atomic_int met; /* connections so far */

static void on_met(nng_pipe pipe, nng_pipe_ev event, void *context)
{
    const char *line = context;
    (void)pipe;
    (void)event;
    met++;
    (void)!write(STDOUT_FILENO, line, strlen(line));
}

/* Listens anew until somebody comes: see ipc/endpoint.h for what nng's listener may do. */
static int listen_until_met(nng_socket s, const char *url)
{
    for (int patience = 0; met == 0 && patience < LISTENS_MAX; patience++) {
        nng_listener listener;
        int rc = nng_listen(s, url, &listener, 0);
        if (rc != 0)
            return rc;
        for (int i = 0; i < LISTEN_MS / 10 && met == 0; i++)
            nng_msleep(10);
        if (met == 0)
            nng_listener_close(listener);
    }
    return met > 0 ? 0 : NNG_ETIMEDOUT;
}

static int open_publisher(nng_socket *s, const char *url)
{
    static char line[] = "subscribed\n";
    int rc = nng_pub0_open(s);
    if (rc == 0)
        rc = nng_socket_set_int(*s, NNG_OPT_SENDBUF, 8192);
    if (rc == 0)
        rc = nng_pipe_notify(*s, NNG_PIPE_EV_ADD_POST, on_met, line);
    return rc == 0 ? listen_until_met(*s, url) : rc;
}

static int open_subscriber(nng_socket *s, const char *url)
{
    int rc = nng_sub0_open(s);
    if (rc == 0)
        rc = nng_socket_set(*s, NNG_OPT_SUB_SUBSCRIBE, "", 0);
    return rc == 0 ? nng_dial(*s, url, NULL, 0) : rc;
}

static int open_asker(nng_socket *s, const char *url)
{
    int rc = nng_req0_open(s);
    if (rc == 0)
        rc = nng_socket_set_ms(*s, NNG_OPT_RECVTIMEO, REPLY_MS);
    return rc == 0 ? nng_dial(*s, url, NULL, 0) : rc;
}

static int open_answerer(nng_socket *s, const char *url)
{
    static char silent[] = "";
    int rc = nng_rep0_open(s);
    if (rc == 0)
        rc = nng_pipe_notify(*s, NNG_PIPE_EV_ADD_POST, on_met, silent);
    return rc == 0 ? listen_until_met(*s, url) : rc;
}

/* Receives a message and prints it. */
static int print_next(nng_socket s)
{
    uint8_t *data = NULL;
    size_t len = 0;
    int rc = nng_recv(s, &data, &len, NNG_FLAG_ALLOC);
    if (rc == NNG_ETIMEDOUT) {
        puts("none");
        return 0;
    }
    if (rc != 0)
        return rc;
    for (size_t i = 0; i < len; i++)
        printf("%02x", data[i]);
    putchar('\n');
    nng_free(data, len);
    return 0;
}

/* Sends the bytes that the line of hex digits holds. */
static int throw_line(nng_socket s, const char *line)
{
    size_t len = strcspn(line, "\n") / 2;
    char *digits = strndup(line, 2 * len);
    uint8_t *raw = malloc(len + 1);
    int rc = digits == NULL || raw == NULL || hex_decode(digits, raw, len) != 0;
    if (rc == 0)
        rc = nng_send(s, raw, len, 0);
    free(raw);
    free(digits);
    return rc;
}

static int ask_line(nng_socket s, const char *line)
{
    int rc = throw_line(s, line);
    return rc == 0 ? print_next(s) : rc;
}

static int answer_line(nng_socket s, const char *line)
{
    int rc = print_next(s);
    return rc == 0 ? throw_line(s, line) : rc;
}

static const struct kind {
    const char *name;
    int (*open)(nng_socket *s, const char *url);
    int (*run)(nng_socket s, const char *line); /* NULL: prints what comes */
} kinds[] = {
    {"pub", open_publisher, throw_line},
    {"req", open_asker, ask_line},
    {"rep", open_answerer, answer_line},
    {"sub", open_subscriber, NULL},
};

static const struct kind *find_kind(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}

int main(int argc, char **argv)
{
    const struct kind *kind = argc == 3 ? find_kind(argv[1]) : NULL;
    char *line = malloc(LINE_SIZE), url[256];
    nng_socket socket;
    if (kind == NULL || line == NULL) {
        fprintf(stderr, "test-throw pub|req|rep|sub PATH\n");
        free(line);
        return 2;
    }
    snprintf(url, sizeof url, "ipc://%s", argv[2]);
    setvbuf(stdout, NULL, _IOLBF, 0);
    int rc = kind->open(&socket, url);
    while (rc == 0 && kind->run == NULL)
        rc = print_next(socket);
    while (rc == 0 && fgets(line, LINE_SIZE, stdin) != NULL)
        rc = kind->run(socket, line);
    if (rc != 0)
        fprintf(stderr, "test-throw: %s: %s\n", url, nng_strerror(rc));
    free(line);
    nng_close(socket);
    return rc == 0 ? 0 : 1;
}
