#include "control/rim/questions.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/log.h"
#include "common/random.h"

static void keep(struct questions *q, const struct core_answer *answer)
{
    if (q->count == q->capacity) {
        size_t capacity = q->capacity == 0 ? 16 : 2 * q->capacity;
        struct core_answer *grown = realloc(q->answers, capacity * sizeof *grown);
        if (grown == NULL) {
            log_event(LOG_ERROR, "answer_lost", LOG_ERR(ERR_MEMORY));
            return;
        }
        q->answers = grown;
        q->capacity = capacity;
    }
    q->answers[q->count++] = *answer;
}

static void keep_refusal(struct questions *q, const struct core_question *question, int error)
{
    struct core_answer answer = {.id = question->id, .type = question->type};
    strncpy(answer.why, error_text(error), sizeof answer.why - 1);
    keep(q, &answer);
}

static void on_token_answer(void *context, const struct core_answer *answer)
{
    keep(context, answer);
}

int questions_set_auth(struct questions *q, const char *auth_url)
{
    if (auth_url == NULL)
        return 0; /* the core does not ask any more */
    if (q->tokens != NULL)
        return tokens_set_url(q->tokens, auth_url);
    return tokens_init(&q->tokens, auth_url, on_token_answer, q);
}

int questions_init(struct questions *q, const struct identity_seed *seed, const char *auth_url)
{
    *q = (struct questions){0};
    int rc = keys_identity(seed, &q->oracle.identity);
    if (rc == 0)
        rc = resolver_init(&q->resolver);
    if (rc == 0)
        rc = questions_set_auth(q, auth_url);
    if (rc != 0)
        questions_free(q);
    return rc;
}

void questions_free(struct questions *q)
{
    resolver_free(q->resolver);
    tokens_free(q->tokens);
    free(q->answers);
    keys_ed25519_wipe(&q->oracle.identity);
    *q = (struct questions){0};
}

static int ask_join(struct questions *q, const struct core_question *question)
{
    uint8_t random[KEYS_SIZE];
    struct core_answer answer;
    int rc = random_fill(random, sizeof random);
    if (rc != 0)
        return rc;
    oracle_join(&q->oracle, question, random, &answer);
    keep(q, &answer);
    return 0;
}

void questions_ask(struct questions *q, const struct core_question *question)
{
    struct core_answer answer;
    int rc = 0;
    switch (question->type) {
    case CORE_ASK_TOKEN:
        rc = q->tokens == NULL ? ERR_NOT_FOUND : tokens_ask(q->tokens, question);
        break;
    case CORE_ASK_RESOLVE:
        rc = resolver_ask(q->resolver, question);
        break;
    case CORE_ASK_JOIN:
        rc = ask_join(q, question);
        break;
    case CORE_ASK_REGISTER:
        oracle_register(question, &answer);
        keep(q, &answer);
        break;
    }
    if (rc != 0)
        keep_refusal(q, question, rc);
}

void questions_take_resolved(struct questions *q)
{
    struct core_answer answer;
    while (resolver_answer(q->resolver, &answer))
        keep(q, &answer);
}

void questions_give(struct questions *q, struct core *core, uint64_t now)
{
    for (size_t i = 0; i < q->count; i++) {
        struct core_answer answer = q->answers[i]; /* the list may grow and move meanwhile */
        core_answer(core, &answer, now);
    }
    q->count = 0;
}

void questions_forget(struct questions *q)
{
    q->count = 0;
}
