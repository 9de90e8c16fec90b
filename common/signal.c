#include "common/signal.h"

#include <stdio.h>
#include <string.h>

#include "common/error.h"
#include "common/signal_arena.h"
#include "common/signal_table.h"

const struct signal_profile signal_profile_good = {SIGNAL_CODEC_OPUS24K, 0.2f, 20, 5};
const struct signal_profile signal_profile_degraded = {SIGNAL_CODEC_OPUS6K, 0.5f, 40, 10};
const struct signal_profile signal_profile_catastrophic = {SIGNAL_CODEC_CODEC2_1200, 1.0f, 40, 8};
const struct signal_profile signal_profile_studio_32k = {SIGNAL_CODEC_OPUS32K, 0.1f, 20, 5};
const struct signal_profile signal_profile_studio_48k = {SIGNAL_CODEC_OPUS48K, 0.1f, 20, 5};
const struct signal_profile signal_profile_studio_64k = {SIGNAL_CODEC_OPUS64K, 0.1f, 20, 5};
const struct signal_profiles signal_profiles_good = {&signal_profile_good, 1};

const char *signal_type_name(enum signal_type type)
{
    return (unsigned)type < SIGNAL_TYPES ? signal_variants[type].name : "?";
}

static const char *name_of(const struct signal_names *names, unsigned value)
{
    return value < names->count ? names->names[value] : "?";
}

const char *signal_codec_name(enum signal_codec codec)
{
    return name_of(&signal_codec_names, (unsigned)codec);
}

const char *signal_hangup_reason_name(enum signal_hangup_reason reason)
{
    return name_of(&signal_hangup_reason_names, (unsigned)reason);
}

const char *signal_accept_mode_name(enum signal_accept_mode mode)
{
    return name_of(&signal_accept_mode_names, (unsigned)mode);
}

struct signal_text signal_text_of(const char *s)
{
    return (struct signal_text){s, s == NULL ? 0 : strlen(s)};
}

struct signal_text signal_text_of_bytes(struct bytes view)
{
    return (struct signal_text){(const char *)view.data, view.len};
}

struct bytes signal_text_bytes(struct signal_text text)
{
    return (struct bytes){(const uint8_t *)text.data, text.len};
}

bool signal_text_equal(struct signal_text a, struct signal_text b)
{
    return bytes_equal(signal_text_bytes(a), signal_text_bytes(b));
}

bool signal_text_equal_string(struct signal_text text, const char *s)
{
    return signal_text_equal(text, signal_text_of(s));
}

bool signal_text_copy(struct signal_text text, char *out, size_t size)
{
    if (size == 0)
        return false;
    size_t len = text.len < size ? text.len : size - 1;
    if (len > 0)
        memcpy(out, text.data, len);
    out[len] = '\0';
    return text.data != NULL && len == text.len && strlen(out) == len;
}

void signal_free(struct signal *signal)
{
    signal_arena_free(signal->arena);
    *signal = (struct signal){0};
}

void signal_error_format(const struct signal_error *error, char *out, size_t size)
{
    const char *path = error->path[0] == '\0' ? "message" : error->path;
    const char *quote = error->variant[0] == '\0' ? "" : " '";
    snprintf(out, size, "%s: %s%s%s%s (byte %zu)", path, error_text(error->code), quote,
             error->variant, quote[0] == '\0' ? "" : "'", error->offset);
}

int signal_write_forward(struct buffer *out, const char *origin_relay_fp, struct bytes inner_raw,
                         const struct signal_forward_extension *extension_or_null)
{
    struct signal forward = {
        .type = SIGNAL_FEDERATED_SIGNAL_FORWARD,
        .federated_signal_forward = {.inner_raw = inner_raw,
                                     .origin_relay_fp = signal_text_of(origin_relay_fp),
                                     .chappe = extension_or_null},
    };
    return signal_write(&forward, out);
}
