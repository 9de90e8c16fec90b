/*
 * signal_parse and signal_write on any bytes: no crash, no leak, an error that names a place inside
 * the input; and what is accepted is JSON, is written in a form that reads back and is written the
 * same again, and travels unchanged in a forward.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/json_reader.h"
#include "common/signal.h"
#include "common/signal_arena.h"
#include "tests/fuzz/fuzz.h"

const char *const fuzz_tokens[] = {
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "\\u0000",
    "\\ud83d\\udcde",
    "\\ud83d",
    "null",
    "true",
    "-0",
    "1e400",
    "1e39",
    "18446744073709551615",
    "18446744073709551616",
    "0.1",
    "256",
    "-1",
    "1.0",
    "{\"x\":[",
    "\xff",
    "\xf0\x9f\x93\x9e",
    " ",
    "\t",
    "\"chappe\":{\"by\":\"relay\"},",
    "\"call_id\":",
    "{\"FederatedSignalForward\":{\"inner\":",
    ",\"origin_relay_fp\":\"a\"}}",
    "\"Hold\"",
    "\"Opus24k\"",
    "\"later_field\":{\"x\":[1]},",
    "[[[[[[[[[[[[[[[[",
    "]]]]]]]]]]]]]]]]",
    NULL,
};

static void add_line(struct fuzz_seeds *seeds, const char *line, size_t size)
{
    struct json_reader r;
    struct json_string key;
    json_reader_init(&r, (struct bytes){(const uint8_t *)line, size});
    if (json_reader_begin_object(&r) != 0)
        abort();
    while (json_reader_next_key(&r, &key) > 0) {
        struct json_string text;
        if (!json_string_equal(&key, "in")) {
            if (json_reader_skip(&r, NULL) != 0)
                abort();
            continue;
        }
        char *copy = json_reader_string(&r, &text) == 0 ? malloc(text.len + 1) : NULL;
        if (copy == NULL)
            abort();
        json_string_copy(&text, copy);
        fuzz_add_seed(seeds, copy, text.len);
        free(copy);
    }
}

static void add_ours(struct fuzz_seeds *seeds)
{
    static const char *const ours[] = {
        "{\"Hangup\":{\"reason\":\"Normal\",\"chappe\":{\"by\":\"relay\",\"not_here\":true}}}",
        "{\"FederationHello\":{\"tls_fingerprint\":\"aa\",\"chappe\":{\"v\":1,\"hops\":2,"
        "\"accepts_forwarded\":true,\"resync\":false}}}",
        "{\"GlobalRoomActive\":{\"room\":\"r\",\"chappe\":{\"version\":{\"start\":1,\"counter\":2},"
        "\"origin\":\"a\",\"publisher\":\"b\",\"path\":[\"b\"],\"want\":[{\"origin\":\"a\","
        "\"label\":"
        "\"0123456789abcdef\"}]}}}",
        "{\"FederatedSignalForward\":{\"inner\":\"Hold\",\"origin_relay_fp\":\"a\",\"chappe\":"
        "{\"origin\":\"a\",\"hops\":1,\"id\":\"i\"}}}",
    };
    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
        fuzz_add_seed(seeds, ours[i], strlen(ours[i]));
}

void fuzz_seeds(struct fuzz_seeds *seeds)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t size;
    FILE *file = fopen(TESTS_DIR "/vectors/signal.jsonl", "r");
    if (file == NULL) {
        perror(TESTS_DIR "/vectors/signal.jsonl");
        exit(1);
    }
    while ((size = getline(&line, &capacity, file)) > 0)
        add_line(seeds, line, (size_t)size);
    free(line);
    fclose(file);
    add_ours(seeds);
}

static void must(int truth, const char *what, struct bytes input)
{
    if (truth)
        return;
    fprintf(stderr, "fuzz: %s: %.*s\n", what, (int)input.len, (const char *)input.data);
    abort();
}

static void check_error(struct bytes input, const struct signal_error *e, int rc)
{
    char text[256];
    must(rc < 0 && e->code == rc, "an error without code", input);
    must(e->offset <= input.len, "an error outside of the input", input);
    must(rc != ERR_MEMORY, "no memory", input);
    must(memchr(e->path, '\0', sizeof(e->path)) != NULL, "a path without end", input);
    must((rc == ERR_UNKNOWN_VARIANT) || e->variant[0] == '\0', "a variant's name", input);
    signal_error_format(e, text, sizeof(text));
}

/* A number beyond f32 is infinite, is written as null, as by the original, and not read again. */
static int holds_infinity(struct bytes json)
{
    return memmem(json.data, json.len, "\"fec_ratio\":null", 16) != NULL;
}

static void check_written(struct bytes input, const struct signal *signal)
{
    struct buffer first = {0}, second = {0};
    struct signal again;
    int rc = signal_write(signal, &first);
    must(rc == 0 || rc == ERR_DEPTH, "not written", input);
    if (rc == 0 && !holds_infinity(buffer_view(&first))) {
        must(signal_parse(buffer_view(&first), &again, NULL) == 0, "not read again", input);
        must(signal_write(&again, &second) == 0, "not written again", input);
        must(bytes_equal(buffer_view(&first), buffer_view(&second)), "written otherwise", input);
        signal_free(&again);
    }
    buffer_free(&first);
    buffer_free(&second);
}

static void check_forwarded(struct bytes input, struct bytes value)
{
    struct buffer out = {0};
    struct signal signal;
    must(signal_write_forward(&out, "aa:bb", value, NULL) == 0, "not forwarded", input);
    int rc = signal_parse(buffer_view(&out), &signal, NULL);
    must(rc == 0 || rc == ERR_DEPTH, "forwarded, but not read", input);
    if (rc == 0)
        must(bytes_equal(signal.federated_signal_forward.inner_raw, value), "changed", input);
    signal_free(&signal);
    buffer_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = {data, size}, value;
    struct signal signal;
    struct signal_error error;
    struct json_reader r;
    json_reader_init(&r, input);
    bool json = json_reader_skip(&r, &value) == 0 && json_reader_finish(&r) == 0;
    int rc = signal_parse(input, &signal, &error);
    if (rc != 0) {
        check_error(input, &error, rc);
        return 0;
    }
    must(json, "a message that is not JSON", input);
    must(signal_arena_size(signal.arena) <= 4096 + 16 * size, "too much memory", input);
    check_written(input, &signal);
    check_forwarded(input, value);
    signal_free(&signal);
    return 0;
}
