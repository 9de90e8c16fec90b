/*
 * The oracle answers what the core asks about signatures: it holds the relay's identity key, which
 * exists in the control plane only. Verification and signing are quick enough to be done at once.
 * Sources: protocol.md 4.2 and 4.4; design.md, "Calls" (what proven means).
 */
#ifndef CHAPPE_CONTROL_RIM_ORACLE_H
#define CHAPPE_CONTROL_RIM_ORACLE_H

#include "common/keys.h"
#include "control/core/core.h"

struct oracle {
    struct keys_ed25519 identity;
};

/*
 * CORE_ASK_JOIN: verifies the CallOffer's signature, makes an X25519 key from `random` and signs
 * the answer with it. Every failure is an answer that is not ok, with its reason.
 */
void oracle_join(const struct oracle *o, const struct core_question *question,
                 const uint8_t random[KEYS_SIZE], struct core_answer *answer);

/*
 * CORE_ASK_REGISTER: an empty signature is unproven; a correct one signed; with a correct
 * chappe_proof over the connection's exporter value, proven. A wrong one of either is not ok.
 */
void oracle_register(const struct core_question *question, struct core_answer *answer);

#endif
