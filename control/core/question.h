/*
 * Questions to the rim that have no answer yet. Whoever asked (a connection or a peer) has at most
 * one; when it goes, the question is forgotten and the answer will find nobody.
 */
#ifndef CHAPPE_CONTROL_CORE_QUESTION_H
#define CHAPPE_CONTROL_CORE_QUESTION_H

#include <stdint.h>
#include <uthash.h>

struct core;
struct core_answer;
struct core_question;

struct question {
    uint64_t id;         /* 0: nothing is being asked */
    uint64_t connection; /* the number of the connection that asks; 0: a peer does */
    void (*answered)(struct core *c, struct question *q, const struct core_answer *answer);
    UT_hash_handle hh;
};

/* Asks; fills in the id. `q` lies in the object that asks. */
void question_ask(struct core *c, struct question *q, struct core_question *question);
/* Forgets the question, if there is one. */
void question_forget(struct core *c, struct question *q);
/* Whose question it is: a connection's number; 0 for a peer's and an unknown one. */
uint64_t question_connection(const struct core *c, uint64_t id);
/* Hands an answer to whoever asked; it is no longer asked then. */
void question_answer(struct core *c, const struct core_answer *answer);

#endif
