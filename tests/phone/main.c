/* chappe-phone: options and the loop around one phone. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/options.h"
#include "common/random.h"
#include "tests/phone/phone.h"
#include "tests/phone/stamp.h"
#include "tests/phone/talker.h"

#define MS_MAX 1000 /* the longest sleep; timers are looked at again after it */

struct arguments {
    const char *relay, *identity, *alias, *token;
    const char *answer, *calls, *call, *room;
    const char *others, *pps, *bytes, *seconds, *play, *record;
    bool register_;
};

static int number(const struct options *o, const char *name, const char *text, uint32_t low,
                  uint32_t high, uint32_t *out)
{
    char *end;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (errno != 0 || *text < '0' || *text > '9' || *end != '\0' || value < low || value > high)
        return options_wrong(o, stderr, "--%s: not a number from %u to %u: \"%s\"", name, low, high,
                             text);
    *out = (uint32_t)value;
    return OPTIONS_RUN;
}

static int read_answer(const struct options *o, const char *text, enum phone_answer *out)
{
    static const char *const names[] = {
        [PHONE_ACCEPT] = "accept", [PHONE_PRIVACY] = "privacy", [PHONE_REJECT] = "reject"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = (enum phone_answer)i;
            return OPTIONS_RUN;
        }
    }
    return options_wrong(o, stderr, "--answer: accept, privacy or reject, not \"%s\"", text);
}

static int read_mode(const struct options *o, const struct arguments *a, struct phone_options *out)
{
    if ((a->register_ ? 1 : 0) + (a->call != NULL) + (a->room != NULL) != 1)
        return options_wrong(o, stderr, "one of --register, --call and --room is needed");
    out->mode = a->register_ ? PHONE_REGISTER : a->call != NULL ? PHONE_CALL : PHONE_ROOM;
    struct fingerprint_user ignored;
    if (a->call != NULL && fingerprint_user_parse(bytes_of_string(a->call), &ignored) != 0)
        return options_wrong(o, stderr, "--call: not a user fingerprint: \"%s\"", a->call);
    if (a->room != NULL && (*a->room == '\0' || strlen(a->room) > QUIC_SNI_MAX))
        return options_wrong(o, stderr, "--room: 1 to %d characters", QUIC_SNI_MAX);
    char host[ADDRESS_HOST];
    uint16_t port;
    if (address_split(bytes_of_string(a->relay), host, &port) != 0)
        return options_wrong(o, stderr, "--relay: not HOST:PORT: \"%s\"", a->relay);
    return OPTIONS_RUN;
}

static int read_options(const struct options *o, const struct arguments *a,
                        struct phone_options *out)
{
    *out = (struct phone_options){.relay = a->relay,
                                  .alias = a->alias,
                                  .token = a->token,
                                  .target = a->call,
                                  .room = a->room,
                                  .play = a->play,
                                  .record = a->record};
    int rc = read_mode(o, a, out);
    if (rc == OPTIONS_RUN)
        rc = read_answer(o, a->answer, &out->answer);
    if (rc == OPTIONS_RUN)
        rc = number(o, "calls", a->calls, 0, UINT32_MAX, &out->calls);
    if (rc == OPTIONS_RUN)
        rc = number(o, "others", a->others, 0, 4096, &out->others);
    if (rc == OPTIONS_RUN)
        rc = number(o, "pps", a->pps, 1, 100000, &out->pps);
    if (rc == OPTIONS_RUN)
        rc = number(o, "bytes", a->bytes, STAMP_PACKET_MIN, TALKER_PACKET_MAX, &out->bytes);
    if (rc == OPTIONS_RUN)
        rc = number(o, "seconds", a->seconds, 0, 3600, &out->seconds);
    return rc;
}

static void print_report(const struct buffer *report)
{
    fwrite(report->data, 1, report->len, stdout);
}

/* Says why there is no phone, and reports it. The exit code. */
static int refuse(const char *why)
{
    struct buffer report = {0};
    fprintf(stderr, "chappe-phone: cannot start: %s\n", why);
    phone_report_failure(why, &report);
    print_report(&report);
    buffer_free(&report);
    return EXIT_FAILED;
}

static int load_seed(const char *path, struct identity_seed *seed)
{
    char why[IDENTITY_WHY_SIZE] = "no random numbers to be had";
    int rc = path == NULL ? random_fill(seed->bytes, sizeof seed->bytes)
                          : identity_load(path, seed, NULL, why, sizeof why);
    return rc == 0 ? EXIT_DONE : refuse(why);
}

/* Of both families if the machine has IPv6, else of IPv4 alone. */
static int bind_endpoint(struct quic_endpoint **out, const struct quic_config *config)
{
    struct address local;
    int rc = address_parse_listen(BYTES_LITERAL("[::]:0"), &local);
    if (rc == 0)
        rc = quic_endpoint_init(out, config, &local, false, &phone_callbacks, NULL);
    if (rc != ERR_SYSTEM)
        return rc;
    rc = address_parse_listen(BYTES_LITERAL("0.0.0.0:0"), &local);
    return rc == 0 ? quic_endpoint_init(out, config, &local, false, &phone_callbacks, NULL) : rc;
}

