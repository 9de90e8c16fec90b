/*
 * YAML text as a tree of nodes that know their lines: the small part of YAML that a config needs.
 * Anchors, aliases, merge keys, tags and keys that are not plain words become nodes with a
 * `problem`, so that whoever walks the tree can name the key in the message; what makes the whole
 * file unreadable (syntax, nesting, a second document) is reported here.
 */
#ifndef CHAPPE_COMMON_CONFIG_TREE_H
#define CHAPPE_COMMON_CONFIG_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/config_errors.h"

#define CONFIG_TREE_DEPTH_MAX 8     /* lists and mappings within each other */
#define CONFIG_TREE_KEYS_MAX 64     /* keys of one mapping */
#define CONFIG_TREE_NODES_MAX 50000 /* keys and values in one file */

enum config_node_kind {
    CONFIG_NODE_SCALAR,
    CONFIG_NODE_LIST,
    CONFIG_NODE_MAP,
};

struct config_node {
    enum config_node_kind kind;
    size_t line;               /* from 1; of the key if it is a value in a mapping */
    const char *problem;       /* what is wrong with it, or NULL; a literal */
    struct bytes key;          /* in a mapping; BYTES_NONE if the key itself is the problem */
    struct bytes text;         /* of a scalar */
    bool plain;                /* a scalar without quotes, so perhaps a number, true or null */
    struct config_node *first; /* of a list's or mapping's values */
    struct config_node *next;  /* among its siblings */

    struct config_node *allocated_before; /* the tree's own, as is what follows */
    uint8_t storage[];
};

/* Zero-initialised is valid and empty. */
struct config_tree {
    struct config_node *root; /* NULL: the file says nothing */
    struct config_node *last_allocated;
    size_t count;
};

/*
 * Parses the text. 0, or ERR_SYNTAX with `errors` filled, or ERR_MEMORY; the tree is to be freed in
 * every case. It does not refer to `text`.
 */
int config_tree_parse(struct config_tree *tree, struct bytes text, const char *file,
                      struct config_errors *errors);
void config_tree_free(struct config_tree *tree);

/* True for a plain scalar that is empty, ~ or null: a key without a value. */
bool config_node_is_null(const struct config_node *node);

#endif
