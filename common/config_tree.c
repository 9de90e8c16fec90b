#include "common/config_tree.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "common/error.h"

/* One run of the parser: libyaml's event in hand, and where the nodes go. */
struct tree_parser {
    yaml_parser_t yaml;
    yaml_event_t event; /* the current one; zero if there is none */
    struct config_tree *tree;
    struct bytes text;
    const char *file;
    struct config_errors *errors;
};

void config_tree_free(struct config_tree *tree)
{
    while (tree->last_allocated != NULL) {
        struct config_node *node = tree->last_allocated;
        tree->last_allocated = node->allocated_before;
        free(node);
    }
    *tree = (struct config_tree){0};
}

bool config_node_is_null(const struct config_node *node)
{
    static const char *const words[] = {"", "~", "null", "Null", "NULL"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (node->kind == CONFIG_NODE_SCALAR && node->plain &&
            bytes_equal_string(node->text, words[i]))
            return true;
    return false;
}

static size_t event_line(const struct tree_parser *p)
{
    return p->event.start_mark.line + 1;
}

static int report(struct tree_parser *p, size_t line, const char *what)
{
    config_errors_add(p->errors, p->file, line, NULL, "%s", what);
    return ERR_SYNTAX;
}

/* libyaml reads ahead: only the offset tells where a byte is that it cannot read. */
static size_t line_of_offset(struct bytes text, size_t offset)
{
    size_t line = 1;
    for (size_t i = 0; i < text.len && i < offset; i++)
        line += text.data[i] == '\n';
    return line;
}

static int report_yaml(struct tree_parser *p)
{
    const yaml_parser_t *yaml = &p->yaml;
    if (yaml->error == YAML_MEMORY_ERROR)
        return ERR_MEMORY;
    const char *problem = yaml->problem == NULL ? "unreadable" : yaml->problem;
    size_t line = yaml->error == YAML_READER_ERROR ? line_of_offset(p->text, yaml->problem_offset)
                                                   : yaml->problem_mark.line + 1;
    size_t start = yaml->context_mark.line + 1; /* of what was not ended, say */
    if (yaml->context != NULL && start != line)
        config_errors_add(p->errors, p->file, line, NULL, "not valid YAML: %s, %s from line %zu",
                          problem, yaml->context, start);
    else
        config_errors_add(p->errors, p->file, line, NULL, "not valid YAML: %s", problem);
    return ERR_SYNTAX;
}

static int next_event(struct tree_parser *p)
{
    yaml_event_delete(&p->event);
    p->event = (yaml_event_t){0};
    return yaml_parser_parse(&p->yaml, &p->event) ? 0 : report_yaml(p);
}

/* A node for the current event, with a scalar's text in it. NULL if there can be no more. */
static struct config_node *new_node(struct tree_parser *p)
{
    const yaml_event_t *event = &p->event;
    bool scalar = event->type == YAML_SCALAR_EVENT;
    size_t len = scalar ? event->data.scalar.length : 0;
    struct config_node *node = calloc(1, sizeof(*node) + len);
    if (node == NULL)
        return NULL;
    node->allocated_before = p->tree->last_allocated;
    p->tree->last_allocated = node;
    p->tree->count++;
    node->line = event_line(p);
    node->text = (struct bytes){node->storage, len};
    if (scalar) {
        memcpy(node->storage, event->data.scalar.value, len);
        node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    }
    return node;
}

/* What our configs do not use of YAML, or NULL. */
static const char *unwanted(const yaml_event_t *event)
{
    const yaml_char_t *anchor = NULL;
    const yaml_char_t *tag = NULL;
    if (event->type == YAML_ALIAS_EVENT)
        return "aliases (*name) are not supported";
    if (event->type == YAML_SCALAR_EVENT) {
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
    }
    if (anchor != NULL)
        return "anchors (&name) are not supported";
    return tag != NULL ? "tags (!name) are not supported" : NULL;
}

static int parse_node(struct tree_parser *p, struct config_node **out, size_t depth);

static int parse_list(struct tree_parser *p, struct config_node *list, size_t depth)
{
    struct config_node **end = &list->first;
    int rc = next_event(p);
    while (rc == 0 && p->event.type != YAML_SEQUENCE_END_EVENT) {
        rc = parse_node(p, end, depth + 1);
        if (rc == 0) {
            end = &(*end)->next;
            rc = next_event(p);
        }
    }
    return rc;
}

/* Why a node cannot be a key, or NULL. */
static const char *key_problem(const struct config_node *key)
{
    if (key->problem == NULL && key->kind != CONFIG_NODE_SCALAR)
        return "a key must be one word, not a list or a mapping";
    if (key->problem == NULL && key->plain && bytes_equal_string(key->text, "<<"))
        return "merge keys (<<) are not supported";
    return key->problem;
}

/* One `key: value`, from the key's event to the value's last. */
static int parse_pair(struct tree_parser *p, struct config_node **out, size_t depth)
{
    struct config_node *key = NULL;
    int rc = parse_node(p, &key, depth + 1);
    if (rc == 0)
        rc = next_event(p);
    if (rc == 0)
        rc = parse_node(p, out, depth + 1);
    if (rc != 0)
        return rc;
    const char *problem = key_problem(key);
    (*out)->line = key->line;
    (*out)->key = problem == NULL ? key->text : BYTES_NONE;
    if (problem != NULL)
        (*out)->problem = problem;
    return 0;
}

static int parse_map(struct tree_parser *p, struct config_node *map, size_t depth)
{
    struct config_node **end = &map->first;
    size_t keys = 0;
    int rc = next_event(p);
    while (rc == 0 && p->event.type != YAML_MAPPING_END_EVENT) {
        if (++keys > CONFIG_TREE_KEYS_MAX)
            return report(p, event_line(p), "too many keys in one mapping");
        rc = parse_pair(p, end, depth);
        if (rc == 0) {
            end = &(*end)->next;
            rc = next_event(p);
        }
    }
    return rc;
}

/* The node that the current event starts, to its last event. */
static int parse_node(struct tree_parser *p, struct config_node **out, size_t depth)
{
    if (depth > CONFIG_TREE_DEPTH_MAX)
        return report(p, event_line(p), "nested too deeply");
    if (p->tree->count == CONFIG_TREE_NODES_MAX)
        return report(p, event_line(p), "too many values");
    struct config_node *node = new_node(p);
    if (node == NULL)
        return ERR_MEMORY;
    *out = node;
    node->problem = unwanted(&p->event);
    switch (p->event.type) {
    case YAML_SEQUENCE_START_EVENT:
        node->kind = CONFIG_NODE_LIST;
        return parse_list(p, node, depth);
    case YAML_MAPPING_START_EVENT:
        node->kind = CONFIG_NODE_MAP;
        return parse_map(p, node, depth);
    default: /* a scalar; or an alias, with its problem noted */
        return 0;
    }
}

static int parse_stream(struct tree_parser *p)
{
    int rc = next_event(p); /* the stream's start */
    if (rc == 0)
        rc = next_event(p);
    if (rc != 0 || p->event.type == YAML_STREAM_END_EVENT)
        return rc;
    rc = next_event(p); /* the document's start was the one before */
    if (rc == 0)
        rc = parse_node(p, &p->tree->root, 0);
    if (rc == 0)
        rc = next_event(p); /* the document's end */
    if (rc == 0)
        rc = next_event(p);
    if (rc == 0 && p->event.type != YAML_STREAM_END_EVENT)
        rc = report(p, event_line(p), "only one YAML document is allowed in the file");
    return rc;
}

int config_tree_parse(struct config_tree *tree, struct bytes text, const char *file,
                      struct config_errors *errors)
{
    *tree = (struct config_tree){0};
    struct tree_parser p = {.tree = tree, .text = text, .file = file, .errors = errors};
    if (!yaml_parser_initialize(&p.yaml))
        return ERR_MEMORY;
    yaml_parser_set_encoding(&p.yaml, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&p.yaml, text.len == 0 ? (const uint8_t *)"" : text.data,
                                 text.len);
    int rc = parse_stream(&p);
    yaml_event_delete(&p.event);
    yaml_parser_delete(&p.yaml);
    return rc;
}
