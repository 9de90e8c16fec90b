/*
 * The identity file: 64 hex digits that hold the 32-byte seed from which every key of a relay (or
 * of a phone) is derived. Format: protocol.md 4.1; making it: design.md, "Keys".
 */
#ifndef CHAPPE_COMMON_IDENTITY_H
#define CHAPPE_COMMON_IDENTITY_H

#include <stddef.h>
#include <stdint.h>

#define IDENTITY_SEED_SIZE 32

struct identity_seed {
    uint8_t bytes[IDENTITY_SEED_SIZE];
};

/* What identity_load has to say besides the seed, or'ed together. */
enum identity_note {
    IDENTITY_CREATED = 1 << 0,  /* this call made the file */
    IDENTITY_TOO_OPEN = 1 << 1, /* group or others may access the file: tell the operator */
};

/* Long enough for the longest path and the reason behind it. */
#define IDENTITY_WHY_SIZE 4352

/*
 * Reads the identity file, and makes it with random content and mode 0600 if it is absent (its
 * directory too, with mode 0700, but not that one's parent). Several processes may do so at the
 * same moment: all get the same seed. A file that is there is never written, whatever it holds.
 *
 * Accepted: 64 hex digits of either case with white space before and behind. Too open a mode is
 * only a note, because the original makes its files with the default umask.
 *
 * Returns 0, or an error with a sentence in `why` (cut to `why_len`; IDENTITY_WHY_SIZE is always
 * enough) that names the file and what is wrong with it, never its content: ERR_SYNTAX for a
 * corrupt file, ERR_SYSTEM if it cannot be read or made, ERR_RANDOM. `seed` is then all zeros.
 * `notes` may be NULL.
 */
int identity_load(const char *path, struct identity_seed *seed, unsigned *notes, char *why,
                  size_t why_len);

/* Erases the seed from memory. Whoever loaded it does so once the keys are derived. */
void identity_wipe(struct identity_seed *seed);

#endif
