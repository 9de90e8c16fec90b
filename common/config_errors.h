/*
 * What is wrong in a config file: a list of lines for the operator, each like
 *
 *   relay.yaml:12: relay.listen: not an address: "foo"
 */
#ifndef CHAPPE_COMMON_CONFIG_ERRORS_H
#define CHAPPE_COMMON_CONFIG_ERRORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "common/bytes.h"

#define CONFIG_ERRORS_MAX 20       /* lines kept; what comes after is only counted */
#define CONFIG_ERROR_TEXT_MAX 512  /* bytes of a line with its NUL */
#define CONFIG_ERROR_VALUE_MAX 264 /* bytes of a value as config_errors_quote shows it */

/* Zero-initialised is valid and empty. */
struct config_errors {
    char (*lines)[CONFIG_ERROR_TEXT_MAX]; /* allocated with the first error */
    size_t count;
    size_t more;        /* errors beyond CONFIG_ERRORS_MAX */
    bool out_of_memory; /* an error could not be kept */
};

void config_errors_free(struct config_errors *errors);
bool config_errors_any(const struct config_errors *errors);

/* Adds one. line 0 and key NULL leave that part out. */
__attribute__((format(printf, 5, 6))) void config_errors_add(struct config_errors *errors,
                                                             const char *file, size_t line,
                                                             const char *key, const char *format,
                                                             ...);

/* Prints each on a line of its own, and "and N more errors" if there were. */
void config_errors_print(const struct config_errors *errors, FILE *out);

/*
 * The value as a message shows it: in double quotes, everything that could fake a line escaped, cut
 * after some 60 bytes. Returns `out`.
 */
const char *config_errors_quote(struct bytes value, char out[CONFIG_ERROR_VALUE_MAX]);

#endif
