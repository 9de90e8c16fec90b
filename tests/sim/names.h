/*
 * What everybody in a simulation is called. Relays and people have numbers from 0; all else
 * follows from these.
 */
#ifndef CHAPPE_TESTS_SIM_NAMES_H
#define CHAPPE_TESTS_SIM_NAMES_H

#include "common/address.h"
#include "common/fingerprint.h"

/* Looks random, so that the order of fingerprints is not that of numbers. */
struct fingerprint_tls name_relay(int relay);
struct address name_relay_address(int relay); /* 10.x.y.z:4433 */
struct address name_person_address(int person);
void name_person_key(int person, uint8_t key[32]);
void name_person(int person, char out[FINGERPRINT_USER_TEXT]);

#endif
