#include "harness.h"

#include "common/signal.h"

/* ---- the rim ---- */

static void answer_join(const struct core_question *q, struct core_answer *a)
{
    a->ok = q->signature.len == 64 && q->signature.data[0] != 0xff;
    memset(a->ephemeral_pub, 0x11, sizeof(a->ephemeral_pub));
    memset(a->signature, 0x22, sizeof(a->signature));
}

static void answer_register(const struct core_question *q, struct core_answer *a)
{
    a->ok = q->signature.len == 0 || q->signature.data[0] != 0xff;
    a->grade = q->proof.len == 64 && q->proof.data[0] == 1 ? CORE_PROVEN
               : q->signature.len == 64                    ? CORE_SIGNED
                                                           : CORE_UNPROVEN;
}

/* A token "good:NAME" is NAME's. */
static void answer_token(const struct core_question *q, struct core_answer *a)
{
    a->ok = q->token.len > 5 && memcmp(q->token.data, "good:", 5) == 0;
    if (a->ok)
        snprintf(a->fingerprint, sizeof(a->fingerprint), "%.*s", (int)(q->token.len - 5),
                 (const char *)q->token.data + 5);
    else
        snprintf(a->why, sizeof(a->why), "not valid");
}

static void answer_resolve(const struct core_question *q, struct core_answer *a)
{
    a->ok = address_parse(q->address, &a->addresses[0]) == 0;
    a->address_count = a->ok ? 1 : 0;
    if (!a->ok)
        snprintf(a->why, sizeof(a->why), "no such host");
}

static void on_ask(void *context, const struct core_question *q)
{
    struct relay *r = context;
    if (r->dead)
        return;
    assert_true(r->answer_count < HARNESS_QUESTIONS_MAX);
    struct core_answer *a = &r->answers[r->answer_count++];
    *a = (struct core_answer){.id = q->id, .type = q->type};
    switch (q->type) {
    case CORE_ASK_JOIN:
        answer_join(q, a);
        break;
    case CORE_ASK_REGISTER:
        answer_register(q, a);
        break;
    case CORE_ASK_TOKEN:
        answer_token(q, a);
        break;
    case CORE_ASK_RESOLVE:
        answer_resolve(q, a);
        break;
    }
}

/* One step. True: the control plane dies in it. */
static bool dies_here(struct relay *r)
{
    struct deaths *d = &r->deaths;
    r->steps++;
    if (d->one_in != 0) {
        d->random = d->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        r->dead = (d->random >> 33) % d->one_in == 0;
    } else if (d->next < HARNESS_DEATHS_MAX && d->at[d->next] == r->steps) {
        d->next++;
        r->dead = true;
    }
    r->died += r->dead;
    r->back_at = r->harness->now + d->headless;
    return r->dead;
}

static void on_transact(void *context, struct bytes row)
{
    struct relay *r = context;
    if (r->dead || dies_here(r))
        return;
    fake_plane_commit(&r->plane, row);
    dies_here(r);
}

static void on_log(void *context, enum log_level level, const char *event,
                   const struct log_field *fields, size_t count)
{
    struct relay *r = context;
    char line[LOG_LINE_MAX + 1];
    size_t len = log_line(line, LOG_TEXT, 0, NULL, level, event, fields, count);
    line[len - 1] = '\0';
    if (getenv("HARNESS_LOG") != NULL)
        fprintf(stderr, "%d %s\n", r->number, line);
    const char *text = strchr(line, ' ');
    snprintf(r->log[r->log_count++ % HARNESS_LOG_MAX], sizeof(r->log[0]), "%.510s",
             text == NULL ? line : text + 1);
}

bool sim_logged(const struct relay *r, const char *text)
{
    for (size_t i = 0; i < r->log_count && i < HARNESS_LOG_MAX; i++) {
        if (strstr(r->log[i], text) != NULL)
            return true;
    }
    return false;
}

/* ---- relays ---- */

const char *harness_peer(int n, const char *extra)
{
    static char text[4][256];
    static int turn;
    char *out = text[turn++ % 4];
    char digits[65];
    for (int i = 0; i < 32; i++)
        snprintf(digits + i * 2, 3, "%02x", 0xa0 + n);
    snprintf(out, sizeof(text[0]),
             "  - { address: \"127.0.1.%d:4433\", fingerprint: \"%s\", label: relay-%d%s }\n",
             n + 1, digits, n, extra);
    return out;
}

