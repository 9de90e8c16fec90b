#include "common/json_number.h"

#include <float.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/error.h"

/* Exponents are kept within this: beyond it every number is zero or too large. */
#define EXPONENT_MAX 100000000

struct scan {
    const uint8_t *at;
    const uint8_t *end;
    bool negative;
    bool whole;
    uint64_t digits; /* the value is digits * 10^exponent */
    int exponent;
};

/* The next byte, or 0 at the end; 0 is no byte of a number. */
static uint8_t look(const struct scan *s)
{
    return s->at == s->end ? 0 : *s->at;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static int scan_digits(struct scan *s)
{
    if (s->at == s->end)
        return ERR_TRUNCATED;
    if (!is_digit(*s->at))
        return ERR_SYNTAX;
    while (is_digit(look(s)))
        s->at++;
    return 0;
}

/* Appends a digit unless the number would no longer fit. */
static bool push_digit(uint64_t *v, uint8_t c)
{
    uint64_t pushed;
    if (__builtin_mul_overflow(*v, UINT64_C(10), &pushed) ||
        __builtin_add_overflow(pushed, (uint64_t)(c - '0'), &pushed))
        return false;
    *v = pushed;
    return true;
}

/* Digits that do not fit into 64 bits are only counted. */
static int scan_whole(struct scan *s)
{
    const uint8_t *from = s->at;
    int rc = scan_digits(s);
    if (rc != 0)
        return rc;
    if (*from == '0' && s->at - from > 1) {
        s->at = from;
        return ERR_SYNTAX;
    }
    const uint8_t *p = from;
    while (p != s->at && push_digit(&s->digits, *p))
        p++;
    s->exponent = s->at - p > EXPONENT_MAX ? EXPONENT_MAX : (int)(s->at - p);
    return 0;
}

/* Digits that do not fit count for nothing. */
static int scan_fraction(struct scan *s)
{
    const uint8_t *from = ++s->at;
    int rc = scan_digits(s);
    if (rc != 0)
        return rc;
    for (const uint8_t *p = from; p != s->at && push_digit(&s->digits, *p); p++)
        s->exponent--;
    return 0;
}

static int scan_exponent(struct scan *s)
{
    s->at++;
    bool negative = look(s) == '-';
    if (negative || look(s) == '+')
        s->at++;
    const uint8_t *from = s->at;
    int rc = scan_digits(s);
    if (rc != 0)
        return rc;
    int v = 0;
    for (const uint8_t *p = from; p != s->at && v < EXPONENT_MAX; p++)
        v = v * 10 + (*p - '0');
    s->exponent += negative ? -v : v;
    return 0;
}

static bool has_exponent(const struct scan *s)
{
    return look(s) == 'e' || look(s) == 'E';
}

static int scan_number(struct scan *s)
{
    s->negative = look(s) == '-';
    if (s->negative)
        s->at++;
    int rc = scan_whole(s);
    s->whole = look(s) != '.' && !has_exponent(s);
    if (rc == 0 && look(s) == '.')
        rc = scan_fraction(s);
    if (rc == 0 && has_exponent(s))
        rc = scan_exponent(s);
    return rc;
}

static double power_of_ten(int exponent)
{
    char text[16];
    snprintf(text, sizeof(text), "1e%d", exponent);
    return strtod(text, NULL);
}

/* False if the number is beyond double. */
static bool scale(uint64_t digits, int exponent, double *out)
{
    double v = (double)digits;
    while (exponent < -DBL_MAX_10_EXP && v != 0.0) {
        v /= power_of_ten(DBL_MAX_10_EXP);
        exponent += DBL_MAX_10_EXP;
    }
    if (v != 0.0 && exponent > DBL_MAX_10_EXP)
        return false;
    if (v != 0.0)
        v = exponent < 0 ? v / power_of_ten(-exponent) : v * power_of_ten(exponent);
    *out = v;
    return !isinf(v);
}

static bool fits_integer(const struct scan *s)
{
    if (!s->whole || s->exponent != 0)
        return false;
    return !s->negative || (s->digits > 0 && s->digits <= (uint64_t)INT64_MAX + 1);
}

static int evaluate(const struct scan *s, struct json_number *out)
{
    out->whole = s->whole;
    if (fits_integer(s) && !s->negative) {
        out->kind = JSON_NUMBER_U64;
        out->u64 = s->digits;
        return 0;
    }
    if (fits_integer(s)) {
        out->kind = JSON_NUMBER_I64;
        out->i64 = -(int64_t)(s->digits - 1) - 1;
        return 0;
    }
    double v;
    if (!scale(s->digits, s->exponent, &v))
        return ERR_RANGE;
    out->kind = JSON_NUMBER_F64;
    out->f64 = s->negative ? -v : v;
    return 0;
}

int json_number_parse(const uint8_t **at, const uint8_t *end, struct json_number *out)
{
    struct scan s = {.at = *at, .end = end};
    int rc = scan_number(&s);
    if (rc == 0)
        rc = evaluate(&s, out);
    if (rc != ERR_RANGE)
        *at = s.at;
    return rc;
}

int json_number_skip(const uint8_t **at, const uint8_t *end)
{
    struct scan s = {.at = *at, .end = end};
    int rc = scan_number(&s);
    *at = s.at;
    return rc;
}
