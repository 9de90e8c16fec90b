/*
 * chappectl: the operator's tool. It asks the control plane over RUNTIME_DIR/ctl; `fingerprint`
 * works offline, from the identity file alone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/certificate.h"
#include "common/clock.h"
#include "common/config.h"
#include "common/error.h"
#include "common/fingerprint.h"
#include "common/identity.h"
#include "common/options.h"
#include "common/text.h"
#include "control/ctl/table.h"
#include "ipc/sockets.h"
#include "ipc/startup.h"

#define ASK_TIMEOUT_MS 5000
#define READY_TIMEOUT_S "10"
#define READY_TIMEOUT_MAX 86400
#define READY_PAUSE_MS 50
#define DEADLINE_MAX (365 * 86400)

struct invocation {
    const char *config_path;
    const char *timeout, *deadline; /* NULL: not given */
    const char *operand;            /* what follows the command, or NULL */
    bool json;
    struct config config;
};

/* What the control plane says besides the result: that what it shows may be old. */
static void print_warning(const cJSON *answer)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(answer, "warning"));
    if (text != NULL)
        fprintf(stderr, "chappectl: warning: %s\n", text);
}

/* There is no result: says why. An exit code. */
static int print_refusal(const struct invocation *in, const char *command, int rc,
                         const cJSON *answer)
{
    const char *said = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(answer, "error"));
    if (said != NULL && cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(answer, "usage"))) {
        fprintf(stderr, "chappectl: %s: %s\n", command, said);
        return EXIT_USAGE;
    }
    if (rc == 0 && said != NULL)
        fprintf(stderr, "chappectl: %s: %s\n", command, said);
    else
        fprintf(stderr, "chappectl: the control plane at %s: %s\n", in->config.relay.runtime_dir,
                rc != 0 ? error_text(rc) : "no answer that can be read");
    return EXIT_FAILED;
}

/* Asks one command. `arguments` is NULL or more members for the request, which are freed.
   `*answer` is owned by the caller; without memory NULL. 0 or an error. */
static int exchange(const struct invocation *in, const char *command, cJSON *arguments,
                    cJSON **answer)
{
    struct buffer text = {0};
    cJSON *request = arguments == NULL ? cJSON_CreateObject() : arguments;
    cJSON_AddStringToObject(request, "command", command);
    char *asked = cJSON_PrintUnformatted(request);
    int rc = asked == NULL ? ERR_MEMORY
                           : ipc_ctl_ask(in->config.relay.runtime_dir, bytes_of_string(asked),
                                         ASK_TIMEOUT_MS, &text);
    *answer = rc == 0 ? cJSON_ParseWithLength((char *)text.data, text.len) : NULL;
    cJSON_Delete(request);
    free(asked);
    buffer_free(&text);
    return rc;
}

/* `*result` is owned by the caller. An exit code, with a message if it failed. */
static int ask_with(const struct invocation *in, const char *command, cJSON *arguments,
                    cJSON **result)
{
    cJSON *answer;
    int rc = exchange(in, command, arguments, &answer);
    *result = cJSON_DetachItemFromObjectCaseSensitive(answer, "result");
    int code = *result == NULL ? print_refusal(in, command, rc, answer) : EXIT_DONE;
    if (*result != NULL)
        print_warning(answer);
    cJSON_Delete(answer);
    return code;
}

static int ask(const struct invocation *in, const char *command, cJSON **result)
{
    return ask_with(in, command, NULL, result);
}

static int print_result(const struct invocation *in, const cJSON *result)
{
    if (!in->json) {
        table_print(stdout, result, "nothing there");
        return EXIT_DONE;
    }
    char *text = cJSON_Print(result);
    if (text == NULL)
        return EXIT_FAILED;
    puts(text);
    free(text);
    return EXIT_DONE;
}

/* ---- commands that change something ---- */

static const char *text_of(const cJSON *change, const char *key)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(change, key));
    return text == NULL ? "(not set)" : text;
}

static void print_changes(const cJSON *result)
{
    const cJSON *changes = cJSON_GetObjectItemCaseSensitive(result, "changes"), *change;
    if (cJSON_GetArraySize(changes) == 0)
        puts("nothing changed");
    cJSON_ArrayForEach(change, changes)
    {
        bool waits = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(change, "needs_restart"));
        printf("%s: %s -> %s%s\n", text_of(change, "key"), text_of(change, "old"),
               text_of(change, "new"), waits ? "   (needs a restart of both planes)" : "");
    }
}

static int run_reload(const struct invocation *in, const char *command)
{
    cJSON *result;
    int code = ask(in, command, &result);
    if (code == EXIT_DONE && in->json)
        code = print_result(in, result);
    else if (code == EXIT_DONE)
        print_changes(result);
    cJSON_Delete(result);
    return code;
}

/* A number of seconds, or false with a message. */
static bool read_seconds(const char *option, const char *text, uint64_t max, uint64_t *seconds)
{
    if (text_parse_u64(bytes_of_string(text), 0, max, seconds) == 0)
        return true;
    fprintf(stderr, "chappectl: --%s: not a number of seconds up to %llu: \"%s\"\n", option,
            (unsigned long long)max, text);
    return false;
}

