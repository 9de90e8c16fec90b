#include <stdio.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/json_writer.h"
#include "tests/phone/phone_state.h"

/* Empty text is null. */
static void text_or_null(struct json_writer *w, const char *key, const char *text)
{
    json_writer_key(w, key);
    json_writer_string(w, text == NULL || text[0] == '\0' ? NULL : text);
}

static void ms_or_null(struct json_writer *w, const char *key, double ms)
{
    json_writer_key(w, key);
    if (ms < 0)
        json_writer_null(w);
    else
        json_writer_decimal(w, ms, 3);
}

static void count(struct json_writer *w, const char *key, uint64_t value)
{
    json_writer_key(w, key);
    json_writer_u64(w, value);
}

static void write_hangup(struct json_writer *w, const struct phone_call *call)
{
    json_writer_key(w, "hangup");
    if (call->hangup_reason == NULL) {
        json_writer_null(w);
        return;
    }
    json_writer_begin_object(w);
    text_or_null(w, "reason", call->hangup_reason);
    text_or_null(w, "by", call->hangup_by);
    json_writer_end_object(w);
}

static void write_latency(struct json_writer *w, struct meter *meter)
{
    struct meter_latency latency = meter_latency(meter);
    json_writer_key(w, "latency_us");
    if (!latency.known) {
        json_writer_null(w);
        return;
    }
    json_writer_begin_object(w);
    count(w, "p50", latency.p50);
    count(w, "p99", latency.p99);
    count(w, "max", latency.max);
    json_writer_end_object(w);
}

static void write_missing(struct json_writer *w, const struct meter_sender *s)
{
    uint32_t first, last, from = 0;
    json_writer_key(w, "missing");
    json_writer_begin_array(w);
    for (int i = 0; i < PHONE_MISSING_MAX && meter_sender_missing(s, from, &first, &last); i++) {
        json_writer_begin_array(w);
        json_writer_u64(w, first);
        json_writer_u64(w, last);
        json_writer_end_array(w);
        from = last + 1;
    }
    json_writer_end_array(w);
}

static void write_heard(struct json_writer *w, const struct meter *meter)
{
    json_writer_key(w, "heard");
    json_writer_begin_array(w);
    for (size_t i = 0; i < meter->sender_count; i++) {
        const struct meter_sender *s = &meter->senders[i];
        json_writer_begin_object(w);
        json_writer_key(w, "sender");
        if (s->stamped)
            json_writer_u64(w, s->id);
        else
            json_writer_null(w);
        count(w, "received", s->distinct + s->duplicated);
        count(w, "lost", meter_sender_lost(s));
        write_missing(w, s);
        count(w, "duplicated", s->duplicated);
        ms_or_null(w, "max_gap_ms", (double)s->max_gap / (double)CLOCK_MS);
        json_writer_end_object(w);
    }
    json_writer_end_array(w);
}

static void save_recording(struct phone *p)
{
    if (p->recorder == NULL)
        return;
    int rc = voice_recorder_save(p->recorder, p->options.record);
    if (rc < 0)
        phone_fail(p, "cannot write %s: %s", p->options.record, error_text(rc));
}

void phone_report_failure(const char *why, struct buffer *out)
{
    struct phone nobody = {.call = {.ringing_ms = -1, .setup_ms = -1}};
    snprintf(nobody.error, sizeof nobody.error, "%s", why);
    phone_report(&nobody, out);
}

void phone_report(struct phone *p, struct buffer *out)
{
    struct json_writer w;
    save_recording(p);
    json_writer_init(&w, out);
    json_writer_begin_object(&w);
    text_or_null(&w, "error", p->error);
    text_or_null(&w, "fingerprint", p->fingerprint);
    text_or_null(&w, "call_id", p->call.id);
    text_or_null(&w, "room", p->room);
    ms_or_null(&w, "ringing_ms", p->call.ringing_ms);
    ms_or_null(&w, "setup_ms", p->call.setup_ms);
    text_or_null(&w, "peer_direct_addr", p->call.peer_direct_addr);
    write_hangup(&w, &p->call);
    count(&w, "participants", p->participants);
    count(&w, "sent", p->sent);
    count(&w, "received", p->meter.received);
    count(&w, "lost", meter_lost(&p->meter));
    count(&w, "duplicated", p->meter.duplicated);
    count(&w, "reordered", p->meter.reordered);
    write_latency(&w, &p->meter);
    ms_or_null(&w, "max_gap_ms",
               p->meter.received < 2 ? -1 : (double)p->meter.max_gap / (double)CLOCK_MS);
    count(&w, "sender", p->talker.sender);
    write_heard(&w, &p->meter);
    json_writer_end_object(&w);
    buffer_append_u8(out, '\n');
}
