#include "ipc/catalogue.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"

#define HOP_WIRE_SIZE (sizeof(struct fingerprint_tls) + IPC_TAG_SIZE)

/* What the tables give for a number. */
const char *ipc_type_name(unsigned type)
{
    switch (type) {
#define X(name, number)                                                                            \
    case number:                                                                                   \
        return #name;
        IPC_CATALOGUE(X)
#undef X
    default:
        return NULL;
    }
}

enum ipc_class ipc_type_class(unsigned type)
{
    switch (type) {
#define X(name, number) case number:
        IPC_INPUTS(X)
        return IPC_CLASS_INPUT;
        IPC_NOTICES(X)
        return IPC_CLASS_NOTICE;
        IPC_COMMANDS(X)
        return IPC_CLASS_COMMAND;
        IPC_CONTRACT(X)
        return IPC_CLASS_CONTRACT;
#undef X
    default:
        return IPC_CLASS_NONE;
    }
}

/* ---- encoding: one function for each field type ---- */

static int put_U32(struct buffer *out, const uint32_t *v)
{
    return buffer_append_u32(out, *v);
}

static int put_U64(struct buffer *out, const uint64_t *v)
{
    return buffer_append_u64(out, *v);
}

static int put_BOOL(struct buffer *out, const bool *v)
{
    return buffer_append_u8(out, *v ? 1 : 0);
}

static int put_NAME(struct buffer *out, const struct bytes *v)
{
    if (v->len > IPC_NAME_MAX)
        return ERR_TOO_LARGE;
    buffer_append_u16(out, (uint16_t)v->len);
    return buffer_append_bytes(out, *v);
}

static int put_long(struct buffer *out, const struct bytes *v, size_t max)
{
    if (v->len > max)
        return ERR_TOO_LARGE;
    buffer_append_u32(out, (uint32_t)v->len);
    return buffer_append_bytes(out, *v);
}

static int put_KEY(struct buffer *out, const struct bytes *v)
{
    return put_long(out, v, IPC_KEY_MAX);
}

static int put_VALUE(struct buffer *out, const struct bytes *v)
{
    return put_long(out, v, IPC_VALUE_MAX);
}

static int put_BODY(struct buffer *out, const struct bytes *v)
{
    return put_long(out, v, IPC_BODY_MAX);
}

static int put_FINGERPRINT(struct buffer *out, const struct fingerprint_tls *v)
{
    return buffer_append(out, v->bytes, sizeof(v->bytes));
}

static int put_TAG(struct buffer *out, const struct ipc_tag *v)
{
    return buffer_append(out, v->bytes, sizeof(v->bytes));
}

static int put_EXPORTER(struct buffer *out, const struct ipc_exporter *v)
{
    return buffer_append(out, v->bytes, sizeof(v->bytes));
}

static int put_ADDRESS(struct buffer *out, const struct address *v)
{
    struct bytes ip = address_ip(v);
    buffer_append_u8(out, (uint8_t)ip.len);
    buffer_append_bytes(out, ip);
    return buffer_append_u16(out, address_port(v));
}

static int put_CONNECTIONS(struct buffer *out, const struct ipc_connections *v)
{
    if (v->count > IPC_CONNECTIONS_MAX)
        return ERR_TOO_LARGE;
    int rc = buffer_append_u32(out, (uint32_t)v->count);
    for (size_t i = 0; i < v->count; i++)
        rc = buffer_append_u64(out, v->list[i]);
    return rc;
}

static int put_HOPS(struct buffer *out, const struct ipc_hops *v)
{
    if (v->count > IPC_HOPS_MAX)
        return ERR_TOO_LARGE;
    int rc = buffer_append_u32(out, (uint32_t)v->count);
    for (size_t i = 0; i < v->count; i++) {
        buffer_append(out, v->list[i].link.bytes, sizeof(v->list[i].link.bytes));
        rc = buffer_append(out, v->list[i].tag, IPC_TAG_SIZE);
    }
    return rc;
}

