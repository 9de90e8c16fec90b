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

struct invocation {
    const char *config_path, *timeout, *deadline;
    const char *operand; /* what follows the command, or NULL */
    bool json;
    struct config config;
};

/* Asks one command. `arguments` is empty or JSON members after a comma. `*result` is owned by the
   caller. An exit code, with a message if it failed. */
static int ask_with(const struct invocation *in, const char *command, const char *arguments,
                    cJSON **result)
{
    struct buffer request = {0}, answer = {0};
    buffer_printf(&request, "{\"command\":\"%s\"%s}", command, arguments);
    int rc =
        ipc_ctl_ask(in->config.relay.runtime_dir, buffer_view(&request), ASK_TIMEOUT_MS, &answer);
    cJSON *json = rc == 0 ? cJSON_ParseWithLength((char *)answer.data, answer.len) : NULL;
    *result = cJSON_DetachItemFromObjectCaseSensitive(json, "result");
    if (*result == NULL) {
        const char *said = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "error"));
        fprintf(stderr, "chappectl: the control plane at %s: %s\n", in->config.relay.runtime_dir,
                rc != 0        ? error_text(rc)
                : said != NULL ? said
                               : "no answer that can be read");
    }
    cJSON_Delete(json);
    buffer_free(&request);
    buffer_free(&answer);
    return *result == NULL ? EXIT_FAILED : EXIT_DONE;
}

static int ask(const struct invocation *in, const char *command, cJSON **result)
{
    return ask_with(in, command, "", result);
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

static int run_drain(const struct invocation *in, const char *command)
{
    char arguments[64] = "";
    uint64_t seconds;
    if (in->deadline != NULL) {
        if (text_parse_u64(bytes_of_string(in->deadline), 0, UINT32_MAX, &seconds) != 0) {
            fprintf(stderr, "chappectl: --deadline: not a number of seconds: \"%s\"\n",
                    in->deadline);
            return EXIT_USAGE;
        }
        snprintf(arguments, sizeof arguments, ",\"deadline_s\":%u", (unsigned)seconds);
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
    char *end;
    unsigned long seconds = strtoul(in->timeout, &end, 10);
    if (*in->timeout == '\0' || *end != '\0' || seconds > READY_TIMEOUT_MAX) {
        fprintf(stderr, "chappectl: --timeout: not a number of seconds: \"%s\"\n", in->timeout);
        return false;
    }
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

static bool is_asking(const cJSON *route)
{
    const char *kind = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(route, "route"));
    return kind != NULL && strcmp(kind, "asking") == 0;
}

/* Other relays may have to be asked; then it is asked again until they have answered. */
static int run_route(const struct invocation *in, const char *command)
{
    char arguments[256];
    uint64_t until;
    if (in->operand == NULL || strlen(in->operand) > 100 || strpbrk(in->operand, "\"\\") != NULL) {
        fprintf(stderr, "chappectl: route: needs the fingerprint of a phone\n");
        return EXIT_USAGE;
    }
    if (!read_timeout(in, &until))
        return EXIT_USAGE;
    snprintf(arguments, sizeof arguments, ",\"fingerprint\":\"%s\"", in->operand);
    cJSON *result;
    int code = ask_with(in, command, arguments, &result);
    while (code == EXIT_DONE && is_asking(result) && clock_monotonic() < until) {
        cJSON_Delete(result);
        pause_briefly();
        code = ask_with(in, command, arguments, &result);
    }
    if (code == EXIT_DONE)
        code = print_result(in, result);
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

static const struct command {
    const char *name;
    int (*run)(const struct invocation *in, const char *command);
} commands[] = {
    {"status", run_view},   {"ready", run_ready},
    {"peers", run_view},    {"sessions", run_view},
    {"rooms", run_view},    {"calls", run_view},
    {"presence", run_view}, {"route", run_route},
    {"probes", run_view},   {"fingerprint", run_fingerprint},
    {"reload", run_reload}, {"drain", run_drain},
    {"undrain", run_view},
};

static int run_command(const struct options *options, struct invocation *in, const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(commands[i].name, name) != 0)
            continue;
        if (in->operand != NULL && commands[i].run != run_route)
            return options_wrong(options, stderr, "%s takes no argument", name);
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
    struct invocation in = {.timeout = READY_TIMEOUT_S};
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
        .about = "look into a running relay: status, ready, peers, sessions, rooms, calls, "
                 "presence, route FINGERPRINT, probes; "
                 "change it: reload, drain, undrain; fingerprint works offline",
        .operands = "COMMAND [FINGERPRINT]",
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
