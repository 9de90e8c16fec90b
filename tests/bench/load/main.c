/*
 * bench-load: the phones of tests/bench/forward and tests/bench/adopt. Prints one JSON object a
 * line: when all phones are ready, one for each measured interval, and one at the end.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/options.h"
#include "tests/bench/load/process_cpu.h"
#include "tests/bench/load/talk.h"
#include "tests/phone/stamp.h"

#define OPEN_SECONDS 120 /* for all handshakes */
#define WARM_UP CLOCK_SECOND
#define DRAIN (500 * CLOCK_MS)

struct request {
    struct address relay;
    uint64_t idle, rooms, members, talkers, pps, bytes, intervals, interval_ms, pid;
    bool hold;
};

/* A decimal number between the bounds. */
static bool number(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
    char *end;
    unsigned long long value = strtoull(text, &end, 10);
    if (end == text || *end != '\0' || value < min || value > max)
        return false;
    *out = value;
    return true;
}

static int name_members(struct swarm *s, const struct request *r)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < s->count; i++) {
        char sni[MEMBER_SNI_SIZE] = MEMBER_SIGNAL_SNI;
        if (r->idle == 0)
            snprintf(sni, sizeof sni, "bench-%zu", i / r->members);
        rc = member_init(&s->members[i], s, sni);
    }
    return rc;
}

static int open_all(struct swarm *s, const struct request *r)
{
    int rc = name_members(s, r);
    uint64_t begin = clock_monotonic();
    if (rc == 0)
        rc = swarm_open(s, begin + OPEN_SECONDS * CLOCK_SECOND);
    if (rc != 0) {
        fprintf(stderr, "bench: %zu of %zu phones are ready: %s\n", s->ready, s->count,
                error_text(rc));
        return rc;
    }
    printf("{\"event\": \"ready\", \"phones\": %zu, \"seconds\": %.3f}\n", s->count,
           (double)(clock_monotonic() - begin) / 1e9);
    return fflush(stdout) == 0 ? 0 : ERR_SYSTEM;
}

/* Holds still until standard input ends. */
static int stay(struct swarm *s)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    while (poll(&input, 1, 0) == 0) {
        int rc = swarm_step(s, clock_monotonic() + 50 * CLOCK_MS);
        if (rc != 0 || s->lost > 0)
            return rc != 0 ? rc : ERR_CLOSED;
    }
    return 0;
}

/* The relay's and our own CPU time. */
static int cpu_both(const struct request *r, uint64_t out[2])
{
    int rc = process_cpu((int)r->pid, &out[0]);
    return rc != 0 ? rc : process_cpu((int)getpid(), &out[1]);
}

static int measure_interval(struct talk *t, const struct request *r)
{
    uint64_t cpu[2], cpu_end[2], sent = t->sent, begin = clock_monotonic();
    swarm_clear(t->swarm);
    int rc = cpu_both(r, cpu);
    if (rc == 0)
        rc = talk_run(t, begin + r->interval_ms * CLOCK_MS);
    if (rc == 0)
        rc = cpu_both(r, cpu_end);
    if (rc != 0)
        return rc;
    const struct histogram *latency = &t->swarm->latency;
    printf("{\"event\": \"interval\", \"seconds\": %.3f, \"relay_cpu\": %.2f, \"load_cpu\": %.2f, "
           "\"sent\": %llu, \"received\": %llu, \"p50_us\": %.1f, \"p99_us\": %.1f}\n",
           (double)(clock_monotonic() - begin) / 1e9, (double)(cpu_end[0] - cpu[0]) / 1e9,
           (double)(cpu_end[1] - cpu[1]) / 1e9, (unsigned long long)(t->sent - sent),
           (unsigned long long)t->swarm->received, (double)histogram_quantile(latency, 0.5) / 1e3,
           (double)histogram_quantile(latency, 0.99) / 1e3);
    return fflush(stdout) == 0 ? 0 : ERR_SYSTEM;
}

/* What is still under way when the last packet was sent. */
static int drain(struct swarm *s)
{
    uint64_t until = clock_monotonic() + DRAIN;
    int rc = 0;
    while (rc == 0 && clock_monotonic() < until)
        rc = swarm_step(s, until);
    return rc;
}