#define PUT(type, name)                                                                            \
    if (rc == 0)                                                                                   \
        rc = put_##type(out, &v->name);
#define X(name, number)                                                                            \
    static int encode_##name(struct buffer *out, const struct ipc_##name *v)                       \
    {                                                                                              \
        int rc = buffer_append_u16(out, number);                                                   \
        IPC_FIELDS_##name(PUT) return rc;                                                          \
    }
IPC_CATALOGUE(X)
#undef X

static int encode_any(struct buffer *out, const struct ipc_item *item)
{
    switch (item->type) {
#define X(name, number)                                                                            \
    case IPC_##name:                                                                               \
        return encode_##name(out, &item->u.name);
        IPC_CATALOGUE(X)
#undef X
    }
    return ERR_UNKNOWN;
}

int ipc_item_encode(struct buffer *out, const struct ipc_item *item)
{
    size_t before = out->len;
    int rc = out->failed ? ERR_MEMORY : encode_any(out, item);
    if (rc != 0) {
        out->len = before;
        out->failed = true;
    }
    return rc;
}

/* ---- decoding: likewise. Too few bytes show in the reader, other errors are returned. ---- */

struct decoder {
    struct reader in;
    struct ipc_items *items;
};

static int get_U32(struct decoder *d, uint32_t *v)
{
    *v = reader_u32(&d->in);
    return 0;
}

static int get_U64(struct decoder *d, uint64_t *v)
{
    *v = reader_u64(&d->in);
    return 0;
}

static int get_BOOL(struct decoder *d, bool *v)
{
    uint8_t raw = reader_u8(&d->in);
    *v = raw != 0;
    return raw > 1 ? ERR_RANGE : 0;
}

static int get_NAME(struct decoder *d, struct bytes *v)
{
    size_t len = reader_u16(&d->in);
    *v = reader_bytes(&d->in, len);
    return len > IPC_NAME_MAX ? ERR_TOO_LARGE : 0;
}

static int get_long(struct decoder *d, struct bytes *v, size_t max)
{
    size_t len = reader_u32(&d->in);
    *v = reader_bytes(&d->in, len);
    return len > max ? ERR_TOO_LARGE : 0;
}

static int get_KEY(struct decoder *d, struct bytes *v)
{
    return get_long(d, v, IPC_KEY_MAX);
}

static int get_VALUE(struct decoder *d, struct bytes *v)
{
    return get_long(d, v, IPC_VALUE_MAX);
}

static int get_BODY(struct decoder *d, struct bytes *v)
{
    return get_long(d, v, IPC_BODY_MAX);
}

static int get_FINGERPRINT(struct decoder *d, struct fingerprint_tls *v)
{
    reader_copy(&d->in, v->bytes, sizeof(v->bytes));
    return 0;
}

static int get_TAG(struct decoder *d, struct ipc_tag *v)
{
    reader_copy(&d->in, v->bytes, sizeof(v->bytes));
    return 0;
}

static int get_EXPORTER(struct decoder *d, struct ipc_exporter *v)
{
    reader_copy(&d->in, v->bytes, sizeof(v->bytes));
    return 0;
}

static int get_ADDRESS(struct decoder *d, struct address *v)
{
    struct bytes ip = reader_bytes(&d->in, reader_u8(&d->in));
    uint16_t port = reader_u16(&d->in);
    return d->in.failed ? ERR_TRUNCATED : address_from_ip(ip, port, v);
}

/* Memory for a list of `count` elements that the message still has bytes for; owned by the items.
 */
static int get_list(struct decoder *d, size_t *count, size_t max, size_t wire, size_t size,
                    void **out)
{
    *count = reader_u32(&d->in);
    *out = NULL;
    if (*count > max)
        return ERR_TOO_LARGE;
    if (d->in.failed || *count * wire > reader_left(&d->in))
        return ERR_TRUNCATED;
    if (*count == 0)
        return 0;
    void **blocks =
        realloc(d->items->blocks, (d->items->block_count + 1) * sizeof(*d->items->blocks));
    if (blocks == NULL)
        return ERR_MEMORY;
    d->items->blocks = blocks;
    *out = calloc(*count, size);
    if (*out == NULL)
        return ERR_MEMORY;
    blocks[d->items->block_count++] = *out;
    return 0;
}

