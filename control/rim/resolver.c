#include "control/rim/resolver.h"

#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/error.h"

#define NAME_MAX_LEN 512

/* One lookup, first in `asked`, then in `answered`. */
struct lookup {
    struct lookup *next;
    uint64_t id;
    char name[NAME_MAX_LEN];
    struct core_answer answer;
};

struct queue {
    struct lookup *first, *last;
    size_t count;
};

struct resolver {
    pthread_t thread;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t work;
    bool stopping;
    struct queue asked, answered;
    int fd;
};

static void queue_push(struct queue *q, struct lookup *l)
{
    l->next = NULL;
    if (q->last == NULL)
        q->first = l;
    else
        q->last->next = l;
    q->last = l;
    q->count++;
}

static struct lookup *queue_pop(struct queue *q)
{
    struct lookup *l = q->first;
    if (l == NULL)
        return NULL;
    q->first = l->next;
    if (q->first == NULL)
        q->last = NULL;
    q->count--;
    return l;
}

static void queue_free(struct queue *q)
{
    for (struct lookup *l = queue_pop(q); l != NULL; l = queue_pop(q))
        free(l);
}

static void take_addresses(const struct addrinfo *found, uint16_t port, struct core_answer *answer)
{
    for (; found != NULL && answer->address_count < CORE_ADDRESSES_MAX; found = found->ai_next) {
        struct address *a = &answer->addresses[answer->address_count];
        if (address_from_sockaddr(found->ai_addr, found->ai_addrlen, a) != 0)
            continue;
        address_set_port(a, port);
        answer->address_count++;
    }
}

static void look_up(struct lookup *l)
{
    struct core_answer *answer = &l->answer;
    *answer = (struct core_answer){.id = l->id, .type = CORE_ASK_RESOLVE};
    char host[ADDRESS_HOST];
    uint16_t port;
    if (address_split(bytes_of_string(l->name), host, &port) != 0) {
        snprintf(answer->why, sizeof answer->why, "not HOST:PORT");
        return;
    }
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *found = NULL;
    int rc = getaddrinfo(host, NULL, &hints, &found);
    if (rc == EAI_NONAME) { /* AI_ADDRCONFIG hides loopback-only machines' own addresses */
        hints.ai_flags = 0;
        rc = getaddrinfo(host, NULL, &hints, &found);
    }
    if (rc != 0) {
        snprintf(answer->why, sizeof answer->why, "%s", gai_strerror(rc));
        return;
    }
    take_addresses(found, port, answer);
    freeaddrinfo(found);
    answer->ok = answer->address_count > 0;
    if (!answer->ok)
        snprintf(answer->why, sizeof answer->why, "the name has no usable address");
}

static void *resolver_run(void *argument)
{
    struct resolver *r = argument;
    pthread_mutex_lock(&r->lock);
    while (!r->stopping) {
        struct lookup *l = queue_pop(&r->asked);
        if (l == NULL) {
            pthread_cond_wait(&r->work, &r->lock);
            continue;
        }
        pthread_mutex_unlock(&r->lock);
        look_up(l);
        pthread_mutex_lock(&r->lock);
        queue_push(&r->answered, l);
        (void)!eventfd_write(r->fd, 1); /* full means readable: that is all we want */
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

int resolver_init(struct resolver **out)
{
    struct resolver *r = calloc(1, sizeof *r);
    if (r == NULL)
        return ERR_MEMORY;
    r->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (r->fd < 0) {
        free(r);
        return ERR_SYSTEM;
    }
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->work, NULL);
    if (pthread_create(&r->thread, NULL, resolver_run, r) != 0) {
        close(r->fd);
        free(r);
        return ERR_SYSTEM;
    }
    *out = r;
    return 0;
}

void resolver_free(struct resolver *r)
{
    if (r == NULL)
        return;
    pthread_mutex_lock(&r->lock);
    r->stopping = true;
    pthread_cond_signal(&r->work);
    pthread_mutex_unlock(&r->lock);
    pthread_join(r->thread, NULL);
    queue_free(&r->asked);
    queue_free(&r->answered);
    pthread_cond_destroy(&r->work);
    pthread_mutex_destroy(&r->lock);
    close(r->fd);
    free(r);
}

int resolver_fd(const struct resolver *r)
{
    return r->fd;
}

int resolver_ask(struct resolver *r, const struct core_question *question)
{
    if (question->address.len >= NAME_MAX_LEN)
        return ERR_TOO_LARGE;
    struct lookup *l = calloc(1, sizeof *l);
    if (l == NULL)
        return ERR_MEMORY;
    l->id = question->id;
    memcpy(l->name, question->address.data, question->address.len);
    int rc = 0;
    pthread_mutex_lock(&r->lock);
    if (r->asked.count >= RESOLVER_QUEUE_MAX)
        rc = ERR_FULL;
    else
        queue_push(&r->asked, l);
    pthread_cond_signal(&r->work);
    pthread_mutex_unlock(&r->lock);
    if (rc != 0)
        free(l);
    return rc;
}

bool resolver_answer(struct resolver *r, struct core_answer *answer)
{
    pthread_mutex_lock(&r->lock);
    struct lookup *l = queue_pop(&r->answered);
    if (r->answered.count == 0) {
        eventfd_t ignored;
        (void)!eventfd_read(r->fd, &ignored);
    }
    pthread_mutex_unlock(&r->lock);
    if (l == NULL)
        return false;
    *answer = l->answer;
    free(l);
    return true;
}
