#include "ipc/epoch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/error.h"
#include "common/text.h"
#include "ipc/runtime_dir.h"

/* The file holds this many decimal digits and a newline, always: one write replaces all of it. */
#define EPOCH_DIGITS 20
#define EPOCH_MAX ((uint64_t)1 << 62)

/* 0 if there is none, or none that can be read. */
static uint64_t read_last(int fd)
{
    char text[EPOCH_DIGITS + 1];
    uint64_t last = 0;
    if (pread(fd, text, sizeof(text), 0) != (ssize_t)sizeof(text) || text[EPOCH_DIGITS] != '\n')
        return 0;
    struct bytes digits = {(const uint8_t *)text, EPOCH_DIGITS};
    return text_parse_u64(digits, 0, EPOCH_MAX, &last) == 0 ? last : 0;
}

static int write_last(int fd, uint64_t epoch)
{
    char text[EPOCH_DIGITS + 2];
    snprintf(text, sizeof(text), "%0*" PRIu64 "\n", EPOCH_DIGITS, epoch);
    ssize_t written = pwrite(fd, text, EPOCH_DIGITS + 1, 0);
    if (written == EPOCH_DIGITS + 1)
        return 0;
    if (written >= 0)
        errno = ENOSPC;
    return ERR_SYSTEM;
}

static int next(int fd, uint64_t wall_ms, uint64_t *out)
{
    uint64_t last = read_last(fd);
    *out = wall_ms > last && wall_ms <= EPOCH_MAX ? wall_ms : last + 1;
    return write_last(fd, *out);
}

int ipc_epoch_next(const char *runtime_dir, const char *plane, uint64_t wall_ms, uint64_t *out)
{
    char path[IPC_PATH_MAX];
    if (ipc_runtime_dir_path(path, runtime_dir, plane, "epoch") != 0) {
        errno = ENAMETOOLONG;
        return ERR_SYSTEM;
    }
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return ERR_SYSTEM;
    int rc = next(fd, wall_ms, out);
    int saved = errno;
    close(fd);
    errno = saved;
    return rc;
}
