#include <wolfssl/options.h>

#include "common/sha256.h"

#include <limits.h>
#include <string.h>
#include <wolfssl/wolfcrypt/sha256.h>

#include "common/error.h"

static int sha256_update(wc_Sha256 *state, struct bytes data)
{
    if (data.len == 0)
        return 0;
    if (data.len > UINT_MAX)
        return -1;
    return wc_Sha256Update(state, data.data, (word32)data.len);
}

int sha256_two(struct bytes first, struct bytes second, uint8_t out[SHA256_SIZE])
{
    wc_Sha256 state;
    memset(out, 0, SHA256_SIZE);
    if (wc_InitSha256(&state) != 0)
        return ERR_CRYPTO;
    int rc = sha256_update(&state, first);
    if (rc == 0)
        rc = sha256_update(&state, second);
    if (rc == 0)
        rc = wc_Sha256Final(&state, out);
    wc_Sha256Free(&state);
    return rc == 0 ? 0 : ERR_CRYPTO;
}

int sha256(struct bytes data, uint8_t out[SHA256_SIZE])
{
    return sha256_two(data, BYTES_NONE, out);
}
