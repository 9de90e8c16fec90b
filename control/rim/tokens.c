#include "control/rim/tokens.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "common/error.h"
#include "common/json_writer.h"

#define EVENTS_MAX 16

/* One request under way. */
struct check {
    struct check *previous, *next;
    CURL *easy;
    uint64_t id;
    struct buffer request, response;
};

struct tokens {
    char *url;
    struct curl_slist *headers;
    CURLM *multi;
    int epoll, timer; /* curl's descriptors and its clock, behind one descriptor */
    struct check *checks;
    size_t open;
    void (*answered)(void *context, const struct core_answer *answer);
    void *context;
};

static void refuse(struct core_answer *answer, const char *why)
{
    answer->ok = false;
    snprintf(answer->why, sizeof answer->why, "%s", why);
}

/* One JSON value with nothing but white space behind it; NULL if it is not that. */
static cJSON *parse_whole(struct bytes body)
{
    const char *text = (const char *)body.data, *end = NULL;
    cJSON *json = cJSON_ParseWithLengthOpts(text, body.len, &end, false);
    for (; json != NULL && end < text + body.len; end++) {
        if (memchr(" \t\r\n", *end, 4) == NULL) {
            cJSON_Delete(json);
            return NULL;
        }
    }
    return json;
}

void tokens_read(struct bytes body, struct core_answer *answer)
{
    cJSON *json = parse_whole(body);
    const cJSON *valid = cJSON_GetObjectItemCaseSensitive(json, "valid");
    const cJSON *fingerprint = cJSON_GetObjectItemCaseSensitive(json, "fingerprint");
    const char *name = cJSON_GetStringValue(fingerprint);
    if (json == NULL)
        refuse(answer, "the auth service's answer is no JSON");
    else if (!cJSON_IsBool(valid))
        refuse(answer, "the auth service's answer has no \"valid\"");
    else if (!cJSON_IsTrue(valid))
        refuse(answer, "the auth service refused the token");
    else if (name == NULL || *name == '\0' || strlen(name) >= sizeof answer->fingerprint)
        refuse(answer, "the auth service's answer has no usable fingerprint");
    else {
        answer->ok = true;
        snprintf(answer->fingerprint, sizeof answer->fingerprint, "%s", name);
    }
    cJSON_Delete(json);
}

/* ---- curl's wishes: which descriptors to watch, and when to wake it ---- */

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *known)
{
    (void)easy;
    struct tokens *t = context;
    struct epoll_event event = {.data.fd = fd};
    if (what & CURL_POLL_IN)
        event.events |= EPOLLIN;
    if (what & CURL_POLL_OUT)
        event.events |= EPOLLOUT;
    if (what == CURL_POLL_REMOVE)
        return epoll_ctl(t->epoll, EPOLL_CTL_DEL, fd, NULL) == 0 ? 0 : -1;
    int operation = known == NULL ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    if (epoll_ctl(t->epoll, operation, fd, &event) != 0)
        return -1;
    curl_multi_assign(t->multi, fd, t); /* any pointer: known from now on */
    return 0;
}

static int set_timer(CURLM *multi, long ms, void *context)
{
    (void)multi;
    struct tokens *t = context;
    struct itimerspec when = {0};
    if (ms == 0)
        when.it_value.tv_nsec = 1; /* zero would disarm it */
    else if (ms > 0)
        when.it_value = (struct timespec){ms / 1000, ms % 1000 * 1000000};
    return timerfd_settime(t->timer, 0, &when, NULL) == 0 ? 0 : -1;
}

static size_t take_body(char *data, size_t size, size_t count, void *context)
{
    struct check *check = context;
    size_t len = size * count;
    if (check->response.len + len > TOKENS_ANSWER_MAX)
        return 0; /* makes curl fail the transfer */
    return buffer_append(&check->response, data, len) == 0 ? len : 0;
}

/* ---- checks ---- */

static void check_free(struct tokens *t, struct check *check)
{
    if (check->previous != NULL)
        check->previous->next = check->next;
    else
        t->checks = check->next;
    if (check->next != NULL)
        check->next->previous = check->previous;
    t->open--;
    curl_multi_remove_handle(t->multi, check->easy);
    curl_easy_cleanup(check->easy);
    buffer_free(&check->request);
    buffer_free(&check->response);
    free(check);
}

static void check_done(struct tokens *t, CURL *easy, CURLcode result)
{
    struct check *check = NULL;
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&check);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    struct core_answer answer = {.id = check->id, .type = CORE_ASK_TOKEN};
    if (result != CURLE_OK)
        refuse(&answer, curl_easy_strerror(result));
    else if (status < 200 || status > 299)
        snprintf(answer.why, sizeof answer.why, "the auth service answered HTTP %ld", status);
    else
        tokens_read(buffer_view(&check->response), &answer);
    check_free(t, check);
    t->answered(t->context, &answer);
}