const char *harness_trusted(int n, const char *extra)
{
    static char text[4][256];
    static int turn;
    char *out = text[turn++ % 4];
    char digits[65];
    for (int i = 0; i < 32; i++)
        snprintf(digits + i * 2, 3, "%02x", 0xa0 + n);
    snprintf(out, sizeof(text[0]), "  - { fingerprint: \"%s\", label: relay-%d%s }\n", digits, n,
             extra);
    return out;
}

const char *harness_fingerprint(int n)
{
    static char text[4][FINGERPRINT_TLS_TEXT];
    static int turn;
    struct fingerprint_tls fingerprint;
    memset(&fingerprint, 0xa0 + n, sizeof(fingerprint));
    char *out = text[turn++ % 4];
    fingerprint_tls_text(&fingerprint, out);
    return out;
}

static void make_core(struct relay *r)
{
    struct core_settings settings = {.config = r->current,
                                     .seed = 7,
                                     .build = "test-build",
                                     .effects = {on_transact, on_ask, on_log},
                                     .context = r};
    memset(&settings.tls, 0xa0 + r->number, sizeof(settings.tls));
    memset(settings.identity_pub, 0x33, sizeof(settings.identity_pub));
    assert_int_equal(core_init(&r->core, &settings, r->harness->now), 0);
}

static void take_installed(void *context, const struct ipc_item *item)
{
    struct relay *r = context;
    core_installed(r->core, item, r->harness->now);
}

static struct ipc_item current_item(struct fake_input *input)
{
    struct ipc_item item = input->item;
    if (item.type == IPC_signal)
        item.u.signal.body = bytes_of_string(input->body);
    return item;
}

/* What is not acknowledged comes again, to each connection in order. */
static void resend(struct relay *r)
{
    for (size_t i = 0; i < r->plane.connection_count; i++) {
        struct fake_connection *conn = r->plane.connections[i];
        uint64_t last = conn->next_input;
        for (uint64_t n = conn->acknowledged + 1; n <= last; n++) {
            if (n <= conn->acknowledged)
                continue;
            struct ipc_item item = current_item(&conn->inputs[n - conn->acknowledged - 1]);
            if (dies_here(r))
                return;
            core_input(r->core, &item, r->harness->now);
            if (r->dead)
                return;
        }
    }
}

static void adopt(struct relay *r)
{
    r->dead = false;
    r->answer_count = 0;
    make_core(r);
    core_adopting(r->core, r->data_epoch);
    fake_plane_snapshot(&r->plane, take_installed, r);
    core_adopted(r->core, r->harness->now);
    if (!r->dead)
        resend(r);
}

/* It may die again on the way. */
void sim_adopt(struct relay *r)
{
    do {
        core_free(r->core);
        adopt(r);
    } while (r->dead && r->deaths.headless == 0);
}

static void bury(struct relay *r)
{
    if (r->dead && r->deaths.headless == 0)
        sim_adopt(r);
}

void sim_restart(struct relay *r)
{
    for (size_t i = 0; i < r->plane.connection_count; i++) {
        struct fake_connection *conn = r->plane.connections[i];
        conn->open = conn->known = conn->is_link = false;
        for (size_t k = 0; k < conn->input_count; k++)
            free(conn->inputs[k].body);
        conn->input_count = 0;
        conn->acknowledged = conn->next_input;
        conn->room[0] = '\0';
    }
    while (r->plane.record_count > 0) {
        struct fake_record *record = &r->plane.records[--r->plane.record_count];
        free(record->key);
        free(record->value);
    }
    r->plane.room_count = r->plane.route_count = r->plane.dial_count = 0;
    core_free(r->core);
    r->data_epoch++;
    adopt(r);
}

static void read_config(const char *yaml, struct config *config)
{
    struct config_errors errors = {0};
    int err = config_load_text(bytes_of_string(yaml), "test.yaml", config, &errors);
    if (err < 0)
        config_errors_print(&errors, stderr);
    assert_int_equal(err, 0);
    config_errors_free(&errors);
}

void harness_configure(struct relay *r, const char *yaml, bool tell)
{
    struct config *old = r->current;
    r->current = old == &r->config ? &r->spare : &r->config;
    read_config(yaml, r->current);
    if (tell) {
        core_reload(r->core, r->current, r->harness->now);
        config_free(old);
        harness_settle(r->harness);
    } else {
        core_free(r->core);
        config_free(old);
        adopt(r);
    }
}

