#include "common/trunk.h"

#include "common/error.h"

int trunk_init(struct trunk *trunk, struct bytes frame)
{
    reader_init(&trunk->reader, frame);
    trunk->left = reader_u16(&trunk->reader);
    return trunk->reader.failed ? ERR_TRUNCATED : 0;
}

int trunk_next(struct trunk *trunk, struct trunk_entry *out)
{
    if (trunk->left == 0)
        return 0;
    reader_copy(&trunk->reader, out->session, sizeof(out->session));
    out->packet = reader_bytes(&trunk->reader, reader_u16(&trunk->reader));
    if (trunk->reader.failed)
        return ERR_TRUNCATED;
    trunk->left--;
    return 1;
}
