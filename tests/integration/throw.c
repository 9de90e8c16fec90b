/*
 * test-throw: throws bytes at an nng socket of a plane.
 *
 *   test-throw pub PATH      listens at ipc://PATH as a publisher: what is thrown reaches the plane
 *                            that subscribes there. Prints "subscribed" when one has come.
 *   test-throw req PATH      asks at ipc://PATH; prints the reply as hex, or "none" after 2 s
 *
 * One message a line of standard input, in hex. Ends with its input, 0 if all was sent.
 */
#include <nng/nng.h>
#include <nng/protocol/pubsub0/pub.h>
#include <nng/protocol/reqrep0/req.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/hex.h"

#define LINE_SIZE (4 * 1024 * 1024)
#define REPLY_MS 2000

static void on_subscribed(nng_pipe pipe, nng_pipe_ev event, void *context)
{
    static const char line[] = "subscribed\n";
    (void)pipe;
    (void)event;
    (void)context;
    (void)!write(STDOUT_FILENO, line, sizeof line - 1);
}

static int open_socket(nng_socket *s, const char *kind, const char *path)
{
    char url[256];
    snprintf(url, sizeof url, "ipc://%s", path);
    if (strcmp(kind, "pub") == 0) {
        int rc = nng_pub0_open(s);
        if (rc == 0)
            rc = nng_pipe_notify(*s, NNG_PIPE_EV_ADD_POST, on_subscribed, NULL);
        return rc == 0 ? nng_listen(*s, url, NULL, 0) : rc;
    }
    int rc = nng_req0_open(s);
    if (rc == 0)
        rc = nng_socket_set_ms(*s, NNG_OPT_RECVTIMEO, REPLY_MS);
    return rc == 0 ? nng_dial(*s, url, NULL, 0) : rc;
}

static void print_reply(nng_socket s)
{
    uint8_t *data = NULL;
    size_t len = 0;
    if (nng_recv(s, &data, &len, NNG_FLAG_ALLOC) != 0) {
        puts("none");
        return;
    }
    for (size_t i = 0; i < len; i++)
        printf("%02x", data[i]);
    putchar('\n');
    nng_free(data, len);
}

/* Sends the bytes that the line of hex digits holds. */
static int throw_line(nng_socket s, const char *line, bool ask)
{
    size_t len = strcspn(line, "\n") / 2;
    char *digits = strndup(line, 2 * len);
    uint8_t *raw = malloc(len + 1);
    int rc = digits == NULL || raw == NULL || hex_decode(digits, raw, len) != 0;
    if (rc == 0)
        rc = nng_send(s, raw, len, 0);
    if (rc == 0 && ask)
        print_reply(s);
    free(raw);
    free(digits);
    return rc;
}

int main(int argc, char **argv)
{
    nng_socket socket;
    char *line = malloc(LINE_SIZE);
    if (argc != 3 || line == NULL || open_socket(&socket, argv[1], argv[2]) != 0) {
        fprintf(stderr, "test-throw pub|req PATH\n");
        return 1;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    int rc = 0;
    while (rc == 0 && fgets(line, LINE_SIZE, stdin) != NULL)
        rc = throw_line(socket, line, strcmp(argv[1], "req") == 0);
    free(line);
    nng_close(socket);
    return rc == 0 ? 0 : 1;
}