static int get_CONNECTIONS(struct decoder *d, struct ipc_connections *v)
{
    void *memory;
    int rc = get_list(d, &v->count, IPC_CONNECTIONS_MAX, 8, sizeof(uint64_t), &memory);
    uint64_t *list = memory;
    for (size_t i = 0; rc == 0 && i < v->count; i++)
        list[i] = reader_u64(&d->in);
    v->list = list;
    return rc;
}

static int get_HOPS(struct decoder *d, struct ipc_hops *v)
{
    void *memory;
    int rc = get_list(d, &v->count, IPC_HOPS_MAX, HOP_WIRE_SIZE, sizeof(struct ipc_hop), &memory);
    struct ipc_hop *list = memory;
    for (size_t i = 0; rc == 0 && i < v->count; i++) {
        reader_copy(&d->in, list[i].link.bytes, sizeof(list[i].link.bytes));
        reader_copy(&d->in, list[i].tag, IPC_TAG_SIZE);
    }
    v->list = list;
    return rc;
}

#define GET(type, name)                                                                            \
    if (rc == 0)                                                                                   \
        rc = get_##type(d, &v->name);
#define X(name, number)                                                                            \
    static int decode_##name(struct decoder *d, struct ipc_##name *v)                              \
    {                                                                                              \
        int rc = 0;                                                                                \
        IPC_FIELDS_##name(GET) return rc;                                                          \
    }
IPC_CATALOGUE(X)
#undef X

static int decode_any(struct decoder *d, unsigned type, struct ipc_item *item)
{
    switch (type) {
#define X(name, number)                                                                            \
    case number:                                                                                   \
        item->type = IPC_##name;                                                                   \
        return decode_##name(d, &item->u.name);
        IPC_CATALOGUE(X)
#undef X
    default:
        return d->in.failed ? ERR_TRUNCATED : ERR_UNKNOWN;
    }
}

static struct ipc_item *items_add(struct ipc_items *items)
{
    if (items->count == items->capacity) {
        size_t capacity = items->capacity == 0 ? 8 : items->capacity * 2;
        struct ipc_item *list = realloc(items->list, capacity * sizeof(*list));
        if (list == NULL)
            return NULL;
        items->list = list;
        items->capacity = capacity;
    }
    struct ipc_item *item = &items->list[items->count++];
    memset(item, 0, sizeof(*item));
    return item;
}

static void items_clear(struct ipc_items *items)
{
    for (size_t i = 0; i < items->block_count; i++)
        free(items->blocks[i]);
    items->block_count = 0;
    items->count = 0;
}

static int decode_row(struct decoder *d)
{
    while (reader_left(&d->in) > 0) {
        if (d->items->count == IPC_ROW_ITEMS_MAX)
            return ERR_TOO_LARGE;
        struct ipc_item *item = items_add(d->items);
        if (item == NULL)
            return ERR_MEMORY;
        int rc = decode_any(d, reader_u16(&d->in), item);
        if (rc == 0 && d->in.failed)
            rc = ERR_TRUNCATED;
        if (rc != 0)
            return rc;
    }
    return 0;
}

int ipc_items_decode(struct ipc_items *items, struct bytes row)
{
    struct decoder d = {.items = items};
    items_clear(items);
    if (row.len > IPC_ROW_MAX)
        return ERR_TOO_LARGE;
    reader_init(&d.in, row);
    int rc = decode_row(&d);
    if (rc != 0)
        items_clear(items);
    return rc;
}

void ipc_items_free(struct ipc_items *items)
{
    items_clear(items);
    free(items->list);
    free(items->blocks);
    *items = (struct ipc_items){0};
}
