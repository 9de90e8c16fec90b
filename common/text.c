#include "common/text.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"

static size_t utf8_length(uint8_t first)
{
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first <= 0xdf)
        return 2;
    if (first >= 0xe0 && first <= 0xef)
        return 3;
    return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

size_t text_utf8(struct bytes s, uint32_t *code_point)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    static const uint8_t first_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};

    size_t len = s.len == 0 ? 0 : utf8_length(s.data[0]);
    if (len == 0 || len > s.len)
        return 0;
    uint32_t code = s.data[0] & first_bits[len];
    for (size_t i = 1; i < len; i++) {
        if ((s.data[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (s.data[i] & 0x3f);
    }
    if (code < smallest[len] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return 0;
    *code_point = code;
    return len;
}

bool text_is_control(uint32_t code_point)
{
    static const struct {
        uint32_t first;
        uint32_t last;
    } ranges[] = {
        {0x00, 0x1f},     {0x7f, 0x9f},     {0x061c, 0x061c}, {0x200e, 0x200f},
        {0x2028, 0x202e}, {0x2066, 0x2069}, {0xfeff, 0xfeff},
    };
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
        if (code_point >= ranges[i].first && code_point <= ranges[i].last)
            return true;
    return false;
}

bool text_is_clean(struct bytes s)
{
    while (s.len > 0) {
        uint32_t code_point;
        size_t len = text_utf8(s, &code_point);
        if (len == 0 || text_is_control(code_point))
            return false;
        s.data += len;
        s.len -= len;
    }
    return true;
}

int text_parse_u64(struct bytes s, uint64_t min, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;
    bool overflow = false;
    for (size_t i = 0; i < s.len; i++) {
        uint64_t digit = (uint64_t)s.data[i] - '0';
        if (digit > 9)
            return ERR_SYNTAX;
        overflow = overflow || __builtin_mul_overflow(value, UINT64_C(10), &value) ||
                   __builtin_add_overflow(value, digit, &value);
    }
    if (s.len == 0)
        return ERR_SYNTAX;
    if (overflow || value < min || value > max)
        return ERR_RANGE;
    *out = value;
    return 0;
}

char *text_copy(struct bytes s)
{
    char *copy = malloc(s.len + 1);
    if (copy == NULL)
        return NULL;
    if (s.len > 0)
        memcpy(copy, s.data, s.len);
    copy[s.len] = '\0';
    return copy;
}
