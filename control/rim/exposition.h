/*
 * Writes Prometheus's text format 0.0.4: families (HELP and TYPE) and their samples. Names and
 * label keys are the caller's, valid already; texts may be anything and are escaped. A lack of
 * memory shows in the buffer.
 */
#ifndef CHAPPE_CONTROL_RIM_EXPOSITION_H
#define CHAPPE_CONTROL_RIM_EXPOSITION_H

#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"

struct exposition_label {
    const char *key;
    const char *value;
};

/* `type`: "counter", "gauge" or "histogram". All samples of a family follow it at once. */
void exposition_family(struct buffer *out, const char *name, const char *type, const char *help);
/* One sample: `name` (of the family, or with its suffix), up to two labels, NULL-keyed: none. */
void exposition_sample(struct buffer *out, const char *name,
                       const struct exposition_label labels[2], double value);
void exposition_sample_u64(struct buffer *out, const char *name,
                           const struct exposition_label labels[2], uint64_t value);
/* A family of one sample without labels. */
void exposition_counter(struct buffer *out, const char *name, const char *help, uint64_t value);
void exposition_gauge(struct buffer *out, const char *name, const char *help, double value);

#define EXPOSITION_NO_LABELS ((const struct exposition_label[2]){{0}})
#define EXPOSITION_LABEL(key, value) ((const struct exposition_label[2]){{key, value}})
#define EXPOSITION_LABELS(key1, value1, key2, value2)                                              \
    ((const struct exposition_label[2]){{key1, value1}, {key2, value2}})

#endif
