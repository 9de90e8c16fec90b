/*
 * The fields of every signal message as data (protocol.md 2.2 to 2.4 and our extensions): reading,
 * writing and the listing of fields are made from it. For common/signal_*.c and their tests only.
 */
#ifndef CHAPPE_COMMON_SIGNAL_TABLE_H
#define CHAPPE_COMMON_SIGNAL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/json_string.h"
#include "common/signal.h"

/* Type of a field, and what holds its value. */
enum signal_field_type {
    SIGNAL_FIELD_TEXT,    /* struct signal_text */
    SIGNAL_FIELD_KEY,     /* uint8_t [32] */
    SIGNAL_FIELD_BYTES,   /* struct bytes */
    SIGNAL_FIELD_U8,      /* uint8_t */
    SIGNAL_FIELD_U32,     /* uint32_t */
    SIGNAL_FIELD_U64,     /* uint64_t */
    SIGNAL_FIELD_BOOL,    /* bool */
    SIGNAL_FIELD_F32,     /* float */
    SIGNAL_FIELD_ENUM,    /* int, an index into `names` */
    SIGNAL_FIELD_STRUCT,  /* a struct described by `part` */
    SIGNAL_FIELD_TEXTS,   /* struct signal_list of struct signal_text */
    SIGNAL_FIELD_STRUCTS, /* struct signal_list of structs described by `part` */
    SIGNAL_FIELD_MESSAGE, /* `inner` and `inner_raw` of struct signal_federated_signal_forward */
};

/*
 * Marks of a field. OMITTED makes the value a pointer to const, NULL when absent, unless its type
 * has a NULL of its own (text, bytes, lists).
 */
enum {
    SIGNAL_MARK_NULLABLE = 1,   /* `?`: may be null or missing; written as null when absent */
    SIGNAL_MARK_OMITTED = 2,    /* `~`: may be null or missing; left out when absent */
    SIGNAL_MARK_OMIT_EMPTY = 4, /* a list that is left out when empty */
    SIGNAL_MARK_DEFAULT = 8, /* `=d`: may be missing, also at the end of a body given as an array */
    SIGNAL_MARK_LATER = 16,  /* of the later commit; null means absent, as if unknown */
    SIGNAL_MARK_OURS = 32,   /* an extension: by name only, never by position */
};

struct signal_names {
    const char *type;
    const char *const *names;
    size_t count;
};

struct signal_struct;

struct signal_field {
    const char *name;
    enum signal_field_type type;
    unsigned marks;
    size_t offset;
    size_t max; /* elements of a list */
    const struct signal_names *names;
    const struct signal_struct *part;
};

struct signal_struct {
    size_t size;
    size_t count;
    const struct signal_field *fields;
    bool ours; /* an extension: only an object, never an array */
};

struct signal_variant {
    const char *name;
    const struct signal_struct *body; /* NULL for a unit variant */
    bool later;
};

/* What struct signal_texts, signal_profiles and their like have in common. */
struct signal_list {
    const void *items;
    size_t count;
};

extern const struct signal_variant signal_variants[SIGNAL_TYPES];
extern const struct signal_names signal_codec_names;
extern const struct signal_names signal_hangup_reason_names;
extern const struct signal_names signal_accept_mode_names;

/* Where the body of any variant starts in struct signal. */
#define SIGNAL_BODY_OFFSET offsetof(struct signal, call_offer)

/* True if the value is held as a pointer. */
bool signal_field_is_pointer(const struct signal_field *field);
/* Size of the value itself, or of one element of a list. */
size_t signal_field_size(const struct signal_field *field);

#endif
