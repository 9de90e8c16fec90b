/*
 * The command line of our programs: a table of options drives the parser and --help. Every program
 * has --help (-h) and --version by itself.
 *
 *   const char *config = NULL;
 *   bool check = false;
 *   const struct options_entry entries[] = {
 *       OPTIONS_CONFIG(&config),
 *       {.name = "check", .help = "check the config and exit", .flag = &check},
 *   };
 *   const struct options options = {"chappe-control", "the control plane of a relay", "",
 *                                   entries, 2, 0, 0};
 *   int rc = options_parse(&options, argc, argv, stdout, stderr, &operand);
 *   if (rc != OPTIONS_RUN)
 *       return rc;
 */
#ifndef CHAPPE_COMMON_OPTIONS_H
#define CHAPPE_COMMON_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* What options_parse returns if the program has something to do; else it is an exit code. */
#define OPTIONS_RUN (-1)

/* The exit codes of all our programs. */
#define EXIT_DONE 0   /* what was asked for was done */
#define EXIT_FAILED 1 /* failed at run time */
#define EXIT_USAGE 2  /* wrong usage or config */

#define OPTIONS_MAX 32 /* entries of one program */

struct options_entry {
    char letter;          /* the short form, or 0 */
    const char *name;     /* the long form, without dashes */
    const char *argument; /* what --help calls the value, in capitals; NULL: a flag */
    const char *help;
    const char **value; /* where a value goes: points into argv; the last one given counts */
    bool *flag;         /* set to true when a flag is given */
    bool required;
};

#define OPTIONS_CONFIG(where)                                                                      \
    {                                                                                              \
        .letter = 'c', .name = "config", .argument = "FILE", .help = "the relay's config (YAML)",  \
        .value = (where), .required = true                                                         \
    }

struct options {
    const char *program;
    const char *about;    /* one line for --help */
    const char *operands; /* how --help shows what follows the options, such as "COMMAND [ARG]" */
    const struct options_entry *entries;
    size_t count;
    int operands_min;
    int operands_max; /* -1: any number */
};

/*
 * Parses argv, which getopt_long reorders: the operands end up at its end, from *first_operand on.
 * Returns OPTIONS_RUN; EXIT_DONE when --help or --version was printed to `out`; EXIT_USAGE after a
 * message on `err`. Not for use by several threads at once (getopt is not).
 */
int options_parse(const struct options *options, int argc, char **argv, FILE *out, FILE *err,
                  int *first_operand);

/* A message in the same form, for usage errors that only the program sees. Returns EXIT_USAGE. */
__attribute__((format(printf, 3, 4))) int options_wrong(const struct options *options, FILE *err,
                                                        const char *format, ...);

#endif
