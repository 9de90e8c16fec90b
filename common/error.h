/*
 * The one table of errors. Functions that can fail return an int: 0 (ERR_OK) or one of these
 * values, all negative. error_text() gives the words that a person reads; a caller that knows the
 * place (file, line, key, byte) adds it.
 */
#ifndef CHAPPE_COMMON_ERROR_H
#define CHAPPE_COMMON_ERROR_H

/* name, value, text. A new error goes to the end of its group; values are never on the wire. */
#define ERROR_TABLE(X)                                                                             \
    X(ERR_OK, 0, "no error")                                                                       \
    /* resources and the system */                                                                 \
    X(ERR_MEMORY, -1, "out of memory")                                                             \
    X(ERR_SYSTEM, -2, "a system call failed")                                                      \
    X(ERR_CRYPTO, -3, "a cryptographic operation failed")                                          \
    X(ERR_RANDOM, -4, "no random numbers to be had")                                               \
    /* input */                                                                                    \
    X(ERR_SYNTAX, -20, "malformed input")                                                          \
    X(ERR_TRUNCATED, -21, "input ends too early")                                                  \
    X(ERR_TRAILING, -22, "bytes after the end of the value")                                       \
    X(ERR_RANGE, -23, "value out of range")                                                        \
    X(ERR_TYPE, -24, "value of the wrong type")                                                    \
    X(ERR_MISSING, -25, "a required field is missing")                                             \
    X(ERR_DUPLICATE, -26, "given twice")                                                           \
    X(ERR_UNKNOWN, -27, "unknown name")                                                            \
    X(ERR_TOO_LARGE, -28, "larger than its limit")                                                 \
    X(ERR_UNKNOWN_VARIANT, -29, "unknown message variant")                                         \
    X(ERR_PERMISSIONS, -30, "permissions are too open")                                            \
    X(ERR_DEPTH, -31, "nested too deeply")                                                         \
    /* state */                                                                                    \
    X(ERR_FULL, -40, "full")                                                                       \
    X(ERR_NOT_FOUND, -41, "not found")                                                             \
    X(ERR_EXISTS, -42, "exists already")                                                           \
    X(ERR_AGAIN, -43, "nothing to be had now")                                                     \
    X(ERR_CLOSED, -44, "closed")                                                                   \
    X(ERR_LOCKED, -45, "held by another process")                                                  \
    X(ERR_TIMEOUT, -46, "timed out")                                                               \
    /* between the planes */                                                                       \
    X(ERR_VERSION, -60, "another version of the contract")                                         \
    X(ERR_EPOCH, -61, "meant for another life of a process")                                       \
    X(ERR_GAP, -62, "messages before this one are missing")                                        \
    X(ERR_REPEAT, -63, "seen already")                                                             \
    /* QUIC and TLS */                                                                             \
    X(ERR_TLS, -80, "TLS failed")                                                                  \
    X(ERR_QUIC, -81, "QUIC failed")                                                                \
    X(ERR_PIN, -82, "the peer's certificate is not the pinned one")                                \
    X(ERR_ALPN, -83, "the peer does not speak our protocol")

enum error_code {
#define X(name, value, text) name = (value),
    ERROR_TABLE(X)
#undef X
};

/* The text of an error; never NULL, "unknown error" for a value that is not in the table. */
const char *error_text(int code);

#endif
