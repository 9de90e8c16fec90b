#include "common/config_read.h"

#include <stdlib.h>
#include <string.h>

#include "common/config_schema.h"
#include "common/error.h"
#include "common/text.h"

struct config_reader {
    struct config *config;
    struct config_errors *errors;
    bool out_of_memory;
};

/* A set of fields that one mapping may have. */
struct field_set {
    const struct config_field *fields;
    size_t count;
    const char *section; /* the fields' keys begin with it and a dot; NULL: they are as they are */
    const char *path;    /* of the mapping, for messages; NULL at the top */
    void *base;
};

static void report(struct config_reader *r, const struct config_node *node, const char *path,
                   const char *what)
{
    config_errors_add(r->errors, r->config->file, node->line, path, "%s", what);
}

static size_t error_count(const struct config_reader *r)
{
    return r->errors->count + r->errors->more;
}

static bool is_word(struct bytes key)
{
    for (size_t i = 0; i < key.len; i++) {
        uint8_t c = key.data[i];
        if (c <= ' ' || c >= 0x7f || c == '"' || c == '\\' || c == ':')
            return false;
    }
    return key.len > 0 && key.len < 40;
}

/* "path.key" for messages. Keys come from outside: what is no plain word is quoted. */
static void join_path(char out[CONFIG_KEY_MAX], const char *path, struct bytes key)
{
    char quoted[CONFIG_ERROR_VALUE_MAX];
    const char *prefix = path == NULL ? "" : path;
    const char *dot = path == NULL ? "" : ".";
    if (is_word(key))
        snprintf(out, CONFIG_KEY_MAX, "%s%s%.*s", prefix, dot, (int)key.len,
                 (const char *)key.data);
    else
        snprintf(out, CONFIG_KEY_MAX, "%s%s%.60s", prefix, dot, config_errors_quote(key, quoted));
}

/* True if the key is `section.name`, or `name` without a section. */
static bool key_matches(const char *key, const char *section, struct bytes name)
{
    if (section != NULL) {
        size_t len = strlen(section);
        if (strncmp(key, section, len) != 0 || key[len] != '.')
            return false;
        key += len + 1;
    }
    return bytes_equal_string(name, key);
}

static const struct config_field *find_field(const struct field_set *set, struct bytes name)
{
    for (size_t i = 0; i < set->count; i++)
        if (key_matches(set->fields[i].key, set->section, name))
            return &set->fields[i];
    return NULL;
}

static const struct config_node *find_child(const struct config_node *map, const char *section,
                                            const char *key)
{
    for (const struct config_node *child = map->first; child != NULL; child = child->next)
        if (key_matches(key, section, child->key))
            return child;
    return NULL;
}

/* Reports what is wrong with a key itself; false if its value is not to be looked at. */
static bool check_key(struct config_reader *r, const struct config_node *map,
                      const struct config_node *child, const char *map_path, const char *path)
{
    if (child->problem != NULL) {
        report(r, child, child->key.data == NULL ? map_path : path, child->problem);
        return false;
    }
    for (const struct config_node *earlier = map->first; earlier != child;
         earlier = earlier->next) {
        if (earlier->key.data != NULL && bytes_equal(earlier->key, child->key)) {
            config_errors_add(r->errors, r->config->file, child->line, path,
                              "given twice, first in line %zu", earlier->line);
            return false;
        }
    }
    return true;
}

static void read_value(struct config_reader *r, const struct config_node *node, const char *path,
                       const struct config_field *field, void *value)
{
    char why[CONFIG_WHY_MAX] = "";
    int rc = ERR_SYNTAX;
    if (node->problem != NULL)
        snprintf(why, sizeof(why), "%s", node->problem);
    else if (node->kind != CONFIG_NODE_SCALAR)
        snprintf(why, sizeof(why), "must be a single value");
    else if (config_node_is_null(node))
        snprintf(why, sizeof(why), "has no value");
    else if (field->type->plain && !node->plain)
        snprintf(why, sizeof(why), "must not be in quotes");
    else {
        if (field->type->free != NULL)
            field->type->free(value);
        rc = field->type->parse(field, node->text, value, why);
    }
    if (rc == ERR_MEMORY)
        r->out_of_memory = true;
    else if (rc != 0)
        report(r, node, path, why);
}

/* A mapping whose keys are all single values. */
static void read_fields(struct config_reader *r, const struct config_node *map,
                        const struct field_set *set)
{
    for (const struct config_node *child = map->first; child != NULL; child = child->next) {
        char path[CONFIG_KEY_MAX];
        join_path(path, set->path, child->key);
        if (!check_key(r, map, child, set->path, path))
            continue;
        const struct config_field *field = find_field(set, child->key);
        if (field == NULL)
            report(r, child, path, "unknown key");
        else
            read_value(r, child, path, field, (char *)set->base + field->offset);
    }
    for (size_t i = 0; i < set->count; i++) {
        const struct config_field *field = &set->fields[i];
        char path[CONFIG_KEY_MAX];
        if ((field->flags & CONFIG_REQUIRED) == 0 ||
            find_child(map, set->section, field->key) != NULL)
            continue;
        join_path(path, set->path, bytes_of_string(field->key));
        report(r, map, path, "missing");
    }
}

