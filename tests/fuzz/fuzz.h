/*
 * Fuzzing without a fuzzer: a target is one function as libFuzzer wants it, and fuzz.c is a main()
 * that feeds it mutated seeds, always the same ones for the same arguments, so that it can run as a
 * test. `fuzz-X [COUNT [SEED]]`. Where clang is at hand, X_fuzz.c alone links with
 * -fsanitize=fuzzer.
 */
#ifndef CHAPPE_TESTS_FUZZ_FUZZ_H
#define CHAPPE_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* The target. Aborts where something is wrong; crashes and leaks are the sanitizers' to find. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Also of the target: valid inputs to start from, each copied by fuzz_add_seed. */
struct fuzz_seeds;
void fuzz_seeds(struct fuzz_seeds *seeds);
void fuzz_add_seed(struct fuzz_seeds *seeds, const void *data, size_t size);

/* Byte sequences that mean something in the format; ends with NULL. */
extern const char *const fuzz_tokens[];

#endif
