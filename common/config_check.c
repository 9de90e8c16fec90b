#include "common/config_check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/error.h"
#include "common/hex.h"
#include "common/room.h"
#include "common/text.h"

#define LABEL_DIGITS 16

static char *host_name(void)
{
    char name[CONFIG_NAME_MAX + 1] = "";
    if (gethostname(name, sizeof(name)) != 0)
        name[0] = '\0';
    name[sizeof(name) - 1] = '\0'; /* a longer one is cut, perhaps without NUL */
    struct bytes view = bytes_of_string(name);
    return view.len > 0 && text_is_clean(view) ? text_copy(view)
                                               : text_copy(BYTES_LITERAL("relay"));
}

static int set_peer_label(struct config_peer *peer)
{
    if (peer->address == NULL || peer->label != NULL)
        return 0;
    peer->label = text_copy(bytes_of_string(peer->address));
    return peer->label == NULL ? ERR_MEMORY : 0;
}

static bool is_zeroed(const struct fingerprint_tls *fingerprint)
{
    return fingerprint_tls_equal(fingerprint, &(struct fingerprint_tls){{0}});
}

static int set_trusted_label(struct config_trusted *trusted)
{
    if (is_zeroed(&trusted->fingerprint) || trusted->label != NULL)
        return 0;
    char digits[LABEL_DIGITS + 1];
    hex_encode(trusted->fingerprint.bytes, LABEL_DIGITS / 2, digits);
    trusted->label = text_copy(bytes_of_string(digits));
    return trusted->label == NULL ? ERR_MEMORY : 0;
}

int config_set_rule_defaults(struct config *config)
{
    int rc = 0;
    if (config->relay.name == NULL)
        config->relay.name = host_name();
    if (config->relay.name == NULL)
        return ERR_MEMORY;
    for (size_t i = 0; i < config->peer_count && rc == 0; i++)
        rc = set_peer_label(&config->peers[i]);
    for (size_t i = 0; i < config->trusted_count && rc == 0; i++)
        rc = set_trusted_label(&config->trusted[i]);
    return rc;
}

/* One relay that the config names, in whichever list. */
struct named_relay {
    const char *list;
    size_t index;
    size_t line;
    const struct fingerprint_tls *fingerprint;
    const char *label;
    bool delegate;
    bool legacy;
};

static struct named_relay named_relay(const struct config *config, size_t i)
{
    if (i < config->peer_count) {
        const struct config_peer *p = &config->peers[i];
        return (struct named_relay){"peers",  i,           p->line,  &p->fingerprint,
                                    p->label, p->delegate, p->legacy};
    }
    i -= config->peer_count;
    const struct config_trusted *t = &config->trusted[i];
    return (struct named_relay){"trusted", i,           t->line,  &t->fingerprint,
                                t->label,  t->delegate, t->legacy};
}

__attribute__((format(printf, 5, 6))) static void report(struct config_errors *errors,
                                                         const struct config *config,
                                                         const struct named_relay *relay,
                                                         const char *key, const char *format, ...)
{
    char path[64];
    char text[CONFIG_ERROR_TEXT_MAX];
    va_list args;
    snprintf(path, sizeof(path), "%s[%zu].%s", relay->list, relay->index, key);
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    config_errors_add(errors, config->file, relay->line, path, "%s", text);
}

static void check_pair(const struct config *config, const struct named_relay *a,
                       const struct named_relay *b, struct config_errors *errors)
{
    bool same = fingerprint_tls_equal(a->fingerprint, b->fingerprint);
    if (same && a->list == b->list)
        report(errors, config, b, "fingerprint", "the same as that of %s[%zu] in line %zu", a->list,
               a->index, a->line);
    else if (same && a->delegate != b->delegate)
        report(errors, config, b, "delegate", "differs from that of %s[%zu], the same relay",
               a->list, a->index);
    else if (same && a->legacy != b->legacy)
        report(errors, config, b, "legacy", "differs from that of %s[%zu], the same relay", a->list,
               a->index);
    else if (!same && strcmp(a->label, b->label) == 0)
        report(errors, config, b, "label", "the same as that of %s[%zu], another relay", a->list,
               a->index);
}

static void check_relays(const struct config *config, struct config_errors *errors)
{
    size_t count = config->peer_count + config->trusted_count;
    for (size_t i = 0; i < count; i++) {
        struct named_relay later = named_relay(config, i);
        for (size_t k = 0; k < i && later.label != NULL; k++) {
            struct named_relay earlier = named_relay(config, k);
            if (earlier.label != NULL)
                check_pair(config, &earlier, &later, errors);
        }
    }
}

void config_warnings(const struct config *config, struct config_errors *warnings)
{
    for (size_t i = 0; i < config->global_room_count; i++) {
        char path[64];
        if (!room_name_is_hash(bytes_of_string(config->global_rooms[i])))
            continue;
        snprintf(path, sizeof(path), "global_rooms[%zu]", i);
        config_errors_add(warnings, config->file, 0, path,
                          "warning: %s looks like the hash of a room's name: relays that configure "
                          "the name itself do not share this room; write the name",
                          config->global_rooms[i]);
    }
}

void config_check(const struct config *config, struct config_errors *errors)
{
    for (size_t i = 0; i < config->trusted_count; i++) {
        const struct config_trusted *trusted = &config->trusted[i];
        struct named_relay relay = named_relay(config, config->peer_count + i);
        if (trusted->label != NULL && trusted->legacy && address_is_none(&trusted->address))
            report(errors, config, &relay, "address",
                   "missing: an original (legacy: true) is known by its source address");
    }
    check_relays(config, errors);
}
