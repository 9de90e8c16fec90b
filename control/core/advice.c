#include "control/core/advice.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define FILE_SHOWN 200 /* bytes of the config's name */

/* What does not fit is cut. */
__attribute__((format(printf, 2, 3))) static void put(char out[ADVICE_SIZE], const char *format,
                                                      ...)
{
    size_t len = strlen(out);
    va_list args;
    va_start(args, format);
    vsnprintf(out + len, ADVICE_SIZE - len, format, args);
    va_end(args);
}

static void put_key(char out[ADVICE_SIZE], const char *before, const char *key, const char *value)
{
    put(out, "%s%s: %s", before, key, value);
}

static void put_item(char out[ADVICE_SIZE], const struct fingerprint_tls *fingerprint,
                     const struct address *remote, bool delegate)
{
    char text[FINGERPRINT_TLS_TEXT], ip[ADDRESS_TEXT];
    fingerprint_tls_text(fingerprint, text);
    put(out, "%sadd to trusted: - { fingerprint: '%s'", out[0] == '\0' ? "" : "; ", text);
    if (delegate)
        put_key(out, ", ", "delegate", "true");
    if (remote != NULL) {
        address_ip_text(remote, ip);
        put(out, ", legacy: true, address: '%s'", ip);
    }
    put(out, " }");
}

void advice_add(const struct fingerprint_tls *fingerprint, bool original,
                const struct address *remote, char out[ADVICE_SIZE])
{
    out[0] = '\0';
    put_item(out, fingerprint, original ? remote : NULL, false);
}

/* An entry's keys; `ip` NULL: its address stays. */
static void put_entry(char out[ADVICE_SIZE], const struct config *config, size_t line,
                      const struct advice_change *change, const char *ip)
{
    const char *before = " ";
    if (!change->legacy && ip == NULL && change->fingerprint == NULL)
        return;
    put(out, "%sat %.*s:%zu set", out[0] == '\0' ? "" : "; ", FILE_SHOWN, config->file, line);
    if (change->legacy) {
        put_key(out, before, "legacy", "true");
        before = ", ";
    }
    if (change->fingerprint != NULL) {
        char text[FINGERPRINT_TLS_TEXT];
        fingerprint_tls_text(change->fingerprint, text);
        put(out, "%sfingerprint: '%s'", before, text);
        before = ", ";
    }
    if (ip != NULL)
        put(out, "%saddress: '%s'", before, ip);
}

static const struct config_peer *find_peer(const struct config *config,
                                           const struct fingerprint_tls *relay)
{
    for (size_t i = 0; i < config->peer_count; i++) {
        if (fingerprint_tls_equal(&config->peers[i].fingerprint, relay))
            return &config->peers[i];
    }
    return NULL;
}

static const struct config_trusted *find_trusted(const struct config *config,
                                                 const struct fingerprint_tls *relay)
{
    for (size_t i = 0; i < config->trusted_count; i++) {
        if (fingerprint_tls_equal(&config->trusted[i].fingerprint, relay))
            return &config->trusted[i];
    }
    return NULL;
}

void advice_change(const struct config *config, const struct fingerprint_tls *relay,
                   const struct address *remote, const struct advice_change *change,
                   char out[ADVICE_SIZE])
{
    const struct config_peer *peer = find_peer(config, relay);
    const struct config_trusted *trusted = find_trusted(config, relay);
    char ip[ADDRESS_TEXT] = "";
    out[0] = '\0';
    if (remote != NULL)
        address_ip_text(remote, ip);
    if (peer != NULL)
        put_entry(out, config, peer->line, change, NULL);
    if (trusted != NULL) {
        /* legacy: true needs an address there */
        bool set = change->address || (change->legacy && address_is_none(&trusted->address));
        put_entry(out, config, trusted->line, change, set ? ip : NULL);
    } else if (change->address) {
        put_item(out, relay, remote, peer != NULL && peer->delegate);
    }
}
