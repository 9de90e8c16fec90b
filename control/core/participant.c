#include "control/core/participant.h"

#include <stdlib.h>
#include <string.h>

#include "common/fnv.h"
#include "common/text.h"
#include "control/core/record.h"

void participants_free(struct participants *list)
{
    free(list->items);
    *list = (struct participants){NULL, 0};
}

/* A fingerprint, or the name that an auth service may have given: one word of plain characters. */
static bool is_plausible(struct bytes name)
{
    if (name.len == 0 || name.len >= CONNECTION_NAME_SIZE)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        if (name.data[i] <= ' ' || name.data[i] >= 0x7f || name.data[i] == '"')
            return false;
    }
    return true;
}

/* Whole characters only: a code point that does not fit is left out with all behind it. */
static void copy_text(char *out, size_t size, struct bytes text)
{
    size_t used = 0;
    out[0] = '\0';
    if (!text_is_clean(text))
        return;
    while (used < text.len) {
        uint32_t code_point;
        size_t len = text_utf8((struct bytes){text.data + used, text.len - used}, &code_point);
        if (len == 0 || used + len >= size)
            break;
        used += len;
    }
    if (used > 0)
        memcpy(out, text.data, used);
    out[used] = '\0';
}

static bool read_one(struct participant *out, const struct signal_participant *from)
{
    struct bytes name = signal_text_bytes(from->fingerprint);
    *out = (struct participant){0};
    if (!is_plausible(name))
        return false;
    memcpy(out->name, name.data, name.len);
    copy_text(out->alias, sizeof(out->alias), signal_text_bytes(from->alias));
    copy_text(out->label, sizeof(out->label), signal_text_bytes(from->relay_label));
    return true;
}

int participants_read(struct participants *list, const struct signal_participants *from)
{
    participants_free(list);
    size_t max = from->count < PARTICIPANTS_MAX ? from->count : PARTICIPANTS_MAX;
    if (max == 0)
        return 0;
    list->items = calloc(max, sizeof(*list->items));
    if (list->items == NULL)
        return ERR_MEMORY;
    for (size_t i = 0; i < from->count && list->count < max; i++)
        list->count += read_one(&list->items[list->count], &from->items[i]);
    return 0;
}

bool participants_equal(const struct participants *a, const struct participants *b)
{
    return a->count == b->count &&
           (a->count == 0 || memcmp(a->items, b->items, a->count * sizeof(a->items[0])) == 0);
}

static uint64_t digest_text(uint64_t hash, const char *text)
{
    return fnv64_add(hash, text, strlen(text) + 1);
}

uint64_t participants_digest(const struct participants *list)
{
    uint64_t hash = FNV64;
    for (size_t i = 0; i < list->count; i++) {
        hash = digest_text(hash, list->items[i].name);
        hash = digest_text(hash, list->items[i].alias);
    }
    return hash | 1;
}

uint64_t participants_digest_all(const struct participants *list)
{
    return fnv64_add(FNV64, list->items, list->count * sizeof(list->items[0])) | 1;
}

struct signal_participant participant_signal(const struct participant *p)
{
    return (struct signal_participant){
        .fingerprint = signal_text_of(p->name),
        .alias = signal_text_of(p->alias[0] == '\0' ? NULL : p->alias),
        .relay_label = signal_text_of(p->label[0] == '\0' ? NULL : p->label)};
}

bool participants_add(struct participants *list, const char *name, const char *alias,
                      const char *label)
{
    if (list->count >= PARTICIPANTS_MAX)
        return false;
    if ((list->count & (list->count - 1)) == 0) {
        size_t room = list->count == 0 ? 1 : list->count * 2;
        struct participant *more = realloc(list->items, room * sizeof(*more));
        if (more == NULL)
            return false;
        list->items = more;
    }
    struct participant *p = &list->items[list->count++];
    *p = (struct participant){0};
    copy_text(p->name, sizeof(p->name), bytes_of_string(name));
    if (alias != NULL)
        copy_text(p->alias, sizeof(p->alias), bytes_of_string(alias));
    if (label != NULL)
        copy_text(p->label, sizeof(p->label), bytes_of_string(label));
    return true;
}

void participants_put(struct buffer *out, const struct participants *list)
{
    buffer_append_u32(out, (uint32_t)list->count);
    for (size_t i = 0; i < list->count; i++) {
        record_put_text(out, list->items[i].name);
        record_put_text(out, list->items[i].alias);
        record_put_text(out, list->items[i].label);
    }
}

void participants_get(struct reader *r, struct participants *list)
{
    size_t count = reader_u32(r);
    if (r->failed || count > PARTICIPANTS_MAX) {
        r->failed = true;
        return;
    }
    for (size_t i = 0; i < count && !r->failed; i++) {
        struct participant p;
        record_get_text(r, p.name, sizeof(p.name));
        record_get_text(r, p.alias, sizeof(p.alias));
        record_get_text(r, p.label, sizeof(p.label));
        if (!r->failed && !participants_add(list, p.name, p.alias, p.label))
            r->failed = true;
    }
}
