#include "tests/unit/phone/scratch.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

int scratch_setup(void **state)
{
    char *path = strdup("/tmp/chappe-unit-XXXXXX");
    *state = path;
    return path == NULL || mkdtemp(path) == NULL ? -1 : 0;
}

int scratch_teardown(void **state)
{
    char path[SCRATCH_PATH];
    DIR *dir = opendir(*state);
    if (dir == NULL)
        return -1;
    for (struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        if (e->d_name[0] == '.')
            continue;
        scratch_path(state, e->d_name, path);
        unlink(path);
    }
    closedir(dir);
    int rc = rmdir(*state);
    free(*state);
    return rc;
}

void scratch_path(void **state, const char *name, char out[SCRATCH_PATH])
{
    const char *dir = *state;
    assert_in_range(snprintf(out, SCRATCH_PATH, "%s/%s", dir, name), 1, SCRATCH_PATH - 1);
}

void scratch_write(void **state, const char *name, struct bytes content)
{
    char path[SCRATCH_PATH];
    scratch_path(state, name, path);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    if (content.len > 0)
        assert_int_equal(fwrite(content.data, 1, content.len, file), content.len);
    assert_int_equal(fclose(file), 0);
}
