#include "tests/unit/control/web_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#define CONNECTIONS_MAX 64

struct web_server {
    int fd;
    web_handler *handler;
    char url[WEB_URL_MAX];
    pthread_t thread;
    pthread_mutex_t lock; /* of requests */
    unsigned requests;
};

struct visit {
    struct web_server *server;
    int fd;
    pthread_t thread;
};

static size_t body_length(const char *head)
{
    for (const char *line = head; line != NULL; line = strstr(line + 1, "\r\n"))
        if (strncasecmp(line, "\r\nContent-Length:", 17) == 0)
            return strtoul(line + 17, NULL, 10);
    return 0;
}

/* Reads head and body; false if the client closed before it had sent them. */
static bool read_request(int fd, char *out)
{
    size_t len = 0;
    for (;;) {
        const char *end = strstr(out, "\r\n\r\n");
        if (end != NULL && len >= (size_t)(end - out) + 4 + body_length(out))
            return true;
        ssize_t got = recv(fd, out + len, WEB_REQUEST_MAX - 1 - len, 0);
        if (got <= 0)
            return false;
        len += (size_t)got;
        out[len] = '\0';
    }
}

static void *serve(void *argument)
{
    struct visit *v = argument;
    char *request = calloc(1, WEB_REQUEST_MAX);
    if (request != NULL && read_request(v->fd, request)) {
        pthread_mutex_lock(&v->server->lock);
        v->server->requests++;
        pthread_mutex_unlock(&v->server->lock);
        v->server->handler(v->server, request, v->fd);
    }
    free(request);
    close(v->fd);
    return NULL;
}

/* Until the listening socket is shut down. */
static void *accept_all(void *argument)
{
    struct web_server *s = argument;
    static struct visit visits[CONNECTIONS_MAX];
    size_t count = 0;
    for (; count < CONNECTIONS_MAX; count++) {
        struct visit *v = &visits[count];
        *v = (struct visit){.server = s, .fd = accept(s->fd, NULL, NULL)};
        if (v->fd < 0 || pthread_create(&v->thread, NULL, serve, v) != 0)
            break;
    }
    for (size_t i = 0; i < count; i++)
        pthread_join(visits[i].thread, NULL);
    return NULL;
}

struct web_server *web_server_start(web_handler *handler)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    struct web_server *s = calloc(1, sizeof *s);
    assert_non_null(s);
    s->handler = handler;
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(s->fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(s->fd, CONNECTIONS_MAX), 0);
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&at, &len), 0);
    snprintf(s->url, sizeof s->url, "http://127.0.0.1:%u/validate", ntohs(at.sin_port));
    assert_int_equal(pthread_mutex_init(&s->lock, NULL), 0);
    assert_int_equal(pthread_create(&s->thread, NULL, accept_all, s), 0);
    return s;
}

void web_server_stop(struct web_server *s)
{
    shutdown(s->fd, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->fd);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

const char *web_server_url(const struct web_server *s)
{
    return s->url;
}

unsigned web_server_requests(struct web_server *s)
{
    pthread_mutex_lock(&s->lock);
    unsigned requests = s->requests;
    pthread_mutex_unlock(&s->lock);
    return requests;
}

bool web_send(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, text, len, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        text += sent;
        len -= (size_t)sent;
    }
    return true;
}

void web_answer(int fd, const char *status, const char *body)
{
    char head[512];
    int len = snprintf(head, sizeof head,
                       "HTTP/1.1 %s\r\nContent-Type: application/json\r\n"
                       "Content-Length: %zu\r\nConnection: close\r\n\r\n",
                       status, strlen(body));
    if (len > 0 && web_send(fd, head, (size_t)len))
        web_send(fd, body, strlen(body));
}

void web_wait_closed(int fd)
{
    char byte;
    while (recv(fd, &byte, 1, 0) > 0)
        continue;
}
