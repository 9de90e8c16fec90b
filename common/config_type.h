/*
 * The types of values that a config key can have: how each is read from text, shown and freed. A
 * value's memory is a member of struct config, whose C type is named beside each type here.
 */
#ifndef CHAPPE_COMMON_CONFIG_TYPE_H
#define CHAPPE_COMMON_CONFIG_TYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/config_errors.h"

#define CONFIG_WHY_MAX (CONFIG_ERROR_VALUE_MAX + 100) /* bytes of a reason with its NUL */

struct config_field; /* common/config_schema.h; a type reads only min and max of it */

struct config_type {
    const char *name; /* for documents */
    bool plain;       /* in quotes it would be text, and an error */
    size_t size;      /* bytes of a value's memory */
    /*
     * Reads the text into zeroed memory. 0; ERR_SYNTAX with the reason in `why`; or ERR_MEMORY.
     * Nothing needs to be freed after an error.
     */
    int (*parse)(const struct config_field *field, struct bytes text, void *value,
                 char why[CONFIG_WHY_MAX]);
    /* Appends the value as text; nothing for one that is not set. */
    void (*format)(const void *value, struct buffer *out);
    void (*free)(void *value); /* NULL if there is nothing to free; the value is zeroed after it */
    /* True for two texts, not the same, that mean the same thing; NULL: there are none. */
    bool (*means_same)(const char *a, const char *b);
};

extern const struct config_type config_type_text;        /* char *; min..max bytes, clean */
extern const struct config_type config_type_room;        /* char *; in common/room.h's one form */
extern const struct config_type config_type_path;        /* char *; text that is a path */
extern const struct config_type config_type_runtime_dir; /* char *; leaves room for sockets */
extern const struct config_type config_type_url;         /* char *; http or https */
extern const struct config_type config_type_host_port;   /* char *; HOST:PORT */
extern const struct config_type config_type_number;      /* uint32_t; min..max */
extern const struct config_type config_type_bool;        /* bool */
extern const struct config_type config_type_level;       /* enum log_level */
extern const struct config_type config_type_format;      /* enum log_format */
extern const struct config_type config_type_listen;      /* struct address; wildcards too */
extern const struct config_type config_type_endpoint;    /* struct address; not a wildcard */
extern const struct config_type config_type_ip;          /* struct address, port 0 */
extern const struct config_type config_type_fingerprint; /* struct fingerprint_tls */

#endif
