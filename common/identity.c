#include "common/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/error.h"
#include "common/hex.h"
#include "common/random.h"

#define IDENTITY_DIGITS (2 * IDENTITY_SEED_SIZE)
/* A larger file is not an identity. Leaves room for white space. */
#define IDENTITY_FILE_MAX 4096
/* A file that is absent when read and present when made, this often in a row, is a broken link. */
#define IDENTITY_ATTEMPTS 8

/* One call of identity_load. */
struct identity_job {
    const char *path;
    char *why;
    size_t why_len;
};

static int identity_fail(const struct identity_job *job, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int identity_fail(const struct identity_job *job, int code, const char *format, ...)
{
    char reason[192];
    va_list args;
    va_start(args, format);
    vsnprintf(reason, sizeof(reason), format, args);
    va_end(args);
    if (job->why_len > 0)
        snprintf(job->why, job->why_len, "identity file %s: %s", job->path, reason);
    return code;
}

static bool identity_is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static int identity_parse(const struct identity_job *job, const char *text, size_t len,
                          struct identity_seed *seed)
{
    while (len > 0 && identity_is_space(text[0])) {
        text++;
        len--;
    }
    while (len > 0 && identity_is_space(text[len - 1]))
        len--;
    if (len == 0)
        return identity_fail(job, ERR_SYNTAX, "is empty; it must hold 64 hex digits");
    for (size_t i = 0; i < len; i++) {
        if (hex_value(text[i]) < 0)
            return identity_fail(job, ERR_SYNTAX,
                                 "is corrupt: character %zu of its text is not a hex digit", i + 1);
    }
    if (len != IDENTITY_DIGITS)
        return identity_fail(job, ERR_SYNTAX, "is corrupt: it holds %zu hex digits instead of 64",
                             len);
    return hex_decode(text, seed->bytes, sizeof(seed->bytes));
}

/* Reads at most `size` bytes; returns how many, or -1 with errno. */
static ssize_t identity_read_all(int fd, char *text, size_t size)
{
    size_t len = 0;
    while (len < size) {
        ssize_t got = read(fd, text + len, size - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        len += (size_t)got;
    }
    return (ssize_t)len;
}

static int identity_read_open(const struct identity_job *job, int fd, struct identity_seed *seed,
                              unsigned *notes)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return identity_fail(job, ERR_SYSTEM, "cannot be examined: %s", strerror(errno));
    if (!S_ISREG(st.st_mode))
        return identity_fail(job, ERR_SYSTEM, "is not a regular file");
    char text[IDENTITY_FILE_MAX + 1];
    ssize_t len = identity_read_all(fd, text, sizeof(text));
    int rc;
    if (len < 0)
        rc = identity_fail(job, ERR_SYSTEM, "cannot be read: %s", strerror(errno));
    else if (len > IDENTITY_FILE_MAX)
        rc = identity_fail(job, ERR_SYNTAX, "is corrupt: it is larger than %d bytes",
                           IDENTITY_FILE_MAX);
    else
        rc = identity_parse(job, text, (size_t)len, seed);
    explicit_bzero(text, sizeof(text));
    if (rc == 0 && (st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        *notes |= IDENTITY_TOO_OPEN;
    return rc;
}

/* Returns ERR_NOT_FOUND, without a reason, if there is no such file. */
static int identity_read(const struct identity_job *job, struct identity_seed *seed,
                         unsigned *notes)
{
    /* Not blocking: opening a FIFO must not wait for a writer. */
    int fd = open(job->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return ERR_NOT_FOUND;
    if (fd < 0)
        return identity_fail(job, ERR_SYSTEM, "cannot be opened: %s", strerror(errno));
    int rc = identity_read_open(job, fd, seed, notes);
    close(fd);
    return rc;
}

/* The directory part of a path, "." if it has none. */
static int identity_directory(const struct identity_job *job, char out[PATH_MAX])
{
    const char *slash = strrchr(job->path, '/');
    size_t len = slash == NULL ? 0 : (size_t)(slash - job->path);
    if (len >= PATH_MAX)
        return identity_fail(job, ERR_SYSTEM, "its path is too long");
    memcpy(out, job->path, len);
    out[len] = '\0';
    if (len == 0)
        strcpy(out, slash == NULL ? "." : "/");
    return 0;
}

static int identity_write_seed(int fd)
{
    struct identity_seed seed;
    char text[IDENTITY_DIGITS + 1];
    int rc = random_fill(seed.bytes, sizeof(seed.bytes));
    if (rc != 0)
        return rc;
    hex_encode(seed.bytes, sizeof(seed.bytes), text);
    size_t done = 0;
    while (rc == 0 && done < IDENTITY_DIGITS) {
        ssize_t put = write(fd, text + done, IDENTITY_DIGITS - done);
        if (put > 0)
            done += (size_t)put;
        else if (put == 0 || errno != EINTR)
            rc = ERR_SYSTEM;
    }
    identity_wipe(&seed);
    explicit_bzero(text, sizeof(text));
    if (rc == 0 && (fchmod(fd, S_IRUSR | S_IWUSR) != 0 || fsync(fd) != 0))
        rc = ERR_SYSTEM;
    return rc;
}

static int identity_sync_directory(const char *directory)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return ERR_SYSTEM;
    int rc = fsync(fd) == 0 ? 0 : ERR_SYSTEM;
    close(fd);
    return rc;
}

/* Gives the finished temporary file its name, unless somebody was faster. */
static int identity_publish(const struct identity_job *job, const char *temporary,
                            const char *directory, unsigned *notes)
{
    if (link(temporary, job->path) != 0) {
        if (errno == EEXIST)
            return 0;
        return identity_fail(job, ERR_SYSTEM, "cannot be made: %s", strerror(errno));
    }
    *notes |= IDENTITY_CREATED;
    if (identity_sync_directory(directory) != 0)
        return identity_fail(job, ERR_SYSTEM, "cannot be made durable: %s", strerror(errno));
    return 0;
}

static int identity_make(const struct identity_job *job, unsigned *notes)
{
    char directory[PATH_MAX];
    char temporary[PATH_MAX + 8];
    int rc = identity_directory(job, directory);
    if (rc != 0)
        return rc;
    if (mkdir(directory, S_IRWXU) != 0 && errno != EEXIST)
        return identity_fail(job, ERR_SYSTEM, "its directory cannot be made: %s", strerror(errno));
    if (snprintf(temporary, sizeof(temporary), "%s.XXXXXX", job->path) >= (int)sizeof(temporary))
        return identity_fail(job, ERR_SYSTEM, "its path is too long");
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return identity_fail(job, ERR_SYSTEM, "cannot be made: %s", strerror(errno));
    rc = identity_write_seed(fd);
    if (rc != 0)
        identity_fail(job, rc, "cannot be made: %s",
                      rc == ERR_SYSTEM ? strerror(errno) : error_text(rc));
    else
        rc = identity_publish(job, temporary, directory, notes);
    close(fd);
    unlink(temporary);
    return rc;
}

int identity_load(const char *path, struct identity_seed *seed, unsigned *notes, char *why,
                  size_t why_len)
{
    struct identity_job job = {path, why, why_len};
    unsigned found = 0;
    int rc = ERR_NOT_FOUND;
    if (why_len > 0)
        why[0] = '\0';
    identity_wipe(seed);
    for (int i = 0; i < IDENTITY_ATTEMPTS; i++) {
        rc = identity_read(&job, seed, &found);
        if (rc != ERR_NOT_FOUND)
            break;
        int made = identity_make(&job, &found);
        if (made != 0) {
            rc = made;
            break;
        }
    }
    if (rc == ERR_NOT_FOUND)
        rc = identity_fail(&job, ERR_SYSTEM, "is a link to a file that does not exist");
    if (notes != NULL)
        *notes = found;
    return rc;
}

void identity_wipe(struct identity_seed *seed)
{
    explicit_bzero(seed->bytes, sizeof(seed->bytes));
}
