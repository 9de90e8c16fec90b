/*
 * Who may be linked with us. A relay proves who it is by its TLS certificate; what it claims in its
 * hello must agree (defects 1, 2, 20, 23). Only where the config says `legacy: true` a relay
 * without a certificate is believed, if it comes from the configured address (defect 2: never the
 * address alone). Whoever is refused gets a log line with the config that would admit it.
 */
#ifndef CHAPPE_CONTROL_CORE_TRUST_H
#define CHAPPE_CONTROL_CORE_TRUST_H

#include "control/core/peers.h"

/* The peer that a connection's certificate belongs to; NULL: refused and closed. */
struct peer *trust_certificate(struct core *c, struct connection *conn);
/*
 * The same for a hello. `proven` is whom the certificate belongs to, NULL if there was none.
 */
struct peer *trust_hello(struct core *c, struct connection *conn, struct peer *proven,
                         const struct signal_federation_hello *hello);
/* Counts, logs and closes. */
void trust_refuse(struct core *c, struct connection *conn, const char *why);
/* At the start and after a reload: what the config admits without a proof, and cannot hold back. */
void trust_warn(struct core *c);

#endif
