#include <wolfssl/options.h>

#include "dataplane/quic/quic.h"

#include <string.h>
#include <wolfssl/wolfcrypt/aes.h>

const char *quic_aes_implementation(void)
{
#ifdef WOLFSSL_AESNI
    static const uint8_t key[16];
    Aes aes;
    memset(&aes, 0, sizeof(aes));
    if (wc_AesInit(&aes, NULL, INVALID_DEVID) == 0 &&
        wc_AesSetKeyDirect(&aes, key, sizeof(key), NULL, AES_ENCRYPTION) == 0 && aes.use_aesni) {
        wc_AesFree(&aes);
        return "AES-NI";
    }
    wc_AesFree(&aes);
#endif
#ifdef WOLFSSL_ARMASM
    return "ARM assembly";
#else
    return "software";
#endif
}
