#include "control/core/trust.h"

#include <stdio.h>

#include "control/core/advice.h"

static void refuse(struct core *c, struct connection *conn, const char *why, const char *lines)
{
    char address[ADDRESS_TEXT];
    address_text(&conn->remote, address);
    c->counters.links_refused++;
    report_limited(c, REPORT_STRANGER, LOG_WARN, "relay_refused", LOG_STR("remote", address),
                   LOG_STR("why", why), LOG_STR("if_wanted_configure", lines));
    connection_close(c, conn, why);
}

void trust_refuse(struct core *c, struct connection *conn, const char *why)
{
    refuse(c, conn, why, NULL);
}

/* The same with the entry of `trusted` that would admit this relay. */
static void refuse_stranger(struct core *c, struct connection *conn, const char *why,
                            const struct fingerprint_tls *fingerprint, bool original)
{
    char lines[ADVICE_SIZE];
    advice_add(fingerprint, original, &conn->remote, lines);
    refuse(c, conn, why, lines);
}

/* The same with what to change in the entries of this relay. */
static void refuse_named(struct core *c, struct connection *conn, const char *why,
                         const struct peer *peer, const struct advice_change *change)
{
    char lines[ADVICE_SIZE];
    advice_change(c->settings.config, &peer->fingerprint, &conn->remote, change, lines);
    refuse(c, conn, why, lines);
}

/* The config may name the one address that a relay may come from. */
static bool comes_from_elsewhere(const struct peer *peer, const struct connection *conn)
{
    return !address_is_none(&peer->source) && !address_equal_ip(&peer->source, &conn->remote);
}

struct peer *trust_certificate(struct core *c, struct connection *conn)
{
    if (fingerprint_tls_equal(&conn->certificate, &c->settings.tls)) {
        refuse(c, conn, "this relay is ourselves", NULL);
        return NULL;
    }
    struct peer *peer = peer_find(c, &conn->certificate);
    if (peer == NULL) {
        refuse_stranger(c, conn, "unknown relay", &conn->certificate, false);
        return NULL;
    }
    if (comes_from_elsewhere(peer, conn)) {
        refuse_named(c, conn, "not the address that the config gives this relay", peer,
                     &(struct advice_change){.address = true});
        return NULL;
    }
    return peer;
}

/* True for an address that the config gives this legacy relay, itself or by its host's name. */
static bool is_legacy_source(const struct peer *peer, const struct address *remote)
{
    if (!address_is_none(&peer->source))
        return address_equal_ip(&peer->source, remote);
    for (size_t i = 0; i < peer->address_count; i++) {
        if (address_equal_ip(&peer->addresses[i], remote))
            return true;
    }
    return false;
}

/* The relay is to be taken for an original, at the address that it has. */
static void refuse_original(struct core *c, struct connection *conn, const char *why,
                            const struct peer *peer)
{
    refuse_named(c, conn, why, peer,
                 &(struct advice_change){.legacy = !peer->legacy,
                                         .address = !is_legacy_source(peer, &conn->remote)});
}

/* No config can mend that: one of the two is not that relay. */
static void refuse_liar(struct core *c, struct connection *conn, const struct peer *peer,
                        const struct fingerprint_tls *claimed)
{
    char text[FINGERPRINT_TLS_TEXT], lines[ADVICE_SIZE];
    fingerprint_tls_text(claimed, text);
    snprintf(lines, sizeof(lines),
             "nothing: its certificate is that of %s, and it says that it is %s", peer->label,
             text);
    refuse(c, conn, "the hello names another relay than the certificate", lines);
}

static bool is_proven(struct core *c, struct connection *conn, const struct peer *peer,
                      const struct fingerprint_tls *claimed,
                      const struct signal_federation_hello *hello)
{
    if (!fingerprint_tls_equal(claimed, &peer->fingerprint)) {
        refuse_liar(c, conn, peer, claimed);
        return false;
    }
    if (hello->chappe == NULL && !peer->legacy) {
        refuse_original(c, conn, "the hello is an original's, and legacy is false", peer);
        return false;
    }
    return true;
}

static struct peer *trust_legacy(struct core *c, struct connection *conn,
                                 const struct fingerprint_tls *claimed)
{
    if (fingerprint_tls_equal(claimed, &c->settings.tls)) {
        refuse(c, conn, "this relay claims to be ourselves", NULL);
        return NULL;
    }
    struct peer *peer = peer_find(c, claimed);
    if (peer == NULL)
        refuse_stranger(c, conn, "unknown relay without a certificate", claimed, true);
    else if (!peer->legacy)
        refuse_original(c, conn, "no certificate, and legacy is false", peer);
    else if (!is_legacy_source(peer, &conn->remote))
        refuse_original(c, conn, "no certificate, and not the configured address", peer);
    else
        return peer;
    return NULL;
}

struct peer *trust_hello(struct core *c, struct connection *conn, struct peer *proven,
                         const struct signal_federation_hello *hello)
{
    struct fingerprint_tls claimed;
    if (fingerprint_tls_parse(signal_text_bytes(hello->tls_fingerprint), &claimed) < 0) {
        refuse(c, conn, "the hello names no fingerprint", NULL);
        return NULL;
    }
    if (conn->has_certificate && proven != NULL)
        return is_proven(c, conn, proven, &claimed, hello) ? proven : NULL;
    return trust_legacy(c, conn, &claimed);
}

/* ---- warnings ---- */

void trust_warn(struct core *c)
{
    for (const struct peer *peer = c->peers; peer != NULL; peer = peer->hh.next) {
        if (!peer->legacy)
            continue;
        report(c, LOG_WARN, "peer_unproven", LOG_STR("peer", peer->label),
               LOG_STR("why", "legacy: who dials us from its address and says its fingerprint is "
                              "taken for it, and whoever it says is in a room"));
        if (!peer->delegate)
            report(c, LOG_WARN, "peer_delegates", LOG_STR("peer", peer->label),
                   LOG_STR("why", "delegate: false holds for its lists and calls, not for its "
                                  "media: an original's datagrams do not say from where they are"));
    }
}
