#include "common/config_type.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#include "common/address.h"
#include "common/config.h"
#include "common/config_schema.h"
#include "common/error.h"
#include "common/fingerprint.h"
#include "common/log.h"
#include "common/room.h"
#include "common/text.h"

/* Writes "WHAT: "VALUE"" as the reason. */
static int refuse(char why[CONFIG_WHY_MAX], const char *what, struct bytes text)
{
    char quoted[CONFIG_ERROR_VALUE_MAX];
    snprintf(why, CONFIG_WHY_MAX, "%s: %s", what, config_errors_quote(text, quoted));
    return ERR_SYNTAX;
}

/* ---- texts ---- */

static int text_parse(const struct config_field *field, struct bytes text, void *value,
                      char why[CONFIG_WHY_MAX])
{
    if (text.len == 0)
        return refuse(why, "must not be empty", text);
    if (text.len < field->min || text.len > field->max) {
        char what[64];
        snprintf(what, sizeof(what), "longer than %llu bytes", (unsigned long long)field->max);
        return refuse(why, what, text);
    }
    if (!text_is_clean(text))
        return refuse(why, "holds control characters", text);
    char *copy = text_copy(text);
    memcpy(value, &copy, sizeof(copy));
    return copy == NULL ? ERR_MEMORY : 0;
}

static const char *text_value(const void *value)
{
    const char *text;
    memcpy(&text, value, sizeof(text));
    return text;
}

static void text_format(const void *value, struct buffer *out)
{
    const char *text = text_value(value);
    if (text != NULL)
        buffer_append_string(out, text);
}

static void text_free(void *value)
{
    char *text;
    memcpy(&text, value, sizeof(text));
    free(text);
    memset(value, 0, sizeof(text));
}

/* In the one form that is compared with what phones ask for (common/room.h). */
static int room_parse(const struct config_field *field, struct bytes text, void *value,
                      char why[CONFIG_WHY_MAX])
{
    (void)field;
    char name[ROOM_NAME_SIZE];
    if (room_name_reserved(text) || room_is_call(text))
        return refuse(why, "a reserved name, not a room's", text);
    if (room_name_normalize(text, name) != 0)
        return refuse(why, "not a room's name (a host name without spaces)", text);
    char *copy = text_copy(bytes_of_string(name));
    memcpy(value, &copy, sizeof(copy));
    return copy == NULL ? ERR_MEMORY : 0;
}

static bool is_hash_of(const char *hashed, const char *name)
{
    char text[ROOM_HASHED_SIZE];
    return room_name_is_hash(bytes_of_string(hashed)) &&
           room_hashed_name(bytes_of_string(name), text) == 0 && strcmp(text, hashed) == 0;
}

/* A name and its hash (common/room.h): one room. */
static bool room_means_same(const char *a, const char *b)
{
    return is_hash_of(a, b) || is_hash_of(b, a);
}

static int runtime_dir_parse(const struct config_field *field, struct bytes text, void *value,
                             char why[CONFIG_WHY_MAX])
{
    const size_t most = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1 - 1 -
                        CONFIG_SOCKET_NAME_MAX; /* NUL and slash */
    if (text.len <= most)
        return text_parse(field, text, value, why);
    char what[80];
    snprintf(what, sizeof(what), "too long for the sockets in it, at most %zu bytes", most);
    return refuse(why, what, text);
}

static bool starts_with_scheme(struct bytes text, const char *scheme)
{
    size_t len = strlen(scheme);
    return text.len > len && strncasecmp((const char *)text.data, scheme, len) == 0;
}

static int url_parse(const struct config_field *field, struct bytes text, void *value,
                     char why[CONFIG_WHY_MAX])
{
    if (!starts_with_scheme(text, "http://") && !starts_with_scheme(text, "https://"))
        return refuse(why, "not a URL that starts with http:// or https://", text);
    if (memchr(text.data, ' ', text.len) != NULL)
        return refuse(why, "a URL has no spaces", text);
    return text_parse(field, text, value, why);
}

static int host_port_parse(const struct config_field *field, struct bytes text, void *value,
                           char why[CONFIG_WHY_MAX])
{
    (void)field;
    char host[ADDRESS_HOST];
    uint16_t port;
    int rc = address_split(text, host, &port);
    if (rc == ERR_RANGE)
        return refuse(why, "the port must be 1 to 65535", text);
    if (rc != 0)
        return refuse(why, "not HOST:PORT", text);
    char *copy = text_copy(text);
    memcpy(value, &copy, sizeof(copy));
    return copy == NULL ? ERR_MEMORY : 0;
}

/* ---- words and numbers ---- */

static int number_parse(const struct config_field *field, struct bytes text, void *value,
                        char why[CONFIG_WHY_MAX])
{
    uint64_t number = 0;
    bool octal = text.len > 1 && text.data[0] == '0'; /* to YAML 1.1, so unclear to people */
    int rc = octal ? ERR_SYNTAX : text_parse_u64(text, field->min, field->max, &number);
    if (rc != 0) {
        char what[80];
        snprintf(what, sizeof(what), "not a number from %llu to %llu",
                 (unsigned long long)field->min, (unsigned long long)field->max);
        return refuse(why, what, text);
    }
    *(uint32_t *)value = (uint32_t)number;
    return 0;
}

static void number_format(const void *value, struct buffer *out)
{
    buffer_printf(out, "%lu", (unsigned long)*(const uint32_t *)value);
}

/* The index of the text among the words, or -1. */
static int word_index(struct bytes text, const char *const *words, int count)
{
    for (int i = 0; i < count; i++)
        if (bytes_equal_string(text, words[i]))
            return i;
    return -1;
}