struct relay *harness_relay(struct harness *h, const char *yaml)
{
    assert_true(h->relay_count < HARNESS_RELAYS_MAX);
    struct relay *r = &h->relays[h->relay_count];
    r->harness = h;
    r->number = h->relay_count++;
    r->data_epoch = 1;
    r->current = &r->config;
    read_config(yaml, r->current);
    adopt(r);
    return r;
}

struct harness *harness_new(void)
{
    struct harness *h = calloc(1, sizeof(*h));
    assert_non_null(h);
    h->now = HARNESS_START;
    return h;
}

void harness_free(struct harness *h)
{
    for (int i = 0; i < h->relay_count; i++) {
        struct relay *r = &h->relays[i];
        assert_false(core_failed(r->core));
        core_free(r->core);
        fake_plane_free(&r->plane);
        config_free(r->current);
    }
    free(h);
}

/* ---- inputs ---- */

static void input(struct relay *r, struct fake_connection *conn, struct ipc_item *item,
                  const char *body)
{
    struct harness *h = r->harness;
    fake_plane_note_input(&r->plane, conn, item, body);
    h->events++;
    h->now += HARNESS_TICK;
    if (r->dead)
        return;
    if (h->adopt_every != 0 && h->events % h->adopt_every == 0) {
        sim_adopt(r); /* the input is among those that come again */
        return;
    }
    if (!dies_here(r))
        core_input(r->core, item, h->now);
    bury(r);
}

static void give_answers(struct relay *r)
{
    for (size_t i = 0; i < r->answer_count; i++) {
        struct core_answer answer = r->answers[i];
        if (!dies_here(r))
            core_answer(r->core, &answer, r->harness->now);
        if (r->dead) {
            bury(r); /* whose questions are asked anew */
            return;
        }
    }
    r->answer_count = 0;
}

static void announce(struct relay *r, struct fake_connection *conn)
{
    struct ipc_item item = {.type = IPC_opened};
    item.u.opened = conn->facts;
    input(r, conn, &item, NULL);
}

static void end(struct relay *r, struct fake_connection *conn, int error, const char *reason)
{
    if (!conn->open)
        return;
    conn->open = false;
    conn->room[0] = '\0';
    struct ipc_item item = {.type = IPC_closed};
    item.u.closed.connection = conn->facts.connection;
    item.u.closed.dialed = conn->facts.dialed;
    item.u.closed.dial = conn->facts.dial;
    item.u.closed.error = (uint32_t)-error;
    item.u.closed.by_peer = error == 0;
    item.u.closed.reason = bytes_of_string(reason);
    input(r, conn, &item, NULL);
}

static void close_end(struct relay *r, struct fake_connection *conn, const char *reason)
{
    end(r, conn, 0, reason);
}

struct fake_connection *sim_connect_from(struct relay *r, const char *sni, const char *address,
                                         int certificate)
{
    struct fake_connection *conn = fake_plane_open(&r->plane, sni);
    char local[32];
    snprintf(local, sizeof(local), "127.0.1.%d:4433", r->number + 1);
    assert_int_equal(address_parse(bytes_of_string(address), &conn->facts.remote), 0);
    assert_int_equal(address_parse(bytes_of_string(local), &conn->facts.local), 0);
    conn->facts.has_certificate = certificate != 0;
    memset(&conn->facts.fingerprint, certificate, sizeof(conn->facts.fingerprint));
    announce(r, conn);
    harness_settle(r->harness);
    return conn;
}

struct fake_connection *sim_connect(struct relay *r, const char *sni)
{
    return sim_connect_from(r, sni, "127.0.0.9:5000", 0);
}

static void deliver(struct relay *r, struct fake_connection *conn, const char *json)
{
    if (!conn->open)
        return;
    struct ipc_item item = {.type = IPC_signal};
    item.u.signal.connection = conn->facts.connection;
    item.u.signal.remote = conn->facts.remote;
    input(r, conn, &item, json);
}

void sim_say(struct relay *r, struct fake_connection *conn, const char *json)
{
    deliver(r, conn, json);
    harness_settle(r->harness);
}

void sim_say_from(struct relay *r, struct fake_connection *conn, const char *address,
                  const char *json)
{
    assert_int_equal(address_parse(bytes_of_string(address), &conn->facts.remote), 0);
    sim_say(r, conn, json);
}

