/*
 * The config's schema as data. This table drives reading, checking, defaults, differences and the
 * printed example; a new key is one new line in config_schema.c and one member of struct config.
 */
#ifndef CHAPPE_COMMON_CONFIG_SCHEMA_H
#define CHAPPE_COMMON_CONFIG_SCHEMA_H

#include <stddef.h>
#include <stdint.h>

#include "common/config_type.h"

enum config_flag {
    CONFIG_REQUIRED = 1, /* the file must have it */
    CONFIG_RESTART = 2,  /* a change takes effect only at the next start */
};

struct config_field {
    const char *key; /* "relay.listen", "event_log"; in a list's entry "address"; "" if the entry is
                        itself a single value */
    const struct config_type *type;
    size_t offset;       /* of the value in struct config, or in the entry's struct */
    const char *initial; /* the default as text; NULL: not set, or made by a rule (see `help`) */
    uint64_t min;        /* numbers: smallest and largest; texts: bytes */
    uint64_t max;
    unsigned flags;     /* of enum config_flag */
    const char *sample; /* a value to print as example where there is no default */
    const char *help;   /* one line */
};

/* A list: of mappings with the given fields, or of single strings (one field with key ""). */
struct config_list {
    const char *key;
    size_t items; /* offset in struct config of the pointer to the array */
    size_t count; /* offset of its size_t */
    size_t size;  /* bytes of an entry */
    size_t max;   /* entries */
    size_t line;  /* offset in the entry of the size_t for its line; CONFIG_NO_LINE: none */
    const struct config_field *fields;
    size_t field_count;
    const struct config_field *identity; /* the fingerprint that tells entries apart, or NULL */
    unsigned flags;
    const char *help;
};

#define CONFIG_NO_LINE SIZE_MAX

extern const struct config_field config_fields[];
extern const size_t config_field_count;
extern const struct config_list config_lists[];
extern const size_t config_list_count;

/*
 * Sets the values of fields in zeroed memory to their defaults (those made by a rule stay unset),
 * and frees them. 0 or ERR_MEMORY; to be freed in both cases.
 */
int config_fields_init(const struct config_field *fields, size_t count, void *base);
void config_fields_free(const struct config_field *fields, size_t count, void *base);

/* The entries of a list in a config: where they are and how many. */
void *config_list_items(const struct config_list *list, const void *config, size_t *count);
void config_list_set_items(const struct config_list *list, void *config, void *items, size_t count);

#endif
