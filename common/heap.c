#include "common/heap.h"

#include <stdlib.h>

#include "common/error.h"

#define HEAP_FIRST_CAPACITY 64

void heap_init(struct heap *h)
{
    *h = (struct heap){0};
}

void heap_free(struct heap *h)
{
    for (size_t i = 0; i < h->count; i++)
        h->nodes[i]->position = 0;
    free(h->nodes);
    *h = (struct heap){0};
}

int heap_reserve(struct heap *h, size_t count)
{
    if (count <= h->capacity)
        return 0;
    if (count > SIZE_MAX / sizeof(struct heap_node *))
        return ERR_MEMORY;
    struct heap_node **nodes = realloc(h->nodes, count * sizeof(struct heap_node *));
    if (nodes == NULL)
        return ERR_MEMORY;
    h->nodes = nodes;
    h->capacity = count;
    return 0;
}

static void heap_place(struct heap *h, size_t i, struct heap_node *node)
{
    h->nodes[i] = node;
    node->position = i + 1;
}

static void heap_sift_up(struct heap *h, size_t i)
{
    struct heap_node *node = h->nodes[i];
    while (i > 0 && h->nodes[(i - 1) / 2]->key > node->key) {
        heap_place(h, i, h->nodes[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    heap_place(h, i, node);
}

static void heap_sift_down(struct heap *h, size_t i)
{
    struct heap_node *node = h->nodes[i];
    for (size_t child = 2 * i + 1; child < h->count; child = 2 * i + 1) {
        if (child + 1 < h->count && h->nodes[child + 1]->key < h->nodes[child]->key)
            child++;
        if (h->nodes[child]->key >= node->key)
            break;
        heap_place(h, i, h->nodes[child]);
        i = child;
    }
    heap_place(h, i, node);
}

int heap_set(struct heap *h, struct heap_node *node, uint64_t key)
{
    if (node->position == 0) {
        int rc = 0;
        if (h->count == h->capacity)
            rc = heap_reserve(h, h->capacity == 0 ? HEAP_FIRST_CAPACITY : 2 * h->capacity);
        if (rc != 0)
            return rc;
        heap_place(h, h->count++, node);
    }
    node->key = key;
    heap_sift_up(h, node->position - 1);
    heap_sift_down(h, node->position - 1);
    return 0;
}

void heap_remove(struct heap *h, struct heap_node *node)
{
    if (node->position == 0)
        return;
    size_t hole = node->position - 1;
    node->position = 0;
    struct heap_node *last = h->nodes[--h->count];
    if (last == node)
        return;
    heap_place(h, hole, last);
    heap_sift_up(h, hole);
    heap_sift_down(h, last->position - 1);
}

bool heap_contains(const struct heap_node *node)
{
    return node->position != 0;
}

struct heap_node *heap_first(const struct heap *h)
{
    return h->count == 0 ? NULL : h->nodes[0];
}

struct heap_node *heap_pop_due(struct heap *h, uint64_t now)
{
    struct heap_node *first = heap_first(h);
    if (first == NULL || first->key > now)
        return NULL;
    heap_remove(h, first);
    return first;
}