void sim_sayf(struct relay *r, struct fake_connection *conn, const char *format, ...)
{
    char text[8192];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    assert_true(len > 0 && (size_t)len < sizeof(text));
    sim_say(r, conn, text);
}

void sim_hang(struct relay *r, struct fake_connection *conn)
{
    close_end(r, conn, "gone");
    harness_settle(r->harness);
}

void sim_silence(struct relay *r, struct fake_connection *conn)
{
    end(r, conn, ERR_TIMEOUT, "");
    harness_settle(r->harness);
}

/* ---- between relays ---- */

static struct relay *listener_at(struct harness *h, const struct address *address)
{
    for (int i = 0; i < h->relay_count; i++) {
        char text[ADDRESS_TEXT], own[32];
        address_text(address, text);
        snprintf(own, sizeof(own), "127.0.1.%d:4433", i + 1);
        if (strcmp(text, own) == 0)
            return h->relays[i].down ? NULL : &h->relays[i];
    }
    return NULL;
}

/* Nobody answers, or somebody with another certificate. */
static void fail_dial(struct relay *r, const struct ipc_dial *dial,
                      const struct fingerprint_tls *presented)
{
    struct fake_connection *conn = fake_plane_open(&r->plane, "_federation");
    conn->facts.dialed = true;
    conn->facts.dial = dial->dial;
    conn->open = false;
    struct ipc_item item = {.type = IPC_closed};
    item.u.closed.connection = conn->facts.connection;
    item.u.closed.dialed = true;
    item.u.closed.dial = dial->dial;
    item.u.closed.error = (uint32_t)(presented == NULL ? -ERR_TIMEOUT : -ERR_PIN);
    item.u.closed.has_certificate = presented != NULL;
    if (presented != NULL)
        item.u.closed.fingerprint = *presented;
    input(r, conn, &item, NULL);
}

static void make_link(struct relay *a, struct relay *b, const struct ipc_dial *dial)
{
    const char *sni = (const char *)dial->sni.data;
    struct fake_connection *x = fake_plane_open(&a->plane, sni);
    struct fake_connection *y = fake_plane_open(&b->plane, sni);
    char address[32];
    x->facts.dialed = true;
    x->facts.dial = dial->dial;
    x->facts.remote = y->facts.local = dial->remote;
    snprintf(address, sizeof(address), "127.0.1.%d:9999", a->number + 1);
    assert_int_equal(address_parse(bytes_of_string(address), &y->facts.remote), 0);
    x->facts.has_certificate = y->facts.has_certificate = true;
    memset(&x->facts.fingerprint, 0xa0 + b->number, sizeof(x->facts.fingerprint));
    memset(&y->facts.fingerprint, 0xa0 + a->number, sizeof(y->facts.fingerprint));
    x->other.relay = b->number;
    x->other.connection = y->facts.connection;
    y->other.relay = a->number;
    y->other.connection = x->facts.connection;
    announce(a, x);
    announce(b, y);
}

struct fake_connection *sim_dialed(struct relay *r, const struct ipc_dial *dial, int certificate)
{
    struct fake_connection *conn = fake_plane_open(&r->plane, (const char *)dial->sni.data);
    conn->facts.dialed = true;
    conn->facts.dial = dial->dial;
    conn->facts.remote = dial->remote;
    conn->facts.has_certificate = true;
    memset(&conn->facts.fingerprint, certificate, sizeof(conn->facts.fingerprint));
    announce(r, conn);
    harness_settle(r->harness);
    return conn;
}

static bool serve_dials(struct harness *h, struct relay *r)
{
    bool did = false;
    for (size_t i = 0; i < r->plane.dial_count; i++) {
        struct fake_dial *dial = &r->plane.dials[i];
        if (dial->done || h->hold_dials)
            continue;
        dial->done = did = true;
        struct ipc_dial copy = dial->dial;
        struct relay *to = listener_at(h, &copy.remote);
        struct fingerprint_tls theirs;
        if (to != NULL)
            memset(&theirs, 0xa0 + to->number, sizeof(theirs));
        if (to != NULL && (!copy.pinned || fingerprint_tls_equal(&theirs, &copy.pin)))
            make_link(r, to, &copy);
        else
            fail_dial(r, &copy, to == NULL ? NULL : &theirs);
    }
    return did;
}

