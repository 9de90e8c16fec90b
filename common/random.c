#include "common/random.h"

#include <errno.h>
#include <stdint.h>
#include <sys/random.h>

#include "common/error.h"

int random_fill(void *out, size_t len)
{
    uint8_t *at = out;
    while (len > 0) {
        ssize_t got = getrandom(at, len, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return ERR_RANDOM;
        at += got;
        len -= (size_t)got;
    }
    return 0;
}
