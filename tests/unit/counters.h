/*
 * For tests that hold a table of counters to its word: each number has a case that makes exactly
 * this one move, and code checks that none is missing. What must move with it is said in the case.
 *
 * A test defines `struct world` and its tables:
 *
 *   static const struct counter counters[] = {
 *   #define X(name, help) COUNTER(struct core_counters, name)
 *       CORE_COUNTERS(X)
 *   #undef X
 *   };
 *   static const struct counter_case cases[] = {COUNTER_CASE(joins, join, ""), ...};
 */
#ifndef CHAPPE_TESTS_UNIT_COUNTERS_H
#define CHAPPE_TESTS_UNIT_COUNTERS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

struct world;

struct counter {
    const char *name;
    size_t offset; /* of a uint64_t in the struct of all */
};
#define COUNTER(type, name) {#name, offsetof(type, name)},

struct counter_case {
    const char *name;
    void (*run)(struct world *w); /* marks what was counted before, and does it */
    const char *with;             /* names that move too, a space around each */
};
#define COUNTER_CASE(name, run, with)                                                              \
    {                                                                                              \
#name, run, " " with " "                                                                   \
    }

#define COUNTER_COUNT(array) (sizeof(array) / sizeof((array)[0]))

static inline uint64_t counter_rise(const struct counter *c, const void *after, const void *before)
{
    uint64_t a, b;
    memcpy(&a, (const char *)after + c->offset, sizeof(a));
    memcpy(&b, (const char *)before + c->offset, sizeof(b));
    return a - b;
}

static inline bool counter_is_in(const char *names, const char *name)
{
    char padded[64];
    snprintf(padded, sizeof(padded), " %s ", name);
    return strstr(names, padded) != NULL;
}

/* `background`: names that move with nearly everything, and count only in their own cases. */
static inline void counters_judge(const struct counter_case *t, const char *background,
                                  const struct counter *counters, size_t count, const void *after,
                                  const void *before)
{
    bool moved = false;
    for (size_t i = 0; i < count; i++) {
        const char *name = counters[i].name;
        uint64_t rise = counter_rise(&counters[i], after, before);
        bool meant = strcmp(name, t->name) == 0;
        moved |= meant && rise > 0;
        if (rise > 0 && !meant && !counter_is_in(t->with, name) &&
            (counter_is_in(background, t->name) || !counter_is_in(background, name)))
            fail_msg("%s moved with %s, by %d", name, t->name, (int)rise);
    }
    if (!moved)
        fail_msg("%s did not move", t->name);
}

static inline void counters_expect_cases(const struct counter *counters, size_t count,
                                         const struct counter_case *cases, size_t case_count)
{
    for (size_t i = 0; i < count; i++) {
        bool found = false;
        for (size_t k = 0; k < case_count; k++)
            found |= strcmp(cases[k].name, counters[i].name) == 0;
        if (!found)
            fail_msg("%s has no case: write one", counters[i].name);
    }
}

#endif
