#include "directory.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int directory_setup(void **state)
{
    char *path = strdup("/tmp/chappe-ipc-XXXXXX");
    if (path == NULL || mkdtemp(path) == NULL)
        return -1;
    *state = path;
    return 0;
}

/* Files, and directories that are empty. */
int directory_teardown(void **state)
{
    char *path = *state;
    DIR *dir = opendir(path);
    struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        char name[600];
        snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
        if (entry->d_name[0] != '.' && unlink(name) != 0)
            rmdir(name);
    }
    if (dir != NULL)
        closedir(dir);
    int rc = rmdir(path);
    free(path);
    return rc;
}
