#include "common/sni.h"

#include <strings.h>
#include <string.h>

static bool sni_is(struct bytes name, const char *special)
{
    return name.len == strlen(special) &&
           strncasecmp((const char *)name.data, special, name.len) == 0;
}

static enum sni_kind sni_special(struct bytes name)
{
#define X(kind, text)                                                                              \
    if (sni_is(name, text))                                                                        \
        return kind;
    SNI_TABLE(X)
#undef X
    return SNI_REFUSED;
}

void sni_parse(struct bytes name, struct sni *out)
{
    *out = (struct sni){.kind = SNI_REFUSED};
    if (name.len == 0)
        name = BYTES_LITERAL(ROOM_DEFAULT);
    if (room_name_reserved(name)) {
        out->kind = sni_special(name);
        return;
    }
    if (room_name_normalize(name, out->room) != 0)
        return;
    if (!room_is_call(name)) {
        out->kind = SNI_ROOM;
        return;
    }
    if (room_call_id_normalize(room_call_id(bytes_of_string(out->room)), out->call_id) == 0)
        out->kind = SNI_CALL;
    else
        out->room[0] = '\0';
}