/* Carries messages to the relay at the other end, and closes. */
static bool carry(struct harness *h, struct relay *r, struct fake_connection *conn)
{
    bool did = false;
    while (conn->other.relay >= 0 && conn->taken < conn->message_count) {
        const char *text = conn->messages[conn->taken++].text;
        struct relay *to = &h->relays[conn->other.relay];
        did = true;
        if (!h->swallow)
            deliver(to, fake_plane_connection(&to->plane, conn->other.connection), text);
    }
    if (conn->closing && conn->open) {
        did = true;
        close_end(r, conn, conn->reason);
        if (conn->other.relay >= 0) {
            struct relay *to = &h->relays[conn->other.relay];
            close_end(to, fake_plane_connection(&to->plane, conn->other.connection), conn->reason);
        }
    }
    return did;
}

static bool settle_relay(struct harness *h, struct relay *r)
{
    bool did = false;
    if (r->answer_count > 0 && !r->hold_answers && !r->dead) {
        give_answers(r);
        did = true;
    }
    did |= serve_dials(h, r);
    for (size_t i = 0; i < r->plane.connection_count; i++)
        did |= carry(h, r, r->plane.connections[i]);
    return did;
}

void harness_settle(struct harness *h)
{
    bool did = true;
    for (int round = 0; did; round++) {
        assert_true(round < 200); /* a storm between relays */
        did = false;
        for (int i = 0; i < h->relay_count; i++)
            did |= settle_relay(h, &h->relays[i]);
    }
}

static uint64_t due_at(const struct relay *r)
{
    return r->dead ? r->back_at : core_deadline(r->core);
}

/* What a control plane that died should have done, its successor does before anything else. */
static void expire(struct relay *r)
{
    size_t died;
    do {
        if (due_at(r) > r->harness->now)
            return;
        died = r->died;
        if (r->dead)
            sim_adopt(r);
        else if (!dies_here(r))
            core_expire(r->core, r->harness->now);
        bury(r);
    } while (r->died != died && !r->dead);
}

void harness_pass(struct harness *h, uint64_t ns)
{
    uint64_t end = h->now + ns;
    for (;;) {
        uint64_t next = UINT64_MAX;
        for (int i = 0; i < h->relay_count; i++) {
            uint64_t at = due_at(&h->relays[i]);
            next = at < next ? at : next;
        }
        if (next > end)
            break;
        h->now = next > h->now ? next : h->now;
        for (int i = 0; i < h->relay_count; i++)
            expire(&h->relays[i]);
        harness_settle(h);
    }
    h->now = end;
}

void harness_cut(struct harness *h, int a, int b)
{
    struct relay *r = &h->relays[a];
    for (size_t i = 0; i < r->plane.connection_count; i++) {
        struct fake_connection *conn = r->plane.connections[i];
        if (!conn->open || conn->other.relay != b)
            continue;
        struct relay *to = &h->relays[b];
        close_end(r, conn, "lost");
        close_end(to, fake_plane_connection(&to->plane, conn->other.connection), "lost");
    }
    harness_settle(h);
}

struct fake_connection *sim_link_connection(struct relay *r, int to)
{
    for (size_t i = 0; i < r->plane.connection_count; i++) {
        struct fake_connection *conn = r->plane.connections[i];
        if (conn->open && conn->is_link && conn->other.relay == to)
            return conn;
    }
    return NULL;
}

struct harness *harness_linked_pair(void)
{
    struct harness *h = harness_new();
    char yaml[512];
    snprintf(yaml, sizeof(yaml), "trusted:\n%s", harness_trusted(0, ""));
    h->relay_count = 1;
    struct relay *second = harness_relay(h, yaml);
    h->relay_count = 0;
    snprintf(yaml, sizeof(yaml), "peers:\n%s", harness_peer(1, ""));
    struct relay *first = harness_relay(h, yaml);
    h->relay_count = 2;
    harness_pass(h, CLOCK_SECOND);
    assert_non_null(sim_link_connection(first, 1));
    assert_non_null(sim_link_connection(second, 0));
    return h;
}

/* ---- puppets ---- */

static void skip_hellos(struct relay *r)
{
    for (size_t i = 0; i < r->plane.connection_count; i++) {
        struct fake_connection *conn = r->plane.connections[i];
        while (conn->is_link && conn->taken < conn->message_count &&
               strstr(conn->messages[conn->taken].text, "\"originals\"") != NULL)
            conn->taken++;
    }
}

