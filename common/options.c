#include "common/options.h"

#include <assert.h>
#include <getopt.h>
#include <stdarg.h>
#include <string.h>

/* What getopt_long returns for entry i: beyond all letters. */
#define FIRST_CODE 256
#define CODE_HELP (FIRST_CODE + OPTIONS_MAX)
#define CODE_VERSION (FIRST_CODE + OPTIONS_MAX + 1)
#define HELP_COLUMN 26

static void print_synopsis(const struct options *options, FILE *out)
{
    fprintf(out, "Usage: %s", options->program);
    for (size_t i = 0; i < options->count; i++) {
        const struct options_entry *e = &options->entries[i];
        if (e->required && e->letter != 0)
            fprintf(out, " -%c %s", e->letter, e->argument);
        else if (e->required)
            fprintf(out, " --%s %s", e->name, e->argument);
    }
    fprintf(out, " [OPTION...]%s%s\n", options->operands[0] == '\0' ? "" : " ", options->operands);
}

static void print_entry(const struct options_entry *e, FILE *out)
{
    char text[80];
    snprintf(text, sizeof(text), "%s--%s%s%s", e->letter == 0 ? "    " : "-c, ", e->name,
             e->argument == NULL ? "" : " ", e->argument == NULL ? "" : e->argument);
    if (e->letter != 0)
        text[1] = e->letter;
    fprintf(out, "  %-*s %s\n", HELP_COLUMN, text, e->help);
}

static void print_help(const struct options *options, FILE *out)
{
    print_synopsis(options, out);
    fprintf(out, "%s: %s.\n\n", options->program, options->about);
    for (size_t i = 0; i < options->count; i++)
        print_entry(&options->entries[i], out);
    print_entry(&(struct options_entry){.letter = 'h', .name = "help", .help = "print this"}, out);
    print_entry(&(struct options_entry){.name = "version", .help = "print the version"}, out);
}

int options_wrong(const struct options *options, FILE *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(err, "%s: ", options->program);
    vfprintf(err, format, args);
    fprintf(err, "\nTry '%s --help'.\n", options->program);
    va_end(args);
    return EXIT_USAGE;
}

struct getopt_tables {
    char letters[2 * OPTIONS_MAX + 3];
    struct option names[OPTIONS_MAX + 3];
};

static void tables_init(struct getopt_tables *t, const struct options *options)
{
    size_t at = 0;
    t->letters[at++] = ':'; /* a missing value is reported as ':' */
    t->letters[at++] = 'h';
    for (size_t i = 0; i < options->count; i++) {
        const struct options_entry *e = &options->entries[i];
        int has = e->argument == NULL ? no_argument : required_argument;
        t->names[i] = (struct option){e->name, has, NULL, FIRST_CODE + (int)i};
        if (e->letter != 0)
            t->letters[at++] = e->letter;
        if (e->letter != 0 && e->argument != NULL)
            t->letters[at++] = ':';
    }
    t->letters[at] = '\0';
    t->names[options->count] = (struct option){"help", no_argument, NULL, CODE_HELP};
    t->names[options->count + 1] = (struct option){"version", no_argument, NULL, CODE_VERSION};
    t->names[options->count + 2] = (struct option){NULL, 0, NULL, 0};
}

/* The entry for what getopt_long returned, or NULL. */
static const struct options_entry *find_entry(const struct options *options, int code)
{
    for (size_t i = 0; i < options->count; i++) {
        int letter = options->entries[i].letter;
        if (code == FIRST_CODE + (int)i || (letter != 0 && code == letter))
            return &options->entries[i];
    }
    return NULL;
}

static void take_entry(const struct options_entry *e)
{
    if (e->argument != NULL)
        *e->value = optarg;
    else
        *e->flag = true;
}

/* What getopt_long did not like. */
static int wrong_option(const struct options *options, FILE *err, int code, char **argv)
{
    const struct options_entry *e = find_entry(options, optopt);
    if (code == ':' && e != NULL)
        return options_wrong(options, err, "--%s needs a value", e->name);
    if (e != NULL)
        return options_wrong(options, err, "--%s takes no value", e->name);
    if (optopt > 0 && optopt < FIRST_CODE)
        return options_wrong(options, err, "unknown option -%c", optopt);
    return options_wrong(options, err, "unknown option %s", argv[optind - 1]);
}

static int check_complete(const struct options *options, FILE *err, int operands)
{
    for (size_t i = 0; i < options->count; i++) {
        const struct options_entry *e = &options->entries[i];
        if (e->required && *e->value == NULL)
            return options_wrong(options, err, "--%s %s is missing", e->name, e->argument);
    }
    if (operands < options->operands_min)
        return options_wrong(options, err, "%s is missing", options->operands);
    if (options->operands_max >= 0 && operands > options->operands_max)
        return options_wrong(options, err, "too many arguments");
    return OPTIONS_RUN;
}

int options_parse(const struct options *options, int argc, char **argv, FILE *out, FILE *err,
                  int *first_operand)
{
    assert(options->count <= OPTIONS_MAX);
    struct getopt_tables tables;
    tables_init(&tables, options);
    opterr = 0;
    optind = 0; /* glibc: start from scratch */

    int code;
    while ((code = getopt_long(argc, argv, tables.letters, tables.names, NULL)) != -1) {
        if (code == 'h' || code == CODE_HELP) {
            print_help(options, out);
            return EXIT_DONE;
        }
        if (code == CODE_VERSION) {
            fprintf(out, "%s %s\n", options->program, CHAPPE_VERSION);
            return EXIT_DONE;
        }
        if (code == '?' || code == ':')
            return wrong_option(options, err, code, argv);
        take_entry(find_entry(options, code));
    }
    *first_operand = optind;
    return check_complete(options, err, argc - optind);
}
