#include "control/rim/reload.h"

#include <string.h>

#include "common/config_diff.h"
#include "common/error.h"
#include "common/log.h"

/* ---- a file that is wrong ---- */

static cJSON *refuse(const char *file, const struct config_errors *errors, int error)
{
    struct buffer text = {0};
    for (size_t i = 0; i < errors->count; i++) {
        log_event(LOG_ERROR, "reload_refused", LOG_STR("why", errors->lines[i]));
        buffer_printf(&text, "%s%s", i == 0 ? "" : "\n", errors->lines[i]);
    }
    if (errors->more > 0)
        buffer_printf(&text, "\nand %zu more errors", errors->more);
    if (errors->count == 0) {
        log_event(LOG_ERROR, "reload_refused", LOG_STR("file", file), LOG_ERR(error));
        buffer_printf(&text, "%s: %s", file, error_text(error));
    }
    buffer_append_u8(&text, 0);
    cJSON *answer = text.failed ? NULL : cJSON_CreateString((const char *)text.data);
    buffer_free(&text);
    return answer;
}

static int read_file(const char *file, const struct fingerprint_tls *own, struct config *fresh,
                     struct config_errors *errors)
{
    int rc = config_load(file, fresh, errors);
    if (rc != 0)
        return rc;
    rc = config_check_identity(fresh, own, errors);
    if (rc != 0)
        config_free(fresh);
    return rc;
}

/* ---- what differs ---- */

struct changes {
    cJSON *list;
    size_t count;
    bool needs_restart;
};

static void add_text(cJSON *object, const char *key, const char *text)
{
    if (text == NULL)
        cJSON_AddNullToObject(object, key);
    else
        cJSON_AddStringToObject(object, key, text);
}

static void on_change(void *context, const struct config_change *change)
{
    struct changes *changes = context;
    if (change->needs_restart)
        log_event(LOG_WARN, "config_needs_restart", LOG_STR("key", change->key),
                  LOG_STR("runs_with", change->old_text), LOG_STR("file_has", change->new_text));
    else
        log_event(LOG_INFO, "config_changed", LOG_STR("key", change->key),
                  LOG_STR("old", change->old_text), LOG_STR("new", change->new_text));
    cJSON *o = cJSON_CreateObject();
    cJSON_AddStringToObject(o, "key", change->key);
    add_text(o, "old", change->old_text);
    add_text(o, "new", change->new_text);
    cJSON_AddBoolToObject(o, "needs_restart", change->needs_restart);
    cJSON_AddItemToArray(changes->list, o);
    changes->needs_restart |= change->needs_restart;
    changes->count++;
}

int reload_read(struct config *running, const struct fingerprint_tls *own, struct config *fresh,
                cJSON **answer)
{
    struct config_errors errors = {0};
    struct changes changes = {.list = cJSON_CreateArray()};
    *answer = NULL;
    int rc = read_file(running->file, own, fresh, &errors);
    if (rc == 0) {
        rc = config_diff(running, fresh, on_change, &changes);
        if (rc != 0)
            config_free(fresh);
    }
    if (rc != 0) {
        *answer = refuse(running->file, &errors, rc);
        cJSON_Delete(changes.list);
        config_errors_free(&errors);
        return rc;
    }
    config_keep_running(fresh, running);
    log_event(LOG_INFO, "config_reloaded", LOG_STR("file", fresh->file),
              LOG_U64("changes", changes.count), LOG_BOOL("needs_restart", changes.needs_restart));
    *answer = cJSON_CreateObject();
    cJSON_AddItemToObject(*answer, "changes", changes.list);
    cJSON_AddBoolToObject(*answer, "needs_restart", changes.needs_restart);
    return 0;
}
