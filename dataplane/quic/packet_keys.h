/*
 * Packet protection (RFC 9001, 5): derives the keys of a connection from TLS's secrets, installs
 * them in ngtcp2 and does the cryptography of each packet. It calls wolfCrypt directly: ngtcp2's
 * own helper goes through wolfSSL's EVP layer, which costs about 150 ns more per operation.
 */
#ifndef CHAPPE_QUIC_PACKET_KEYS_H
#define CHAPPE_QUIC_PACKET_KEYS_H

#include <ngtcp2/ngtcp2.h>
#include <stddef.h>
#include <stdint.h>

/* Sets all callbacks of ngtcp2 that concern packet protection. */
void packet_keys_set_callbacks(ngtcp2_callbacks *callbacks);

/*
 * The keys of the Initial packets follow from the client's first destination id. All functions
 * return 0 or -1; on -1 the connection cannot go on.
 */
int packet_keys_install_initial(ngtcp2_conn *qc, const ngtcp2_cid *client_dcid);

/* `cipher_suite` as TLS numbers it: 0x1301 to 0x1303. One call per direction and level. */
int packet_keys_install_rx(ngtcp2_conn *qc, ngtcp2_encryption_level level, int cipher_suite,
                           const uint8_t *secret, size_t secret_len);
int packet_keys_install_tx(ngtcp2_conn *qc, ngtcp2_encryption_level level, int cipher_suite,
                           const uint8_t *secret, size_t secret_len);

/*
 * How many packets this thread could not decrypt so far: forged, damaged, or of keys that are gone.
 * ngtcp2 drops them without a word and tells the callback no connection, so whoever hands it a
 * packet looks at this before and after.
 */
uint64_t packet_keys_failures(void);

#endif