struct fake_connection *puppet_link(struct relay *r, int n, bool ours)
{
    char address[32];
    snprintf(address, sizeof(address), "192.0.2.%d:4433", n);
    struct fake_connection *conn = sim_connect_from(r, "_federation", address, ours ? 0xa0 + n : 0);
    sim_sayf(r, conn, "{\"FederationHello\":{\"tls_fingerprint\":\"%s\"%s}}",
             harness_fingerprint(n), ours ? ",\"chappe\":{\"v\":1}" : "");
    skip_messages(conn);
    if (!ours)
        skip_hellos(r); /* they hear of an original */
    return conn;
}

void puppet_forward(struct relay *r, struct fake_connection *conn, int n, const char *inner)
{
    sim_sayf(r, conn, "{\"FederatedSignalForward\":{\"inner\":%s,\"origin_relay_fp\":\"%s\"}}",
             inner, harness_fingerprint(n));
}

const char *offer_json(const char *caller, const char *target, const char *id)
{
    static char text[2048];
    snprintf(text, sizeof(text),
             "{\"DirectCallOffer\":{\"caller_fingerprint\":\"%s\",\"caller_alias\":null,"
             "\"target_fingerprint\":\"%s\",\"call_id\":\"%s\",\"identity_pub\":%s,"
             "\"ephemeral_pub\":%s,\"signature\":[],\"supported_profiles\":[],"
             "\"caller_reflexive_addr\":\"192.0.2.1:1000\",\"kept\":1}}",
             caller, target, id, key_json(0), key_json(0));
    return text;
}

/* ---- expectations ---- */

void expect_message(struct fake_connection *conn, const char *variant, ...)
{
    if (conn->taken >= conn->message_count)
        fail_msg("expected %s, but nothing came", variant);
    const char *text = conn->messages[conn->taken++].text;
    char start[64];
    snprintf(start, sizeof(start), "{\"%s\":", variant);
    if (strncmp(text, start, strlen(start)) != 0)
        fail_msg("expected %s, got %s", variant, text);
    va_list args;
    va_start(args, variant);
    const char *part;
    while ((part = va_arg(args, const char *)) != NULL) {
        if (strstr(text, part) == NULL)
            fail_msg("expected %s in %s", part, text);
    }
    va_end(args);
}

void expect_silence(struct fake_connection *conn)
{
    if (conn->taken < conn->message_count)
        fail_msg("expected nothing, got %s", conn->messages[conn->taken].text);
}

void skip_messages(struct fake_connection *conn)
{
    conn->taken = conn->message_count;
}

void expect_closed(struct fake_connection *conn, const char *reason)
{
    assert_true(conn->closing);
    assert_string_equal(conn->reason, reason);
}

void expect_open(struct fake_connection *conn)
{
    if (conn->closing)
        fail_msg("closed: %s", conn->reason);
    assert_true(conn->open);
}

size_t view_count(cJSON *view)
{
    assert_non_null(view);
    size_t n = (size_t)cJSON_GetArraySize(view);
    cJSON_Delete(view);
    return n;
}

static bool may_stay(const char *key)
{
    static const char *const kinds[] = {"peer/",  "connection/", "topic/", "entry/",
                                        "queue/", "presence/",   "names/", "terms/"};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strncmp(key, kinds[i], strlen(kinds[i])) == 0)
            return true;
    }
    return false;
}

void expect_nothing_left(struct relay *r)
{
    for (size_t i = 0; i < r->plane.connection_count; i++) {
        struct fake_connection *conn = r->plane.connections[i];
        if (conn->other.relay < 0)
            sim_hang(r, conn);
    }
    harness_pass(r->harness, 1000 * CLOCK_SECOND);
    for (size_t i = 0; i < r->plane.record_count; i++) {
        const char *key = r->plane.records[i].key;
        if (!may_stay(key))
            fail_msg("left behind: %s", key);
    }
    assert_int_equal(r->plane.room_count, 0);
    assert_int_equal(r->plane.route_count, 0);
    assert_int_equal(view_count(core_view_calls(r->core)), 0);
    assert_int_equal(view_count(core_view_rooms(r->core)), 0);
    struct core_gauges g = core_gauges(r->core);
    assert_int_equal(g.phones, 0);
    assert_int_equal(g.sessions, 0);
}
