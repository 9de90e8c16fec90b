/*
 * A number as JSON writes it, read as serde_json reads it: exact as an integer where it can be,
 * else as a double, computed in the same steps so that the last bit is the same.
 */
#ifndef CHAPPE_COMMON_JSON_NUMBER_H
#define CHAPPE_COMMON_JSON_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

struct json_number {
    enum {
        JSON_NUMBER_U64,
        JSON_NUMBER_I64, /* below zero */
        JSON_NUMBER_F64, /* with point or exponent, "-0", or beyond the integers */
    } kind;
    bool whole; /* written without point and exponent */
    union {
        uint64_t u64;
        int64_t i64;
        double f64;
    };
};

/*
 * Reads the number at *at, as much as belongs to it, and moves *at behind it, or to where it goes
 * wrong. ERR_SYNTAX, ERR_TRUNCATED, or ERR_RANGE if it is beyond double.
 */
int json_number_parse(const uint8_t **at, const uint8_t *end, struct json_number *out);

/* Only steps over it: the grammar is checked, the range is not. */
int json_number_skip(const uint8_t **at, const uint8_t *end);

#endif
