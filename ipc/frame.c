#include "ipc/frame.h"

#include "common/error.h"

#define TO_OFFSET 16
#define SEQUENCE_OFFSET 24

int ipc_frame_put(struct buffer *out, const struct ipc_frame *frame)
{
    buffer_append_u32(out, IPC_MAGIC);
    buffer_append_u16(out, IPC_VERSION);
    buffer_append_u8(out, (uint8_t)frame->kind);
    buffer_append_u8(out, 0);
    buffer_append_u64(out, frame->from);
    buffer_append_u64(out, frame->to);
    return buffer_append_u64(out, frame->sequence);
}

static const char *kind_name(unsigned kind)
{
    switch (kind) {
#define X(name, number, text)                                                                      \
    case number:                                                                                   \
        return #name;
        IPC_KINDS(X)
#undef X
    default:
        return NULL;
    }
}

int ipc_frame_read(struct ipc_frame *frame, struct bytes message)
{
    struct reader r;
    reader_init(&r, message);
    uint32_t magic = reader_u32(&r);
    *frame = (struct ipc_frame){.version = reader_u16(&r)};
    if (r.failed)
        return ERR_TRUNCATED;
    if (magic != IPC_MAGIC)
        return ERR_SYNTAX;
    if (frame->version != IPC_VERSION)
        return ERR_VERSION;
    unsigned kind = reader_u8(&r);
    unsigned zero = reader_u8(&r);
    frame->from = reader_u64(&r);
    frame->to = reader_u64(&r);
    frame->sequence = reader_u64(&r);
    frame->row = reader_bytes(&r, reader_left(&r));
    if (r.failed)
        return ERR_TRUNCATED;
    if (kind_name(kind) == NULL || zero != 0 || frame->from == 0)
        return ERR_SYNTAX;
    frame->kind = (enum ipc_kind)kind;
    return 0;
}

static void write_u64(uint8_t *at, uint64_t v)
{
    for (int i = 0; i < 8; i++)
        at[i] = (uint8_t)(v >> (56 - 8 * i));
}

void ipc_frame_readdress(uint8_t *message, uint64_t to, uint64_t sequence)
{
    write_u64(message + TO_OFFSET, to);
    write_u64(message + SEQUENCE_OFFSET, sequence);
}

static void print_row(struct buffer *out, struct bytes row)
{
    struct ipc_items items = {0};
    int rc = ipc_items_decode(&items, row);
    if (rc != 0)
        buffer_printf(out, "  %zu bytes: %s\n", row.len, error_text(rc));
    for (size_t i = 0; i < items.count; i++) {
        buffer_append_string(out, "  ");
        ipc_item_print(out, &items.list[i]);
        buffer_append_string(out, "\n");
    }
    ipc_items_free(&items);
}

void ipc_message_print(struct buffer *out, struct bytes message)
{
    struct ipc_frame frame;
    int rc = ipc_frame_read(&frame, message);
    if (rc == ERR_VERSION) {
        buffer_printf(out, "%zu bytes: version %u of the contract\n", message.len, frame.version);
        return;
    }
    if (rc != 0) {
        buffer_printf(out, "%zu bytes: %s\n", message.len, error_text(rc));
        return;
    }
    buffer_printf(out, "%s from %llu to %llu sequence %llu\n", kind_name(frame.kind),
                  (unsigned long long)frame.from, (unsigned long long)frame.to,
                  (unsigned long long)frame.sequence);
    print_row(out, frame.row);
}
