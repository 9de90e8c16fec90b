#include "ipc/note.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/error.h"
#include "ipc/runtime_dir.h"

/* What the file holds. The checksum makes the rest valid; 0: there is no note. */
struct note_page {
    struct ipc_note_entry entry;
    _Atomic uint64_t checksum;
};

struct ipc_note {
    struct note_page *page;
};

/* Never 0. Also tells a note from a file of something else. */
static uint64_t checksum(const struct ipc_note_entry *e)
{
    const uint64_t words[] = {e->data_epoch, e->control_epoch, e->connection, e->input};
    uint64_t sum = 0x6e6f74652d763031; /* "note-v01" */
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        sum = (sum ^ words[i]) * 0x9e3779b97f4a7c15;
        sum ^= sum >> 29;
    }
    return sum | 1;
}

static int map_file(const char *path, struct note_page **page)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return ERR_SYSTEM;
    void *memory = MAP_FAILED;
    if (ftruncate(fd, sizeof(**page)) == 0)
        memory = mmap(NULL, sizeof(**page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    int saved = errno;
    close(fd);
    errno = saved;
    *page = memory;
    return memory == MAP_FAILED ? ERR_SYSTEM : 0;
}

int ipc_note_open(struct ipc_note **out, const char *runtime_dir)
{
    char path[IPC_PATH_MAX];
    if (ipc_runtime_dir_path(path, runtime_dir, "control", "note") != 0) {
        errno = ENAMETOOLONG;
        return ERR_SYSTEM;
    }
    struct ipc_note *n = calloc(1, sizeof(*n));
    if (n == NULL)
        return ERR_MEMORY;
    int rc = map_file(path, &n->page);
    if (rc != 0) {
        int saved = errno;
        free(n);
        errno = saved;
        return rc;
    }
    *out = n;
    return 0;
}

void ipc_note_close(struct ipc_note *n)
{
    if (n == NULL)
        return;
    munmap(n->page, sizeof(*n->page));
    free(n);
}

/* The order of the stores is what counts: a kill may come between any two of them. */
void ipc_note_set(struct ipc_note *n, const struct ipc_note_entry *entry)
{
    ipc_note_clear(n);
    n->page->entry = *entry;
    atomic_store_explicit(&n->page->checksum, checksum(entry), memory_order_release);
}

void ipc_note_clear(struct ipc_note *n)
{
    atomic_store_explicit(&n->page->checksum, 0, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst);
}

bool ipc_note_read(const struct ipc_note *n, struct ipc_note_entry *out)
{
    uint64_t sum = atomic_load_explicit(&n->page->checksum, memory_order_acquire);
    *out = n->page->entry;
    return sum != 0 && sum == checksum(out);
}