static int measure(struct swarm *s, const struct request *r)
{
    uint64_t total = 0;
    struct talk t = {.swarm = s,
                     .rooms = r->rooms,
                     .members = r->members,
                     .talkers = r->talkers,
                     .bytes = r->bytes,
                     .period = r->pps == 0 ? 0 : CLOCK_SECOND / r->pps,
                     .start = clock_monotonic()};
    swarm_clear(s);
    int rc = talk_run(&t, t.start + WARM_UP);
    for (uint64_t i = 0; rc == 0 && i < r->intervals; i++) {
        total += s->received;
        rc = measure_interval(&t, r);
    }
    if (rc == 0)
        rc = drain(s);
    total += s->received;
    if (rc == 0)
        printf("{\"event\": \"end\", \"sent\": %llu, \"expected\": %llu, \"received\": %llu}\n",
               (unsigned long long)t.sent, (unsigned long long)(t.sent * (r->members - 1)),
               (unsigned long long)total);
    return rc;
}

static int run(const struct request *r)
{
    struct swarm *s = calloc(1, sizeof *s);
    if (s == NULL)
        return ERR_MEMORY;
    int rc = swarm_init(s, &r->relay, r->idle > 0 ? r->idle : r->rooms * r->members);
    if (rc == 0)
        rc = open_all(s, r);
    if (rc == 0)
        rc = r->idle > 0 || r->hold ? stay(s) : measure(s, r);
    if (rc != 0)
        fprintf(stderr, "bench: %s\n", error_text(rc));
    swarm_free(s);
    free(s);
    return rc == 0 ? EXIT_DONE : EXIT_FAILED;
}

int main(int argc, char **argv)
{
    const char *relay = NULL, *idle = "0", *rooms = "200", *members = "8", *talkers = "1";
    const char *pps = "50";
    const char *bytes = "120", *intervals = "5", *interval_ms = "2000", *pid = "0";
    struct request r = {.hold = false};
    const struct options_entry entries[] = {
        {.name = "relay",
         .argument = "HOST:PORT",
         .help = "where it listens",
         .value = &relay,
         .required = true},
        {.name = "idle",
         .argument = "N",
         .help = "only register N phones and wait until standard "
                 "input ends",
         .value = &idle},
        {.name = "hold",
         .help = "the same in the rooms: join, say nothing, wait until standard input ends",
         .flag = &r.hold},
        {.name = "rooms", .argument = "N", .help = "how many", .value = &rooms},
        {.name = "members", .argument = "N", .help = "of each room", .value = &members},
        {.name = "talkers", .argument = "N", .help = "of them", .value = &talkers},
        {.name = "pps",
         .argument = "N",
         .help = "packets/s of each talker; 0: as fast as it goes",
         .value = &pps},
        {.name = "bytes", .argument = "N", .help = "of each packet", .value = &bytes},
        {.name = "intervals", .argument = "N", .help = "how often to measure", .value = &intervals},
        {.name = "interval-ms", .argument = "N", .help = "how long each", .value = &interval_ms},
        {.name = "pid", .argument = "PID", .help = "of the data plane", .value = &pid},
    };
    const struct options options = {.program = "bench-load",
                                    .about = "the phones of tests/bench",
                                    .operands = "",
                                    .entries = entries,
                                    .count = sizeof entries / sizeof *entries};
    int first;
    int rc = options_parse(&options, argc, argv, stdout, stderr, &first);
    if (rc != OPTIONS_RUN)
        return rc;
    if (address_parse(bytes_of_string(relay), &r.relay) != 0)
        return options_wrong(&options, stderr, "--relay is no address: %s", relay);
    if (!number(idle, 0, 100000, &r.idle) || !number(rooms, 1, 10000, &r.rooms) ||
        !number(members, 2, 100, &r.members) || !number(talkers, 1, r.members, &r.talkers) ||
        !number(pps, 0, 100000, &r.pps) ||
        !number(bytes, STAMP_PACKET_MIN, SWARM_PACKET_MAX, &r.bytes) ||
        !number(intervals, 1, 1000, &r.intervals) ||
        !number(interval_ms, 100, 60000, &r.interval_ms) || !number(pid, 0, 1u << 30, &r.pid))
        return options_wrong(&options, stderr, "a number is out of range");
    if (r.pps == 0 && r.rooms * r.talkers != 1)
        return options_wrong(&options, stderr, "flat out means one talker in one room");
    return run(&r);
}
