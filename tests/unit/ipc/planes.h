/*
 * Both sides of the contract in one program, with the smallest data plane and control plane that
 * can show a loss or a doubling, joined by four faulty channels. Either plane can be killed and
 * started again at any time.
 *
 * The control plane answers each input with one transaction: the acknowledgement, a record that
 * belongs to the connection and sums up its inputs, a record of nobody that counts all inputs, and
 * one signal. The data plane checks that each input is answered once and in order.
 */
#ifndef CHAPPE_TESTS_UNIT_IPC_PLANES_H
#define CHAPPE_TESTS_UNIT_IPC_PLANES_H

#include "channel.h"
#include "ipc/control_side.h"
#include "ipc/data_side.h"

#define CONNECTIONS_MAX 24
#define INPUTS_MAX 64

/* A connection, as the data plane has it. */
struct data_connection {
    uint64_t id; /* 0: free */
    bool open;
    bool known;                   /* its `opened` was acknowledged, its `closed` was not */
    bool gone;                    /* its `closed` was acknowledged */
    uint64_t inputs;              /* given out */
    uint64_t answered;            /* the last one */
    bool dropped[INPUTS_MAX + 1]; /* as poisonous */
    uint64_t record;              /* value; 0: none */
};

struct data_plane {
    struct ipc_data_side *side; /* NULL: not running */
    uint64_t epoch;
    struct data_connection connections[CONNECTIONS_MAX];
    size_t count;
    uint64_t total;    /* the record of nobody */
    uint64_t answers;  /* committed */
    uint64_t poisoned; /* connections */
    uint64_t skipped;  /* items that named a connection that is gone */
    uint64_t commits;
    size_t slice_items; /* how many items fit into a slice */
};

/* A connection, as the control plane has it. */
struct control_connection {
    uint64_t id; /* 0: free */
    uint64_t record;
    bool busy; /* the oldest input waits for something from elsewhere */
    uint64_t waiting[INPUTS_MAX];
    bool last[INPUTS_MAX]; /* that input is the `closed` */
    size_t waiting_count;
};

struct control_plane {
    struct ipc_control_side *side; /* NULL: not running */
    bool dying;                    /* killed inside a callback; nothing leaves it any more */
    struct control_connection connections[CONNECTIONS_MAX];
    uint64_t total;
    bool adopted;
    unsigned busy;    /* per mille of the inputs that take time */
    unsigned fragile; /* per mille of the inputs at which it is killed */
    uint64_t lost, mismatches, silences;
    int last_error;
    uint64_t deaths; /* while handling an input */
};

struct planes {
    uint64_t rng;
    uint64_t now;
    struct channel events, commands, requests, replies;
    uint64_t request_number; /* nng takes only the reply to the last request */
    uint64_t wall;           /* of the epochs */
    bool note_set;
    struct ipc_note_entry note;
    struct data_plane data;
    struct control_plane control;
    unsigned wrong; /* answers twice or out of order */
    bool poison;    /* signals may be poisonous */
};

void planes_init(struct planes *p, uint64_t seed);
void planes_free(struct planes *p);

void planes_start_data(struct planes *p);
void planes_start_control(struct planes *p);
/* Kills; what is in the channels stays there. */
void planes_kill_data(struct planes *p);
void planes_kill_control(struct planes *p);

uint64_t planes_open(struct planes *p); /* the new connection, or 0: no room */
void planes_signal(struct planes *p, uint64_t id);
void planes_signal_poison(struct planes *p, uint64_t id);
void planes_close(struct planes *p, uint64_t id);
struct data_connection *planes_connection(struct planes *p, uint64_t id);

/* Delivers up to `most` messages of a channel. */
void planes_deliver(struct planes *p, struct channel *c, size_t most);
void planes_deliver_all(struct planes *p); /* until all channels are empty */
/* Inputs that wait for something from elsewhere get it. */
void planes_finish_busy(struct planes *p);
void planes_tick(struct planes *p); /* both, 100 ms later */
/* Ticks and deliveries without faults until nothing is left to do; restarts who is not running.
   False: it did not end. */
bool planes_settle(struct planes *p);
/* Both sides are in the same state, and every input was answered once. */
bool planes_agree(const struct planes *p);

#endif
