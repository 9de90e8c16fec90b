/*
 * The relay's config: one YAML file that both planes read (design, "Config"; deploy/examples).
 *
 * Which keys there are, their types, defaults, ranges and help is data: common/config_schema.h.
 * Everything that is wrong in a file is found and reported at once, each error with file, line and
 * key; a config that loads without error holds only values that its readers can use unchecked.
 * What a path or a host name stands for is not looked at here.
 */
#ifndef CHAPPE_COMMON_CONFIG_H
#define CHAPPE_COMMON_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/address.h"
#include "common/bytes.h"
#include "common/config_errors.h"
#include "common/fingerprint.h"
#include "common/log.h"

#define CONFIG_FILE_MAX (1024u * 1024) /* bytes of a config file */
#define CONFIG_PEERS_MAX 1024          /* entries of `peers`, and of `trusted` */
#define CONFIG_ROOMS_MAX 1024          /* entries of `global_rooms` */
#define CONFIG_PROBES_MAX 256          /* entries of `probe_targets` */
#define CONFIG_NAME_MAX 64             /* bytes of relay.name */
#define CONFIG_LABEL_MAX 259           /* bytes of a label: the default is an address */
#define CONFIG_SOCKET_NAME_MAX 20      /* bytes of the longest socket's name in runtime_dir */

struct config_relay {
    char *name; /* label that others see */
    struct address listen;
    struct address advertise; /* none: the address at which the phone reached us */
    char *identity;           /* path */
    char *runtime_dir;        /* path, short enough for every socket in it */
    uint32_t workers;         /* 0 = one per core */
    uint32_t max_sessions;    /* media connections */
    uint32_t max_phones;      /* registered phones */
};

struct config_log {
    enum log_level level;
    enum log_format format;
};

struct config_limits {
    uint32_t federation_room_pps; /* packets/s from one peer in one room; 0 = unlimited */
    uint32_t participant_pps;     /* packets/s from one sender in one room; 0 = unlimited */
    uint32_t address_connections; /* connections from one address; 0 = unlimited */
    uint32_t federation_hops;     /* links */
    uint32_t signal_bytes;        /* longest signal message */
    uint32_t ring_timeout_s;
};

/* A relay that we dial; it may dial us too. */
struct config_peer {
    char *address; /* HOST:PORT or [IPV6]:PORT as written; to be resolved at every dial */
    struct fingerprint_tls fingerprint;
    char *label;   /* default: the address */
    bool delegate; /* accept what it forwards from others */
    bool legacy;   /* an original: presents no certificate when it dials us */
    size_t line;   /* where the file has it, for messages */
};

/* A relay that may dial us. */
struct config_trusted {
    struct fingerprint_tls fingerprint;
    char *label; /* default: the first 16 digits of the fingerprint */
    bool delegate;
    bool legacy;
    struct address address; /* the only address it may come from, port 0; none: any. A legacy
                               entry always has one. */
    size_t line;
};

/* Strings are owned by the struct and are valid UTF-8 without control characters. */
struct config {
    char *file; /* where it was read from, for messages */
    struct config_relay relay;
    struct config_log log;
    struct address metrics_listen; /* none: off */
    char *auth_url;                /* NULL: no token needed */
    char *event_log;               /* path; NULL: off */
    struct config_limits limits;

    char **probe_targets; /* HOST:PORT as written; none twice */
    size_t probe_target_count;
    char **global_rooms; /* normalized as common/room.h says; none twice */
    size_t global_room_count;
    struct config_peer
        *peers; /* no fingerprint twice; labels differ, those of `trusted` included */
    size_t peer_count;
    struct config_trusted *trusted; /* no fingerprint twice; one may also be in `peers` */
    size_t trusted_count;
};

/*
 * Reads a config. On success 0 and the caller frees `out` with config_free. Else `out` is empty,
 * `errors` says why (free it in both cases), and the result is ERR_SYNTAX for what is wrong in the
 * file, ERR_SYSTEM for a file that cannot be read, ERR_TOO_LARGE, or ERR_MEMORY.
 */
int config_load(const char *path, struct config *out, struct config_errors *errors);
/* The same for text in memory; `file` is the name for messages. */
int config_load_text(struct bytes text, const char *file, struct config *out,
                     struct config_errors *errors);
void config_free(struct config *config);

/*
 * Refuses a config that names this relay itself in `peers` or `trusted` (protocol.md, defect 23);
 * needs the identity, so it is not part of config_load. 0, or ERR_DUPLICATE and `errors` filled.
 */
int config_check_identity(const struct config *config, const struct fingerprint_tls *own,
                          struct config_errors *errors);

#endif