/* One entry of a list; it is zeroed again if anything in it is wrong. */
static void read_entry(struct config_reader *r, const struct config_node *node, const char *path,
                       const struct config_list *list, void *entry)
{
    size_t before = error_count(r);
    struct field_set set = {list->fields, list->field_count, NULL, path, entry};
    if (config_fields_init(list->fields, list->field_count, entry) != 0)
        r->out_of_memory = true;
    if (list->fields[0].key[0] == '\0')
        read_value(r, node, path, &list->fields[0], entry);
    else if (node->problem != NULL)
        report(r, node, path, node->problem);
    else if (node->kind != CONFIG_NODE_MAP)
        report(r, node, path, "must be a mapping of keys to values");
    else
        read_fields(r, node, &set);
    if (error_count(r) > before) {
        config_fields_free(list->fields, list->field_count, entry);
        memset(entry, 0, list->size);
    }
    if (list->line != CONFIG_NO_LINE)
        memcpy((char *)entry + list->line, &node->line, sizeof(node->line));
}

static const char *string_at(const char *items, size_t i)
{
    const char *string;
    memcpy(&string, items + i * sizeof(string), sizeof(string));
    return string;
}

/* What to say of two entries that may not be in one list; NULL: both may. */
static const char *clash(const struct config_type *type, const char *a, const char *b)
{
    if (a == NULL || b == NULL)
        return NULL;
    if (strcmp(a, b) == 0)
        return "given twice, first";
    return type->means_same != NULL && type->means_same(a, b)
               ? "the same as what is written otherwise"
               : NULL;
}

/* Reports entry i of a list of strings if it stands earlier in the list already. */
static void check_repeated(struct config_reader *r, const struct config_node *list,
                           const struct config_node *node, const char *path,
                           const struct config_type *type, const char *items, size_t i)
{
    const struct config_node *earlier = list->first;
    for (size_t k = 0; k < i; k++, earlier = earlier->next) {
        const char *what = clash(type, string_at(items, k), string_at(items, i));
        if (what == NULL)
            continue;
        config_errors_add(r->errors, r->config->file, node->line, path, "%s in line %zu", what,
                          earlier->line);
        return;
    }
}

static size_t count_entries(const struct config_node *node)
{
    size_t count = 0;
    for (const struct config_node *child = node->first; child != NULL; child = child->next)
        count++;
    return count;
}

static void read_list(struct config_reader *r, const struct config_node *node,
                      const struct config_list *list)
{
    if (config_node_is_null(node))
        return;
    size_t count = count_entries(node);
    if (node->kind != CONFIG_NODE_LIST) {
        report(r, node, list->key, "must be a list");
        return;
    }
    if (count > list->max) {
        config_errors_add(r->errors, r->config->file, node->line, list->key,
                          "has %zu entries, more than %zu", count, list->max);
        return;
    }
    char *items = count == 0 ? NULL : calloc(count, list->size);
    if (items == NULL) {
        r->out_of_memory = count > 0;
        return;
    }
    config_list_set_items(list, r->config, items, count);
    size_t i = 0;
    for (const struct config_node *child = node->first; child != NULL; child = child->next) {
        char path[CONFIG_KEY_MAX];
        snprintf(path, sizeof(path), "%s[%zu]", list->key, i);
        read_entry(r, child, path, list, items + i * list->size);
        if (list->fields[0].key[0] == '\0')
            check_repeated(r, node, child, path, list->fields[0].type, items, i);
        i++;
    }
}

static const struct config_list *find_list(struct bytes key)
{
    for (size_t i = 0; i < config_list_count; i++)
        if (bytes_equal_string(key, config_lists[i].key))
            return &config_lists[i];
    return NULL;
}

/* Writes the section's name if there is a field `key.something`. */
static bool find_section(struct bytes key, char out[CONFIG_KEY_MAX])
{
    for (size_t i = 0; i < config_field_count; i++) {
        const char *dot = strchr(config_fields[i].key, '.');
        if (dot == NULL)
            continue;
        struct bytes section = {(const uint8_t *)config_fields[i].key,
                                (size_t)(dot - config_fields[i].key)};
        if (bytes_equal(section, key)) {
            snprintf(out, CONFIG_KEY_MAX, "%.*s", (int)key.len, (const char *)key.data);
            return true;
        }
    }
    return false;
}

/* One key at the top: a list, a single value, or a section. */
static void read_top_key(struct config_reader *r, const struct config_node *node, const char *path)
{
    struct field_set top = {config_fields, config_field_count, NULL, NULL, r->config};
    char section[CONFIG_KEY_MAX];
    const struct config_list *list = find_list(node->key);
    /* A dot in a key at the top is no path. */
    bool dotted = memchr(node->key.data, '.', node->key.len) != NULL;
    const struct config_field *field = dotted ? NULL : find_field(&top, node->key);
    if (list != NULL)
        read_list(r, node, list);
    else if (field != NULL)
        read_value(r, node, path, field, (char *)r->config + field->offset);
    else if (!find_section(node->key, section))
        report(r, node, path, "unknown key");
    else if (node->kind == CONFIG_NODE_MAP)
        read_fields(
            r, node,
            &(struct field_set){config_fields, config_field_count, section, section, r->config});
    else if (!config_node_is_null(node))
        report(r, node, path, "must be a mapping of keys to values");
}

int config_read(struct config *config, const struct config_node *root, struct config_errors *errors)
{
    struct config_reader r = {config, errors, false};
    if (root == NULL || config_node_is_null(root))
        return 0;
    if (root->problem != NULL || root->kind != CONFIG_NODE_MAP) {
        report(&r, root, NULL,
               root->problem != NULL ? root->problem : "must be a mapping of keys to values");
        return 0;
    }
    for (const struct config_node *node = root->first; node != NULL; node = node->next) {
        char path[CONFIG_KEY_MAX];
        join_path(path, NULL, node->key);
        if (check_key(&r, root, node, NULL, path))
            read_top_key(&r, node, path);
    }
    return r.out_of_memory ? ERR_MEMORY : 0;
}
