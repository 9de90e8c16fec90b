/*
 * The poison note: which input the control plane is handling right now, in a small mapped file in
 * runtime_dir ("control.note"). A mapped page of a file outlives a killed process, at whatever
 * instruction it dies, so its successor finds the input that killed it and reports it.
 *
 *   note = read at start -> ipc_control_side_report
 *   for each input: set, handle, send the reaction, clear
 *
 * A note is whole or absent: its last word is a checksum, written last and taken away first.
 * Between inputs there is none: a kill from outside blames no message that only waited.
 */
#ifndef CHAPPE_IPC_NOTE_H
#define CHAPPE_IPC_NOTE_H

#include <stdbool.h>
#include <stdint.h>

struct ipc_note;

struct ipc_note_entry {
    uint64_t data_epoch;    /* connections are numbered anew in each life of the data plane */
    uint64_t control_epoch; /* that handled it: reports of one death count once */
    uint64_t connection;
    uint64_t input;
};

/* Opens or makes the file. 0, ERR_MEMORY or ERR_SYSTEM (errno is kept). The plane's lock is held.
 */
int ipc_note_open(struct ipc_note **out, const char *runtime_dir);
void ipc_note_close(struct ipc_note *n); /* the note stays in the file */

void ipc_note_set(struct ipc_note *n, const struct ipc_note_entry *entry);
void ipc_note_clear(struct ipc_note *n);
/* True: there is a note, in `out`. */
bool ipc_note_read(const struct ipc_note *n, struct ipc_note_entry *out);

#endif
