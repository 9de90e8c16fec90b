/*
 * chappe-shim --real DIR --fake DIR [--seed N] [--claim N] [--trace]: see shim.h. Reads one command
 * a line from standard input and ends with it:
 *
 *   faults DROP DUPLICATE DELAY MS   per mille of the messages; delays of up to MS
 *   cut                              ends all connections until `join`
 *   join
 *   garbage N                        sends N messages of nonsense
 *   counters                         prints them as one JSON object
 *   count                            inputs and commands are counted from here on
 *   counted                          prints how many there were as one JSON object
 *   hold inputs|commands N           holds up the Nth counted and all behind it, and prints
 *                                    `held ITEM ITEM...` when it has come
 *   release                          gives on what is held up, holds no more
 *   drop                             the same, but what is held up is lost
 *
 * Each command that prints nothing else is answered with `ok` or `error`, so that the caller knows
 * that it took effect.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/options.h"
#include "common/text.h"
#include "tests/shim/shim.h"

#define LINE_BYTES 128

static bool set_faults(struct shim *s, const char *line)
{
    struct shim_faults faults;
    if (sscanf(line, "faults %u %u %u %u", &faults.drop, &faults.duplicate, &faults.delay,
               &faults.delay_ms) != 4)
        return false;
    shim_set_faults(s, &faults);
    return true;
}

static bool send_garbage(struct shim *s, const char *line)
{
    unsigned count;
    if (sscanf(line, "garbage %u", &count) != 1)
        return false;
    shim_garbage(s, count);
    return true;
}

static void print_counters(const struct shim_counters *c)
{
    const char *comma = "{";
#define X(name, text)                                                                              \
    printf("%s\"" #name "\": %llu", comma, (unsigned long long)c->name);                           \
    comma = ", ";
    SHIM_COUNTERS(X)
#undef X
    printf("}\n");
}

static void print_counted(const struct shim *s)
{
    printf("{\"inputs\": %llu, \"commands\": %llu}\n",
           (unsigned long long)shim_counted(s, SHIM_INPUTS),
           (unsigned long long)shim_counted(s, SHIM_COMMANDS));
}

static bool hold(struct shim *s, const char *line)
{
    char name[16];
    unsigned long long nth;
    if (sscanf(line, "hold %15s %llu", name, &nth) != 2)
        return false;
    for (enum shim_stream i = 0; i < SHIM_STREAMS; i++) {
        if (strcmp(name, shim_stream_name(i)) == 0) {
            shim_hold(s, i, nth);
            return true;
        }
    }
    return false;
}

/* False: it is none of these. */
static bool gate_command(struct shim *s, const char *line)
{
    if (strcmp(line, "count") == 0)
        shim_count_anew(s);
    else if (strcmp(line, "release") == 0)
        shim_release(s, true);
    else if (strcmp(line, "drop") == 0)
        shim_release(s, false);
    else
        return hold(s, line);
    return true;
}

static bool change(struct shim *s, const char *line)
{
    if (strcmp(line, "cut") == 0)
        return shim_cut(s, true) == 0;
    if (strcmp(line, "join") == 0)
        return shim_cut(s, false) == 0;
    return set_faults(s, line) || send_garbage(s, line) || gate_command(s, line);
}

static void obey(struct shim *s, const char *line)
{
    if (strcmp(line, "counters") == 0)
        print_counters(shim_counters(s));
    else if (strcmp(line, "counted") == 0)
        print_counted(s);
    else
        printf("%s\n", change(s, line) ? "ok" : "error");
    fflush(stdout);
}

/* Once each time that messages begin to wait. */
static void tell_held(const struct shim *s, bool *told)
{
    struct buffer what = {0};
    bool holds = shim_holds(s, &what);
    if (holds && !*told) {
        printf("held %.*s\n", (int)what.len, (const char *)what.data);
        fflush(stdout);
    }
    *told = holds;
    buffer_free(&what);
}

struct commands {
    char text[LINE_BYTES];
    size_t len;
};

/* False: the input has ended, or holds an endless line. */
static bool read_commands(struct shim *s, struct commands *c)
{
    ssize_t got = read(STDIN_FILENO, c->text + c->len, sizeof(c->text) - c->len);
    if (got <= 0)
        return got < 0 && errno == EINTR;
    c->len += (size_t)got;
    char *end;
    while ((end = memchr(c->text, '\n', c->len)) != NULL) {
        *end = '\0';
        obey(s, c->text);
        size_t used = (size_t)(end - c->text) + 1;
        c->len -= used;
        memmove(c->text, c->text + used, c->len);
    }
    return c->len < sizeof(c->text);
}

static int run(struct shim *s)
{
    struct commands commands = {.len = 0};
    struct pollfd fds[SHIM_POLL_MAX + 1];
    bool told = false;
    for (;;) {
        int timeout;
        size_t count = shim_poll(s, fds, clock_monotonic(), &timeout);
        fds[count] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
        if (poll(fds, (nfds_t)count + 1, timeout) < 0 && errno != EINTR)
            return EXIT_FAILED;
        shim_run(s, clock_monotonic());
        tell_held(s, &told);
        if (fds[count].revents != 0 && !read_commands(s, &commands))
            return EXIT_DONE;
    }
}

int main(int argc, char **argv)
{
    const char *real = NULL;
    const char *fake = NULL;
    const char *seed_text = "1";
    const char *claim_text = "0";
    bool trace = false;
    const struct options_entry entries[] = {
        {.name = "real",
         .argument = "DIR",
         .help = "the planes' runtime_dir",
         .value = &real,
         .required = true},
        {.name = "fake",
         .argument = "DIR",
         .help = "where to listen instead",
         .value = &fake,
         .required = true},
        {.name = "seed", .argument = "N", .help = "of the faults; default 1", .value = &seed_text},
        {.name = "claim",
         .argument = "N",
         .help = "make all messages claim this version of the contract",
         .value = &claim_text},
        {.name = "trace", .help = "print every message on standard error", .flag = &trace},
    };
    const struct options options = {"chappe-shim",
                                    "loses messages between two planes",
                                    "",
                                    entries,
                                    sizeof(entries) / sizeof(entries[0]),
                                    0,
                                    0};
    int operand;
    int rc = options_parse(&options, argc, argv, stdout, stderr, &operand);
    if (rc != OPTIONS_RUN)
        return rc;
    uint64_t seed;
    uint64_t claim;
    if (text_parse_u64(bytes_of_string(seed_text), 0, UINT64_MAX, &seed) != 0)
        return options_wrong(&options, stderr, "--seed takes a number, not %s", seed_text);
    if (text_parse_u64(bytes_of_string(claim_text), 0, UINT16_MAX, &claim) != 0)
        return options_wrong(&options, stderr, "--claim takes a number, not %s", claim_text);
    struct shim *s;
    rc = shim_init(&s, real, fake, seed, trace ? stderr : NULL);
    if (rc != 0) {
        fprintf(stderr, "chappe-shim: %s: %s\n", fake, error_text(rc));
        return EXIT_FAILED;
    }
    shim_set_version(s, (uint16_t)claim);
    rc = run(s);
    shim_free(s);
    return rc;
}
