#include "dataplane/counters.h"

#include <stdio.h>

#include "ipc/catalogue.h"

void counters_encode_one(struct buffer *out, const char *prefix, const char *name, const char *help,
                         uint64_t value)
{
    char full[IPC_NAME_MAX + 1];

    snprintf(full, sizeof(full), "%s%s", prefix, name);
    struct ipc_item item = {
        .type = IPC_counter,
        .u.counter = {.name = bytes_of_string(full), .help = bytes_of_string(help), .value = value},
    };
    ipc_item_encode(out, &item);
}

void counters_encode(const struct counters *c, struct buffer *out)
{
#define X(name, text) counters_encode_one(out, "", #name, text, c->name);
    COUNTERS_TABLE(X)
#undef X
}
