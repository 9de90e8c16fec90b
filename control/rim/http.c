#include "control/rim/http.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"

struct http {
    struct MHD_Daemon *daemon;
    struct http_callbacks callbacks;
    void *context;
};

static enum MHD_Result respond(struct MHD_Connection *connection, unsigned status,
                               struct bytes body, const char *type)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        body.len, (void *)(uintptr_t)body.data, MHD_RESPMEM_MUST_COPY);
    if (response == NULL)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result respond_text(struct MHD_Connection *connection, unsigned status,
                                    const char *text)
{
    return respond(connection, status, bytes_of_string(text), "text/plain; charset=utf-8");
}

static enum MHD_Result respond_metrics(struct http *h, struct MHD_Connection *connection)
{
    struct buffer page = {0};
    h->callbacks.metrics(h->context, &page);
    enum MHD_Result result =
        page.failed
            ? respond_text(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory\n")
            : respond(connection, MHD_HTTP_OK, buffer_view(&page), "text/plain; version=0.0.4");
    buffer_free(&page);
    return result;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **state)
{
    static char seen; /* its address marks a request whose headers were seen */
    struct http *h = context;
    (void)version;
    (void)upload;
    if (*state == NULL) {
        *state = &seen;
        return MHD_YES;
    }
    if (*upload_size != 0) { /* a body that nobody asked for */
        *upload_size = 0;
        return MHD_YES;
    }
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return respond_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "GET or HEAD\n");
    if (strcmp(url, "/metrics") == 0)
        return respond_metrics(h, connection);
    if (strcmp(url, "/healthz") == 0)
        return respond_text(connection, MHD_HTTP_OK, "ok\n");
    if (strcmp(url, "/readyz") != 0)
        return respond_text(connection, MHD_HTTP_NOT_FOUND, "/metrics, /healthz or /readyz\n");
    return h->callbacks.ready(h->context)
               ? respond_text(connection, MHD_HTTP_OK, "ready\n")
               : respond_text(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "not ready\n");
}

int http_init(struct http **out, const struct address *listen,
              const struct http_callbacks *callbacks, void *context)
{
    struct http *h = calloc(1, sizeof *h);
    if (h == NULL)
        return ERR_MEMORY;
    h->callbacks = *callbacks;
    h->context = context;
    unsigned flags = MHD_USE_EPOLL;
    if (listen->u.any.sa_family == AF_INET6)
        flags |= MHD_USE_IPv6;
    h->daemon =
        MHD_start_daemon(flags, 0, NULL, NULL, on_request, h, MHD_OPTION_SOCK_ADDR, &listen->u.any,
                         MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_CONNECTIONS_MAX,
                         MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)HTTP_TIMEOUT_S, MHD_OPTION_END);
    if (h->daemon == NULL) {
        free(h);
        return ERR_SYSTEM;
    }
    *out = h;
    return 0;
}

void http_free(struct http *h)
{
    if (h == NULL)
        return;
    MHD_stop_daemon(h->daemon);
    free(h);
}

int http_fd(const struct http *h)
{
    return MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

void http_run(struct http *h)
{
    MHD_run(h->daemon);
}
