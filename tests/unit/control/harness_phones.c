#include "harness.h"

const char *key_json(int n)
{
    static char text[8][256];
    static int turn;
    char *out = text[turn++ % 8];
    size_t at = 0;
    for (int i = 0; i < 32; i++)
        at += (size_t)snprintf(out + at, sizeof(text[0]) - at, "%s%d", i == 0 ? "[" : ",", n);
    snprintf(out + at, sizeof(text[0]) - at, "]");
    return out;
}

static void signature_json(int n, char *out, size_t size)
{
    size_t at = 0;
    out[0] = '\0';
    for (int i = 0; n != 0 && i < 64; i++)
        at += (size_t)snprintf(out + at, size - at, "%s%d", i == 0 ? "" : ",", n);
}

static struct caller make_caller(struct relay *r, int n)
{
    struct caller p = {.relay = r};
    struct fingerprint_user fingerprint;
    memset(p.key, n, sizeof(p.key));
    assert_int_equal(fingerprint_user_of_key(p.key, &fingerprint), 0);
    fingerprint_user_text(&fingerprint, p.name);
    return p;
}

struct caller phone_register_as(struct relay *r, int n, int signature, int proof)
{
    char signed_[512], proven[512];
    struct caller p = make_caller(r, n);
    signature_json(signature, signed_, sizeof(signed_));
    signature_json(proof, proven, sizeof(proven));
    p.conn = sim_connect(r, "_signal");
    sim_sayf(r, p.conn,
             "{\"RegisterPresence\":{\"identity_pub\":%s,\"signature\":[%s],\"alias\":null%s%s%s}}",
             key_json(n), signed_, proof == 0 ? "" : ",\"chappe_proof\":[", proven,
             proof == 0 ? "" : "]");
    return p;
}

struct caller phone_new(struct relay *r, int n)
{
    struct caller p = phone_register_as(r, n, 0, 0);
    expect_message(p.conn, "RegisterPresenceAck", "\"success\":true", NULL);
    return p;
}

void phone_offer(struct caller *p, const char *target, const char *id)
{
    sim_sayf(p->relay, p->conn,
             "{\"DirectCallOffer\":{\"caller_fingerprint\":\"%s\",\"caller_alias\":\"Al\","
             "\"target_fingerprint\":\"%s\",\"call_id\":\"%s\",\"identity_pub\":%s,"
             "\"ephemeral_pub\":%s,\"signature\":[],\"supported_profiles\":[],"
             "\"caller_reflexive_addr\":\"192.0.2.1:1000\",\"unknown_field\":{\"kept\":1}}}",
             p->name, target, id, key_json(0), key_json(0));
}

void phone_answer(struct caller *p, const char *id, const char *mode)
{
    sim_sayf(p->relay, p->conn,
             "{\"DirectCallAnswer\":{\"call_id\":\"%s\",\"accept_mode\":\"%s\","
             "\"callee_reflexive_addr\":\"192.0.2.2:2000\",\"unknown_field\":2}}",
             id, mode);
}

void phone_hangup(struct caller *p, const char *id_or_null)
{
    if (id_or_null == NULL)
        sim_say(p->relay, p->conn, "{\"Hangup\":{\"reason\":\"Normal\"}}");
    else
        sim_sayf(p->relay, p->conn, "{\"Hangup\":{\"reason\":\"Normal\",\"call_id\":\"%s\"}}",
                 id_or_null);
}

struct fake_connection *phone_join(struct caller *p, const char *room)
{
    int ephemeral = p->relay->harness->ephemeral++;
    char signature[512], keys[256];
    struct fake_connection *conn = sim_connect(p->relay, room);
    size_t at = (size_t)snprintf(keys, sizeof(keys), "[%d,%d", ephemeral % 256, ephemeral / 256);
    for (int i = 2; i < 32; i++)
        at += (size_t)snprintf(keys + at, sizeof(keys) - at, ",1");
    signature_json(1, signature, sizeof(signature));
    sim_sayf(p->relay, conn,
             "{\"CallOffer\":{\"identity_pub\":%s,\"ephemeral_pub\":%s],\"signature\":[%s],"
             "\"supported_profiles\":[]}}",
             key_json(p->key[0]), keys, signature);
    return conn;
}

void phones_call(struct caller *a, struct caller *b, const char *id)
{
    phone_offer(a, b->name, id);
    expect_message(b->conn, "DirectCallOffer", "\"kept\":1", NULL);
    expect_message(a->conn, "CallRinging", id, NULL);
    phone_answer(b, id, "AcceptTrusted");
    expect_message(a->conn, "DirectCallAnswer", "\"unknown_field\":2", NULL);
    expect_message(a->conn, "CallSetup", id, "192.0.2.2:2000", NULL);
    expect_message(b->conn, "CallSetup", id, "192.0.2.1:1000", NULL);
}
