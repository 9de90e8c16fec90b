/*
 * What phones do with calls: offer, answer, hang up, report their media path (protocol.md 5.8).
 * `raw` is the message as it came, which is what the other party gets.
 *
 * Who may do what: offer in one's own name only (defect 7), with an id that no other call has
 * (defect 9) and that can be a room's name (defect 64); answer only a ringing call of which one is
 * the callee (defect 8); hang up only calls of one's own (defect 10). Refusals are logged, and told
 * by a Hangup where that cannot end something else: phones of the seed take any Hangup as meant for
 * the call that they are in.
 */
#ifndef CHAPPE_CONTROL_CORE_CALL_FLOW_H
#define CHAPPE_CONTROL_CORE_CALL_FLOW_H

#include "control/core/calls.h"

void call_flow_offer(struct core *c, struct phone *phone, const struct signal_direct_call_offer *m,
                     struct bytes raw);
void call_flow_answer(struct core *c, struct phone *phone,
                      const struct signal_direct_call_answer *m, struct bytes raw);
/*
 * With a call id: that call. Without one (phones of the seed): all active calls of the phone, or if
 * none is active all that ring, so that the end of an old call does not take a new one with it
 * (defect 59).
 */
void call_flow_hangup(struct core *c, struct phone *phone, const struct signal_hangup *m,
                      struct bytes raw);
void call_flow_report(struct core *c, struct phone *phone, const struct signal_media_path_report *m,
                      struct bytes raw);

/* ---- also for forward.c ---- */

/* CallRinging to the caller or toward him, once. */
void call_flow_ring(struct core *c, struct call *call);
/* The same, again. */
void call_flow_say_ringing(struct core *c, struct call *call);
/* Hands the offer to a phone here. */
void call_flow_ring_here(struct core *c, struct call *call, struct phone *callee);
/* CallSetup to a side that is here; the other's addresses may be absent. */
void call_flow_setup(struct core *c, const struct call_side *side,
                     struct signal_text direct_address, struct signal_texts local_addresses);
/* The addresses in an answer, none if the callee chose privacy. */
void call_flow_answer_addresses(const struct signal_direct_call_answer *m,
                                struct signal_text *direct_address,
                                struct signal_texts *local_addresses);
/* False if the key in an offer is not the one whose fingerprint the caller's name looks like. */
bool call_flow_key_fits(const struct signal_direct_call_offer *m, const char *caller);

#endif