static int run_drain(const struct invocation *in, const char *command)
{
    cJSON *arguments = NULL;
    uint64_t seconds;
    if (in->deadline != NULL) {
        if (!read_seconds("deadline", in->deadline, DEADLINE_MAX, &seconds))
            return EXIT_USAGE;
        arguments = cJSON_CreateObject();
        cJSON_AddNumberToObject(arguments, "deadline_s", (double)seconds);
    }
    cJSON *result;
    int code = ask_with(in, command, arguments, &result);
    if (code == EXIT_DONE)
        code = print_result(in, result);
    cJSON_Delete(result);
    return code;
}

/* ---- views ---- */

static int run_view(const struct invocation *in, const char *command)
{
    cJSON *result;
    int code = ask(in, command, &result);
    if (code == EXIT_DONE)
        code = print_result(in, result);
    cJSON_Delete(result);
    return code;
}

/* All rooms, or one in full. */
static int run_rooms(const struct invocation *in, const char *command)
{
    if (in->operand == NULL)
        return run_view(in, command);
    cJSON *result, *arguments = cJSON_CreateObject();
    cJSON_AddStringToObject(arguments, "name", in->operand);
    int code = ask_with(in, "room", arguments, &result);
    if (code == EXIT_DONE)
        code = print_result(in, result);
    cJSON_Delete(result);
    return code;
}

/* One look whether both planes are up and agree; `why` gets the reason if not. */
static bool look_ready(const struct invocation *in, char *why, size_t size, cJSON **result)
{
    struct buffer answer = {0};
    int rc = ipc_ctl_ask(in->config.relay.runtime_dir, BYTES_LITERAL("{\"command\":\"ready\"}"),
                         1000, &answer);
    cJSON *json = rc == 0 ? cJSON_ParseWithLength((char *)answer.data, answer.len) : NULL;
    cJSON *found = cJSON_DetachItemFromObjectCaseSensitive(json, "result");
    bool ready = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(found, "ready"));
    const char *said = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(found, "why"));
    snprintf(why, size, "%s",
             rc != 0        ? "the control plane does not answer"
             : said != NULL ? said
                            : "no answer");
    cJSON_Delete(json);
    buffer_free(&answer);
    cJSON_Delete(*result);
    *result = found;
    return ready;
}

static void pause_briefly(void)
{
    nanosleep(&(struct timespec){.tv_nsec = (long)(READY_PAUSE_MS * CLOCK_MS)}, NULL);
}

/* When --timeout is over, or false with a message. */
static bool read_timeout(const struct invocation *in, uint64_t *until)
{
    uint64_t seconds;
    const char *text = in->timeout == NULL ? READY_TIMEOUT_S : in->timeout;
    if (!read_seconds("timeout", text, READY_TIMEOUT_MAX, &seconds))
        return false;
    *until = clock_monotonic() + seconds * CLOCK_SECOND;
    return true;
}

static int run_ready(const struct invocation *in, const char *command)
{
    (void)command;
    uint64_t until;
    if (!read_timeout(in, &until))
        return EXIT_USAGE;
    char why[128];
    cJSON *result = NULL;
    bool ready = look_ready(in, why, sizeof why, &result);
    while (!ready && clock_monotonic() < until) {
        pause_briefly();
        ready = look_ready(in, why, sizeof why, &result);
    }
    if (!ready)
        fprintf(stderr, "chappectl: not ready: %s\n", why);
    else if (in->json)
        print_result(in, result);
    else
        puts("ready");
    cJSON_Delete(result);
    return ready ? EXIT_DONE : EXIT_FAILED;
}

/* ---- route ---- */

static bool is_route(const cJSON *route, const char *kind)
{
    const char *is = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(route, "route"));
    return is != NULL && strcmp(is, kind) == 0;
}

static int ask_route(const struct invocation *in, const char *command, cJSON **result)
{
    cJSON *arguments = cJSON_CreateObject();
    cJSON_AddStringToObject(arguments, "fingerprint", in->operand);
    return ask_with(in, command, arguments, result);
}

/* Other relays may have to be asked; then it is asked again until they have answered. */
static int run_route(const struct invocation *in, const char *command)
{
    uint64_t until;
    cJSON *result;
    if (in->operand == NULL) {
        fprintf(stderr, "chappectl: route: needs the fingerprint of a phone\n");
        return EXIT_USAGE;
    }
    if (!read_timeout(in, &until))
        return EXIT_USAGE;
    int code = ask_route(in, command, &result);
    while (code == EXIT_DONE && is_route(result, "asking") && clock_monotonic() < until) {
        cJSON_Delete(result);
        pause_briefly();
        code = ask_route(in, command, &result);
    }
    if (code == EXIT_DONE)
        code = print_result(in, result);
    if (code == EXIT_DONE && (is_route(result, "not_found") || is_route(result, "asking")))
        code = EXIT_FAILED;
    cJSON_Delete(result);
    return code;
}

