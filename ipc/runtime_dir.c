#include "ipc/runtime_dir.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "common/error.h"

int ipc_runtime_dir_make(const char *runtime_dir)
{
    struct stat st;
    if (mkdir(runtime_dir, 0700) == 0)
        return 0;
    if (errno != EEXIST || stat(runtime_dir, &st) != 0)
        return ERR_SYSTEM;
    errno = ENOTDIR;
    return S_ISDIR(st.st_mode) ? 0 : ERR_SYSTEM;
}

int ipc_runtime_dir_path(char out[IPC_PATH_MAX], const char *runtime_dir, const char *plane,
                         const char *suffix)
{
    int len = snprintf(out, IPC_PATH_MAX, "%s/%s%s%s", runtime_dir, plane,
                       suffix == NULL ? "" : ".", suffix == NULL ? "" : suffix);
    return len < 0 || len >= IPC_PATH_MAX ? ERR_TOO_LARGE : 0;
}
