#include "control/core/question.h"

#include "control/core/state.h"

void question_ask(struct core *c, struct question *q, struct core_question *question)
{
    q->id = ++c->last_question;
    HASH_ADD(hh, c->questions, id, sizeof(q->id), q);
    question->id = q->id;
    c->settings.effects.ask(c->settings.context, question);
}

void question_forget(struct core *c, struct question *q)
{
    if (q->id == 0)
        return;
    HASH_DEL(c->questions, q);
    q->id = 0;
}

static struct question *find(const struct core *c, uint64_t id)
{
    struct question *q = NULL;
    HASH_FIND(hh, c->questions, &id, sizeof(id), q);
    return q;
}

uint64_t question_connection(const struct core *c, uint64_t id)
{
    const struct question *q = find(c, id);
    return q == NULL ? 0 : q->connection;
}

void question_answer(struct core *c, const struct core_answer *answer)
{
    struct question *q = find(c, answer->id);
    if (q == NULL)
        return;
    question_forget(c, q);
    q->answered(c, q, answer);
}