static void finish_done(struct tokens *t)
{
    int left;
    for (CURLMsg *m = curl_multi_info_read(t->multi, &left); m != NULL;
         m = curl_multi_info_read(t->multi, &left))
        if (m->msg == CURLMSG_DONE)
            check_done(t, m->easy_handle, m->data.result);
}

void tokens_run(struct tokens *t)
{
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(t->epoll, events, EVENTS_MAX, 0);
    int running;
    for (int i = 0; i < count; i++) {
        uint64_t expirations;
        if (events[i].data.fd == t->timer) {
            (void)!read(t->timer, &expirations, sizeof expirations);
            curl_multi_socket_action(t->multi, CURL_SOCKET_TIMEOUT, 0, &running);
            continue;
        }
        int what = (events[i].events & (EPOLLIN | EPOLLHUP) ? CURL_CSELECT_IN : 0) |
                   (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                   (events[i].events & EPOLLERR ? CURL_CSELECT_ERR : 0);
        curl_multi_socket_action(t->multi, events[i].data.fd, what, &running);
    }
    finish_done(t);
}

static int write_request(struct buffer *out, struct bytes token)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_writer_begin_object(&w);
    json_writer_key(&w, "token");
    json_writer_text(&w, token);
    json_writer_end_object(&w);
    return out->failed ? ERR_MEMORY : 0;
}

static void set_options(struct tokens *t, struct check *check)
{
    CURL *e = check->easy;
    curl_easy_setopt(e, CURLOPT_URL, t->url);
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)TOKENS_TIMEOUT_MS);
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, t->headers);
    curl_easy_setopt(e, CURLOPT_POSTFIELDS, check->request.data);
    curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)check->request.len);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, check);
    curl_easy_setopt(e, CURLOPT_PRIVATE, check);
}

int tokens_ask(struct tokens *t, const struct core_question *question)
{
    if (t->open >= TOKENS_OPEN_MAX)
        return ERR_FULL;
    struct check *check = calloc(1, sizeof *check);
    if (check == NULL)
        return ERR_MEMORY;
    check->id = question->id;
    check->easy = curl_easy_init();
    if (check->easy == NULL || write_request(&check->request, question->token) != 0) {
        curl_easy_cleanup(check->easy);
        buffer_free(&check->request);
        free(check);
        return ERR_MEMORY;
    }
    set_options(t, check);
    check->next = t->checks;
    if (t->checks != NULL)
        t->checks->previous = check;
    t->checks = check;
    t->open++;
    curl_multi_add_handle(t->multi, check->easy);
    return 0;
}

/* ---- init and free ---- */

static int tokens_open(struct tokens *t, const char *url)
{
    t->url = strdup(url);
    t->headers = curl_slist_append(NULL, "Content-Type: application/json");
    t->multi = curl_multi_init();
    if (t->url == NULL || t->headers == NULL || t->multi == NULL)
        return ERR_MEMORY;
    t->epoll = epoll_create1(EPOLL_CLOEXEC);
    t->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (t->epoll < 0 || t->timer < 0)
        return ERR_SYSTEM;
    struct epoll_event event = {.events = EPOLLIN, .data.fd = t->timer};
    if (epoll_ctl(t->epoll, EPOLL_CTL_ADD, t->timer, &event) != 0)
        return ERR_SYSTEM;
    curl_multi_setopt(t->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
    curl_multi_setopt(t->multi, CURLMOPT_SOCKETDATA, t);
    curl_multi_setopt(t->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(t->multi, CURLMOPT_TIMERDATA, t);
    return 0;
}

int tokens_init(struct tokens **out, const char *url,
                void (*answered)(void *context, const struct core_answer *answer), void *context)
{
    struct tokens *t = calloc(1, sizeof *t);
    if (t == NULL)
        return ERR_MEMORY;
    t->epoll = t->timer = -1;
    t->answered = answered;
    t->context = context;
    int rc = tokens_open(t, url);
    if (rc != 0)
        tokens_free(t);
    else
        *out = t;
    return rc;
}

int tokens_set_url(struct tokens *t, const char *url)
{
    char *copy = strdup(url);
    if (copy == NULL)
        return ERR_MEMORY;
    free(t->url);
    t->url = copy;
    return 0;
}

void tokens_free(struct tokens *t)
{
    if (t == NULL)
        return;
    while (t->checks != NULL)
        check_free(t, t->checks);
    if (t->multi != NULL)
        curl_multi_cleanup(t->multi);
    curl_slist_free_all(t->headers);
    if (t->timer >= 0)
        close(t->timer);
    if (t->epoll >= 0)
        close(t->epoll);
    free(t->url);
    free(t);
}

int tokens_fd(const struct tokens *t)
{
    return t->epoll;
}
