#include "common/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/config_check.h"
#include "common/config_read.h"
#include "common/config_schema.h"
#include "common/config_tree.h"
#include "common/error.h"
#include "common/text.h"

static void free_list(const struct config_list *list, struct config *config)
{
    size_t count;
    char *items = config_list_items(list, config, &count);
    for (size_t i = 0; i < count; i++)
        config_fields_free(list->fields, list->field_count, items + i * list->size);
    free(items);
}

void config_free(struct config *config)
{
    config_fields_free(config_fields, config_field_count, config);
    for (size_t i = 0; i < config_list_count; i++)
        free_list(&config_lists[i], config);
    free(config->file);
    *config = (struct config){0};
}

static int fill(struct config *config, struct bytes text, const char *file,
                struct config_errors *errors)
{
    config->file = text_copy(bytes_of_string(file));
    int rc = config->file == NULL ? ERR_MEMORY : 0;
    if (rc == 0)
        rc = config_fields_init(config_fields, config_field_count, config);
    if (rc != 0)
        return rc;
    struct config_tree tree;
    rc = config_tree_parse(&tree, text, file, errors);
    if (rc == 0)
        rc = config_read(config, tree.root, errors);
    config_tree_free(&tree);
    if (rc == 0)
        rc = config_set_rule_defaults(config);
    if (rc == 0)
        config_check(config, errors);
    return rc != 0 || !config_errors_any(errors) ? rc : ERR_SYNTAX;
}

int config_load_text(struct bytes text, const char *file, struct config *out,
                     struct config_errors *errors)
{
    *out = (struct config){0};
    *errors = (struct config_errors){0};
    int rc = fill(out, text, file, errors);
    if (rc != 0)
        config_free(out);
    if (rc == ERR_MEMORY)
        errors->out_of_memory = true;
    return rc;
}

/* Reads all of a file; 0, ERR_SYSTEM with errno set, ERR_TOO_LARGE or ERR_MEMORY. */
static int read_file(int fd, struct buffer *out)
{
    char chunk[16384];
    for (;;) {
        ssize_t len = read(fd, chunk, sizeof(chunk));
        if (len < 0 && errno == EINTR)
            continue;
        if (len < 0)
            return ERR_SYSTEM;
        if (len == 0)
            return 0;
        int rc = buffer_append(out, chunk, (size_t)len);
        if (rc != 0)
            return rc;
        if (out->len > CONFIG_FILE_MAX)
            return ERR_TOO_LARGE;
    }
}

int config_load(const char *path, struct config *out, struct config_errors *errors)
{
    *out = (struct config){0};
    *errors = (struct config_errors){0};
    struct buffer text = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int rc = fd < 0 ? ERR_SYSTEM : read_file(fd, &text);
    if (rc == ERR_SYSTEM)
        config_errors_add(errors, path, 0, NULL, "cannot be read: %s", strerror(errno));
    else if (rc == ERR_TOO_LARGE)
        config_errors_add(errors, path, 0, NULL, "larger than %u bytes", CONFIG_FILE_MAX);
    else if (rc != 0)
        errors->out_of_memory = true;
    else
        rc = config_load_text(buffer_view(&text), path, out, errors);
    if (fd >= 0)
        close(fd);
    buffer_free(&text);
    return rc;
}

int config_check_identity(const struct config *config, const struct fingerprint_tls *own,
                          struct config_errors *errors)
{
    static const char why[] = "this relay's own certificate; a relay cannot be its own peer";
    size_t before = errors->count + errors->more;
    char key[64];
    for (size_t i = 0; i < config->peer_count; i++) {
        snprintf(key, sizeof(key), "peers[%zu].fingerprint", i);
        if (fingerprint_tls_equal(&config->peers[i].fingerprint, own))
            config_errors_add(errors, config->file, config->peers[i].line, key, "%s", why);
    }
    for (size_t i = 0; i < config->trusted_count; i++) {
        snprintf(key, sizeof(key), "trusted[%zu].fingerprint", i);
        if (fingerprint_tls_equal(&config->trusted[i].fingerprint, own))
            config_errors_add(errors, config->file, config->trusted[i].line, key, "%s", why);
    }
    return errors->count + errors->more > before ? ERR_DUPLICATE : 0;
}
