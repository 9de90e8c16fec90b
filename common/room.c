#include "common/room.h"

#include <stdio.h>
#include <string.h>

#include "common/error.h"
#include "common/hex.h"
#include "common/sha256.h"

#define ROOM_LABEL_MAX 63
#define ROOM_CALL_PREFIX_LEN (sizeof(ROOM_CALL_PREFIX) - 1)

int room_tag_of_name(struct bytes name, struct room_tag *out)
{
    uint8_t hash[SHA256_SIZE];
    int rc = sha256(name, hash);
    memcpy(out->bytes, hash, sizeof(out->bytes));
    return rc;
}

bool room_tag_equal(const struct room_tag *a, const struct room_tag *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

uint64_t room_tag_number(const struct room_tag *tag)
{
    struct reader reader;
    reader_init(&reader, (struct bytes){tag->bytes, sizeof(tag->bytes)});
    return reader_u64(&reader);
}

int room_hashed_name(struct bytes name, char out[ROOM_HASHED_SIZE])
{
    uint8_t hash[SHA256_SIZE];
    int rc = sha256_two(BYTES_LITERAL("featherchat-group:"), name, hash);
    hex_encode(hash, (ROOM_HASHED_SIZE - 1) / 2, out);
    return rc;
}

bool room_name_is_hash(struct bytes name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (hex_value((char)name.data[i]) < 0)
            return false;
    }
    return name.len == ROOM_HASHED_SIZE - 1;
}

static uint8_t room_lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

static bool room_is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool room_is_label_character(uint8_t c)
{
    uint8_t lower = room_lower(c);
    return (lower >= 'a' && lower <= 'z') || room_is_digit(c) || c == '-' || c == '_';
}

static bool room_label_valid(struct bytes label, bool last)
{
    bool only_digits = true;
    if (label.len == 0 || label.len > ROOM_LABEL_MAX || label.data[0] == '-' ||
        label.data[label.len - 1] == '-')
        return false;
    for (size_t i = 0; i < label.len; i++) {
        if (!room_is_label_character(label.data[i]))
            return false;
        if (!room_is_digit(label.data[i]))
            only_digits = false;
    }
    return !(last && only_digits);
}

bool room_name_valid(struct bytes name)
{
    size_t start = 0;
    if (name.len == 0 || name.len > ROOM_NAME_MAX || room_name_reserved(name))
        return false;
    for (size_t i = 0; i <= name.len; i++) {
        if (i < name.len && name.data[i] != '.')
            continue;
        struct bytes label = {name.data + start, i - start};
        if (!room_label_valid(label, i == name.len))
            return false;
        start = i + 1;
    }
    return true;
}

/* Compares without regard to case with a text in lower case. */
static bool room_starts_with(struct bytes name, const char *lower, size_t len)
{
    if (name.len < len)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (room_lower(name.data[i]) != (uint8_t)lower[i])
            return false;
    }
    return true;
}

static bool room_is(struct bytes name, const char *lower)
{
    size_t len = strlen(lower);
    return name.len == len && room_starts_with(name, lower, len);
}

bool room_name_reserved(struct bytes name)
{
    return (name.len > 0 && name.data[0] == '_') || room_is(name, "ping") ||
           room_is(name, "version");
}

static void room_copy_lower(struct bytes name, char *out)
{
    for (size_t i = 0; i < name.len; i++)
        out[i] = (char)room_lower(name.data[i]);
    out[name.len] = '\0';
}

int room_name_normalize(struct bytes name, char out[ROOM_NAME_SIZE])
{
    out[0] = '\0';
    if (name.len > 0 && name.data[name.len - 1] == '.')
        name.len--;
    if (!room_name_valid(name))
        return ERR_SYNTAX;
    room_copy_lower(name, out);
    return 0;
}

bool room_is_call(struct bytes name)
{
    return room_starts_with(name, ROOM_CALL_PREFIX, ROOM_CALL_PREFIX_LEN);
}

struct bytes room_call_id(struct bytes name)
{
    if (!room_is_call(name))
        return BYTES_NONE;
    return (struct bytes){name.data + ROOM_CALL_PREFIX_LEN, name.len - ROOM_CALL_PREFIX_LEN};
}

int room_call_id_normalize(struct bytes id, char out[ROOM_CALL_ID_SIZE])
{
    out[0] = '\0';
    if (id.len > ROOM_CALL_ID_MAX)
        return ERR_TOO_LARGE;
    if (id.len == 0 || id.data[id.len - 1] == '-')
        return ERR_SYNTAX;
    for (size_t i = 0; i < id.len; i++) {
        if (!room_is_label_character(id.data[i]) || id.data[i] == '_')
            return ERR_SYNTAX;
    }
    room_copy_lower(id, out);
    return 0;
}

void room_of_call(const char *id, char out[ROOM_NAME_SIZE])
{
    snprintf(out, ROOM_NAME_SIZE, ROOM_CALL_PREFIX "%s", id);
}