/* Both fingerprints from the seed. 0 or an error code. */
static int make_fingerprints(const struct identity_seed *seed, char tls_text[FINGERPRINT_TLS_TEXT],
                             char user_text[FINGERPRINT_USER_TEXT])
{
    struct fingerprint_tls tls;
    struct fingerprint_user user;
    struct keys_ed25519 identity;
    int rc = certificate_fingerprint(seed, &tls);
    if (rc == 0)
        rc = keys_identity(seed, &identity);
    if (rc == 0)
        rc = fingerprint_user_of_key(identity.public_key, &user);
    keys_ed25519_wipe(&identity);
    if (rc != 0)
        return rc;
    fingerprint_tls_text(&tls, tls_text);
    fingerprint_user_text(&user, user_text);
    return 0;
}

static int run_fingerprint(const struct invocation *in, const char *command)
{
    (void)command;
    struct identity_seed seed;
    char why[IDENTITY_WHY_SIZE];
    if (identity_load(in->config.relay.identity, &seed, NULL, why, sizeof why) != 0) {
        fprintf(stderr, "chappectl: %s\n", why);
        return EXIT_FAILED;
    }
    char tls[FINGERPRINT_TLS_TEXT], user[FINGERPRINT_USER_TEXT];
    int rc = make_fingerprints(&seed, tls, user);
    identity_wipe(&seed);
    if (rc != 0) {
        fprintf(stderr, "chappectl: %s\n", error_text(rc));
        return EXIT_FAILED;
    }
    printf(in->json ? "{\"tls\":\"%s\",\"user\":\"%s\"}\n" : "TLS   %s\nuser  %s\n", tls, user);
    return EXIT_DONE;
}

enum { TAKES_OPERAND = 1, TAKES_TIMEOUT = 2, TAKES_DEADLINE = 4 };

static const struct command {
    const char *name;
    int (*run)(const struct invocation *in, const char *command);
    unsigned takes;
} commands[] = {
    {"status", run_view, 0},
    {"ready", run_ready, TAKES_TIMEOUT},
    {"peers", run_view, 0},
    {"sessions", run_view, 0},
    {"rooms", run_rooms, TAKES_OPERAND},
    {"calls", run_view, 0},
    {"presence", run_view, 0},
    {"route", run_route, TAKES_OPERAND | TAKES_TIMEOUT},
    {"probes", run_view, 0},
    {"fingerprint", run_fingerprint, 0},
    {"reload", run_reload, 0},
    {"drain", run_drain, TAKES_DEADLINE},
    {"undrain", run_view, 0},
};

/* What the command would not look at; NULL: nothing of that is given. */
static const char *superfluous(const struct command *command, const struct invocation *in)
{
    if (in->operand != NULL && !(command->takes & TAKES_OPERAND))
        return "argument";
    if (in->timeout != NULL && !(command->takes & TAKES_TIMEOUT))
        return "--timeout";
    if (in->deadline != NULL && !(command->takes & TAKES_DEADLINE))
        return "--deadline";
    return NULL;
}

static int run_command(const struct options *options, struct invocation *in, const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(commands[i].name, name) != 0)
            continue;
        const char *not_taken = superfluous(&commands[i], in);
        if (not_taken != NULL)
            return options_wrong(options, stderr, "%s takes no %s", name, not_taken);
        int code = startup_config(in->config_path, &in->config);
        if (code == EXIT_DONE)
            code = commands[i].run(in, name);
        config_free(&in->config);
        return code;
    }
    return options_wrong(options, stderr, "unknown command \"%s\"", name);
}

int main(int argc, char **argv)
{
    struct invocation in = {0};
    const struct options_entry entries[] = {
        OPTIONS_CONFIG(&in.config_path),
        {.name = "json", .help = "print JSON", .flag = &in.json},
        {.name = "timeout",
         .argument = "S",
         .help = "how long `ready` and `route` wait (default " READY_TIMEOUT_S ")",
         .value = &in.timeout},
        {.name = "deadline",
         .argument = "S",
         .help = "when `drain` ends whatever is left (default: never)",
         .value = &in.deadline},
    };
    const struct options options = {
        .program = "chappectl",
        .about = "look into a running relay: status, ready, peers, sessions, rooms [NAME], calls, "
                 "presence, probes, route FINGERPRINT (exit status 1: not found); "
                 "change it: reload, drain, undrain; fingerprint works offline",
        .operands = "COMMAND [FINGERPRINT | NAME]",
        .entries = entries,
        .count = sizeof entries / sizeof *entries,
        .operands_min = 1,
        .operands_max = 2,
    };
    int operand;
    int rc = options_parse(&options, argc, argv, stdout, stderr, &operand);
    if (rc != OPTIONS_RUN)
        return rc;
    in.operand = operand + 1 < argc ? argv[operand + 1] : NULL;
    return run_command(&options, &in, argv[operand]);
}