static int open_endpoint(struct quic_endpoint **out)
{
    struct quic_config config;
    quic_config_init(&config);
    config.alpn = "wzp";
    config.exporter_label = "EXPORTER-chappe-register";
    int rc = random_fill(config.reset_secret, sizeof config.reset_secret);
    if (rc == 0)
        rc = random_fill(config.token_secret, sizeof config.token_secret);
    return rc == 0 ? bind_endpoint(out, &config) : rc;
}

static int catch_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGUSR1);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return -1;
    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

static int sleep_ms(const struct phone *p, const struct quic_endpoint *e, uint64_t now)
{
    uint64_t due = phone_deadline(p), other = quic_endpoint_deadline(e);
    if (other < due)
        due = other;
    if (due <= now)
        return 0;
    uint64_t ms = (due - now + CLOCK_MS - 1) / CLOCK_MS;
    return ms > MS_MAX ? MS_MAX : (int)ms;
}

static void loop(struct phone *p, struct quic_endpoint *e, int signals)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN};
    uint64_t now = clock_monotonic();
    epoll_ctl(epoll, EPOLL_CTL_ADD, quic_endpoint_fd(e), &event);
    epoll_ctl(epoll, EPOLL_CTL_ADD, signals, &event);
    phone_start(p, now);
    quic_endpoint_flush(e, now);
    while (!phone_done(p)) {
        struct signalfd_siginfo info;
        epoll_wait(epoll, &event, 1, sleep_ms(p, e, now));
        now = clock_monotonic();
        quic_endpoint_receive(e, now);
        if (quic_endpoint_deadline(e) <= now)
            quic_endpoint_expire(e, now);
        if (phone_deadline(p) <= now)
            phone_expire(p, now);
        if (read(signals, &info, sizeof info) == sizeof info) {
            if (info.ssi_signo == SIGUSR1)
                phone_conclude(p);
            else
                phone_stop(p, now);
        }
        quic_endpoint_flush(e, now);
    }
    close(epoll);
}

static int run(const struct phone_options *options, const struct identity_seed *seed)
{
    struct quic_endpoint *endpoint = NULL;
    struct phone *phone = NULL;
    int signals = catch_signals();
    int rc = signals < 0 ? ERR_SYSTEM : open_endpoint(&endpoint);
    if (rc == 0)
        rc = phone_init(&phone, endpoint, options, seed);
    if (rc != 0) {
        if (endpoint != NULL)
            quic_endpoint_free(endpoint);
        return refuse(error_text(rc));
    }
    loop(phone, endpoint, signals);
    struct buffer report = {0};
    phone_report(phone, &report);
    print_report(&report);
    int code = phone_succeeded(phone) ? EXIT_DONE : EXIT_FAILED;
    buffer_free(&report);
    quic_endpoint_free(endpoint);
    phone_free(phone);
    close(signals);
    return code;
}

int main(int argc, char **argv)
{
    struct arguments a = {.answer = "accept",
                          .calls = "1",
                          .others = "0",
                          .pps = "50",
                          .bytes = "120",
                          .seconds = "5"};
    const struct options_entry entries[] = {
        {0, "relay", "HOST:PORT", "the relay", &a.relay, NULL, true},
        {0, "identity", "FILE", "made if absent; default: a random one", &a.identity, NULL, false},
        {0, "alias", "NAME", "shown to others", &a.alias, NULL, false},
        {0, "token", "T", "for relays that ask for one", &a.token, NULL, false},
        {0, "register", NULL, "wait for calls", NULL, &a.register_, false},
        {0, "answer", "HOW", "accept (default), privacy or reject", &a.answer, NULL, false},
        {0, "calls", "N", "end after N calls (default 1; 0: never)", &a.calls, NULL, false},
        {0, "call", "FINGERPRINT", "call somebody", &a.call, NULL, false},
        {0, "room", "NAME", "join a room", &a.room, NULL, false},
        {0, "others", "N", "talk in the room only when N others are there", &a.others, NULL, false},
        {0, "pps", "N", "packets a second (default 50)", &a.pps, NULL, false},
        {0, "bytes", "N", "of a media packet (default 120)", &a.bytes, NULL, false},
        {0, "seconds", "N", "of talking (default 5)", &a.seconds, NULL, false},
        {0, "play", "FILE.wav", "say this instead (16-bit mono)", &a.play, NULL, false},
        {0, "record", "FILE.wav", "write what is heard", &a.record, NULL, false},
    };
    const struct options options = {.program = "chappe-phone",
                                    .about = "a phone without audio hardware",
                                    .operands = "",
                                    .entries = entries,
                                    .count = sizeof entries / sizeof *entries};
    struct phone_options phone;
    struct identity_seed seed;
    int operand;
    int rc = options_parse(&options, argc, argv, stdout, stderr, &operand);
    if (rc == OPTIONS_RUN)
        rc = read_options(&options, &a, &phone);
    if (rc != OPTIONS_RUN)
        return rc;
    rc = load_seed(a.identity, &seed);
    if (rc == EXIT_DONE)
        rc = run(&phone, &seed);
    identity_wipe(&seed);
    return rc;
}
