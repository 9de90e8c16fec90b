#include <ctype.h>

#include "common/error.h"
#include "common/hex.h"
#include "ipc/catalogue.h"
#include "ipc/frame.h"

#define PRINT_BODY_MAX 200 /* bytes of a body, value, key or name */
#define PRINT_LIST_MAX 16  /* elements of a list */

static void print_U32(struct buffer *out, const uint32_t *v)
{
    buffer_printf(out, "%u", *v);
}

static void print_U64(struct buffer *out, const uint64_t *v)
{
    buffer_printf(out, "%llu", (unsigned long long)*v);
}

static void print_BOOL(struct buffer *out, const bool *v)
{
    buffer_append_string(out, *v ? "yes" : "no");
}

/* In quotes; what is not printable ASCII as \xNN, so that nothing fakes a line. */
static void print_text(struct buffer *out, const struct bytes *v)
{
    buffer_append_string(out, "\"");
    for (size_t i = 0; i < v->len && i < PRINT_BODY_MAX; i++) {
        uint8_t c = v->data[i];
        if (c == '"' || c == '\\')
            buffer_printf(out, "\\%c", c);
        else if (c < 0x20 || c > 0x7e)
            buffer_printf(out, "\\x%02x", c);
        else
            buffer_append_u8(out, c);
    }
    buffer_append_string(out, "\"");
    if (v->len > PRINT_BODY_MAX)
        buffer_printf(out, "(%zu bytes)", v->len);
}

static void print_NAME(struct buffer *out, const struct bytes *v)
{
    print_text(out, v);
}

static void print_KEY(struct buffer *out, const struct bytes *v)
{
    print_text(out, v);
}

static void print_VALUE(struct buffer *out, const struct bytes *v)
{
    print_text(out, v);
}

static void print_BODY(struct buffer *out, const struct bytes *v)
{
    print_text(out, v);
}

static void print_hex(struct buffer *out, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        buffer_printf(out, "%02x", data[i]);
}

static void print_FINGERPRINT(struct buffer *out, const struct fingerprint_tls *v)
{
    char text[FINGERPRINT_TLS_TEXT];
    fingerprint_tls_text(v, text);
    buffer_append_string(out, text);
}

static void print_TAG(struct buffer *out, const struct ipc_tag *v)
{
    print_hex(out, v->bytes, sizeof(v->bytes));
}

/* Not shown: it is the secret of a connection. */
static void print_EXPORTER(struct buffer *out, const struct ipc_exporter *v)
{
    (void)v;
    buffer_append_string(out, "...");
}

static void print_ADDRESS(struct buffer *out, const struct address *v)
{
    char text[ADDRESS_TEXT];
    address_text(v, text);
    buffer_append_string(out, text);
}

static void print_CONNECTIONS(struct buffer *out, const struct ipc_connections *v)
{
    buffer_printf(out, "%zu[", v->count);
    for (size_t i = 0; i < v->count && i < PRINT_LIST_MAX; i++)
        buffer_printf(out, "%s%llu", i == 0 ? "" : " ", (unsigned long long)v->list[i]);
    buffer_append_string(out, v->count > PRINT_LIST_MAX ? " ...]" : "]");
}

static void print_HOPS(struct buffer *out, const struct ipc_hops *v)
{
    buffer_printf(out, "%zu[", v->count);
    for (size_t i = 0; i < v->count && i < PRINT_LIST_MAX; i++) {
        buffer_append_string(out, i == 0 ? "" : " ");
        print_FINGERPRINT(out, &v->list[i].link);
        buffer_append_string(out, "/");
        print_hex(out, v->list[i].tag, IPC_TAG_SIZE);
    }
    buffer_append_string(out, v->count > PRINT_LIST_MAX ? " ...]" : "]");
}

#define PRINT(type, name)                                                                          \
    buffer_append_string(out, " " #name "=");                                                      \
    print_##type(out, &v->name);
#define X(name, number)                                                                            \
    static void print_item_##name(struct buffer *out, const struct ipc_##name *v)                  \
    {                                                                                              \
        buffer_append_string(out, #name);                                                          \
        IPC_FIELDS_##name(PRINT)                                                                   \
    }
IPC_CATALOGUE(X)
#undef X

void ipc_item_print(struct buffer *out, const struct ipc_item *item)
{
    switch (item->type) {
#define X(name, number)                                                                            \
    case IPC_##name:                                                                               \
        print_item_##name(out, &item->u.name);                                                     \
        return;
        IPC_CATALOGUE(X)
#undef X
    }
    buffer_printf(out, "unknown(%d)", (int)item->type);
}