static int bool_parse(const struct config_field *field, struct bytes text, void *value,
                      char why[CONFIG_WHY_MAX])
{
    (void)field;
    static const char *const words[] = {"false", "False", "FALSE", "true", "True", "TRUE"};
    int word = word_index(text, words, 6);
    if (word < 0)
        return refuse(why, "neither true nor false", text);
    *(bool *)value = word >= 3;
    return 0;
}

static void bool_format(const void *value, struct buffer *out)
{
    buffer_append_string(out, *(const bool *)value ? "true" : "false");
}

static int level_parse(const struct config_field *field, struct bytes text, void *value,
                       char why[CONFIG_WHY_MAX])
{
    (void)field;
    for (enum log_level level = LOG_ERROR; level <= LOG_DEBUG; level++) {
        if (bytes_equal_string(text, log_level_name(level))) {
            *(enum log_level *)value = level;
            return 0;
        }
    }
    return refuse(why, "not one of error, warn, info, debug", text);
}

static void level_format(const void *value, struct buffer *out)
{
    buffer_append_string(out, log_level_name(*(const enum log_level *)value));
}

static const char *const format_words[] = {[LOG_TEXT] = "text", [LOG_JSON] = "json"};

static int format_parse(const struct config_field *field, struct bytes text, void *value,
                        char why[CONFIG_WHY_MAX])
{
    (void)field;
    int word = word_index(text, format_words, 2);
    if (word < 0)
        return refuse(why, "not one of text, json", text);
    *(enum log_format *)value = (enum log_format)word;
    return 0;
}

static void format_format(const void *value, struct buffer *out)
{
    buffer_append_string(out, format_words[*(const enum log_format *)value]);
}

/* ---- addresses and fingerprints ---- */

static int listen_parse(const struct config_field *field, struct bytes text, void *value,
                        char why[CONFIG_WHY_MAX])
{
    (void)field;
    struct address address;
    int rc = address_parse(text, &address);
    if (rc == ERR_RANGE)
        return refuse(why, "the port must be 1 to 65535", text);
    if (rc != 0)
        return refuse(why, "not an address", text);
    *(struct address *)value = address;
    return 0;
}

static int endpoint_parse(const struct config_field *field, struct bytes text, void *value,
                          char why[CONFIG_WHY_MAX])
{
    struct address address;
    int rc = listen_parse(field, text, &address, why);
    if (rc == 0 && address_is_wildcard(&address))
        return refuse(why, "not an address that can be reached", text);
    if (rc == 0)
        *(struct address *)value = address;
    return rc;
}

static void endpoint_format(const void *value, struct buffer *out)
{
    char text[ADDRESS_TEXT];
    address_text(value, text);
    buffer_append_string(out, text);
}

static int ip_parse(const struct config_field *field, struct bytes text, void *value,
                    char why[CONFIG_WHY_MAX])
{
    (void)field;
    struct address address;
    if (address_parse_ip(text, &address) != 0)
        return refuse(why, "not an IP address without port", text);
    if (address_is_wildcard(&address))
        return refuse(why, "not an address that a peer can have", text);
    *(struct address *)value = address;
    return 0;
}

static void ip_format(const void *value, struct buffer *out)
{
    char text[ADDRESS_TEXT];
    if (address_is_none(value))
        return;
    address_ip_text(value, text);
    buffer_append_string(out, text);
}

static int fingerprint_parse(const struct config_field *field, struct bytes text, void *value,
                             char why[CONFIG_WHY_MAX])
{
    (void)field;
    if (fingerprint_tls_parse(text, value) != 0)
        return refuse(why, "not a TLS fingerprint of 64 hex digits", text);
    return 0;
}

static void fingerprint_format(const void *value, struct buffer *out)
{
    char text[FINGERPRINT_TLS_TEXT];
    fingerprint_tls_text(value, text);
    buffer_append_string(out, text);
}

/* ---- the types ---- */

/* clang-format off */
const struct config_type config_type_text = {
    "text", false, sizeof(char *), text_parse, text_format, text_free, NULL};
const struct config_type config_type_room = {
    "room", false, sizeof(char *), room_parse, text_format, text_free, room_means_same};
const struct config_type config_type_path = {
    "path", false, sizeof(char *), text_parse, text_format, text_free, NULL};
const struct config_type config_type_runtime_dir = {
    "path", false, sizeof(char *), runtime_dir_parse, text_format, text_free, NULL};
const struct config_type config_type_url = {
    "URL", false, sizeof(char *), url_parse, text_format, text_free, NULL};
const struct config_type config_type_host_port = {
    "HOST:PORT", false, sizeof(char *), host_port_parse, text_format, text_free, NULL};
const struct config_type config_type_number = {
    "number", true, sizeof(uint32_t), number_parse, number_format, NULL, NULL};
const struct config_type config_type_bool = {
    "true or false", true, sizeof(bool), bool_parse, bool_format, NULL, NULL};
const struct config_type config_type_level = {
    "word", false, sizeof(enum log_level), level_parse, level_format, NULL, NULL};
const struct config_type config_type_format = {
    "word", false, sizeof(enum log_format), format_parse, format_format, NULL, NULL};
const struct config_type config_type_listen = {
    "IP:PORT", false, sizeof(struct address), listen_parse, endpoint_format, NULL, NULL};
const struct config_type config_type_endpoint = {
    "IP:PORT", false, sizeof(struct address), endpoint_parse, endpoint_format, NULL, NULL};
const struct config_type config_type_ip = {
    "IP", false, sizeof(struct address), ip_parse, ip_format, NULL, NULL};
const struct config_type config_type_fingerprint = {
    "fingerprint", false, sizeof(struct fingerprint_tls), fingerprint_parse, fingerprint_format, NULL, NULL};
/* clang-format on */
