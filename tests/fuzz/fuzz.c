#include "tests/fuzz/fuzz.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_DEFAULT 500000
#define SIZE_MAX_INPUT 65536

struct fuzz_seeds {
    struct input {
        uint8_t *data;
        size_t size;
    } * items;
    size_t count;
};

struct random {
    uint64_t state;
};

/* splitmix64 */
static uint64_t random_next(struct random *r)
{
    uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* 0 .. limit - 1; 0 for no limit at all. */
static size_t random_below(struct random *r, size_t limit)
{
    return limit == 0 ? 0 : (size_t)(random_next(r) % limit);
}

static void *need(void *memory)
{
    if (memory == NULL) {
        fputs("fuzz: out of memory\n", stderr);
        exit(1);
    }
    return memory;
}

void fuzz_add_seed(struct fuzz_seeds *seeds, const void *data, size_t size)
{
    if (size > SIZE_MAX_INPUT)
        size = SIZE_MAX_INPUT;
    seeds->items = need(realloc(seeds->items, (seeds->count + 1) * sizeof(*seeds->items)));
    struct input *item = &seeds->items[seeds->count++];
    *item = (struct input){need(malloc(size + 1)), size};
    memcpy(item->data, data, size);
}

/* Puts `size` bytes in the place of `gone` bytes at `at`, unless it gets too long. */
static void replace(struct input *in, size_t at, size_t gone, const void *data, size_t size)
{
    if (in->size - gone + size > SIZE_MAX_INPUT)
        return;
    memmove(in->data + at + size, in->data + at + gone, in->size - at - gone);
    memcpy(in->data + at, data, size);
    in->size = in->size - gone + size;
}

static void insert_token(struct random *r, struct input *in, bool over)
{
    size_t count = 0;
    while (fuzz_tokens[count] != NULL)
        count++;
    if (count == 0)
        return;
    const char *token = fuzz_tokens[random_below(r, count)];
    size_t at = random_below(r, in->size + 1);
    size_t size = strlen(token);
    size_t gone = over && size <= in->size - at ? size : 0;
    replace(in, at, gone, token, size);
}

/* A piece of another input, or of this one, put anywhere. */
static void splice(struct random *r, struct input *in, const struct input *from)
{
    uint8_t piece[256];
    size_t at = random_below(r, from->size);
    size_t size = random_below(r, sizeof(piece));
    if (size > from->size - at)
        size = from->size - at;
    memcpy(piece, from->data + at, size);
    replace(in, random_below(r, in->size + 1), 0, piece, size);
}

static void cut_out(struct random *r, struct input *in)
{
    size_t at = random_below(r, in->size);
    size_t size = 1 + random_below(r, random_below(r, 8) == 0 ? in->size : 8);
    replace(in, at, size < in->size - at ? size : in->size - at, "", 0);
}

static void mutate(struct random *r, struct input *in, const struct fuzz_seeds *seeds)
{
    uint8_t byte = (uint8_t)random_next(r);
    switch (in->size == 0 ? 3 : random_below(r, 8)) {
    case 0:
        in->data[random_below(r, in->size)] ^= (uint8_t)(1u << (byte & 7));
        break;
    case 1:
        in->data[random_below(r, in->size)] = byte;
        break;
    case 2:
        replace(in, random_below(r, in->size + 1), 0, &byte, 1);
        break;
    case 3:
    case 4:
        insert_token(r, in, (byte & 1) != 0);
        break;
    case 5:
        cut_out(r, in);
        break;
    case 6:
        splice(r, in, in);
        break;
    default:
        splice(r, in, &seeds->items[random_below(r, seeds->count)]);
    }
}

/* In a block of exactly its size, so that a byte read behind it is noticed. */
static void run(const struct input *in)
{
    uint8_t *copy = need(malloc(in->size == 0 ? 1 : in->size));
    memcpy(copy, in->data, in->size);
    LLVMFuzzerTestOneInput(copy, in->size);
    free(copy);
}

static void run_mutations(const struct fuzz_seeds *seeds, uint64_t count, uint64_t seed)
{
    static uint8_t space[SIZE_MAX_INPUT + 1];
    struct random r = {seed};
    for (uint64_t i = 0; i < count; i++) {
        const struct input *from = &seeds->items[random_below(&r, seeds->count)];
        struct input in = {space, from->size};
        memcpy(space, from->data, from->size);
        for (size_t n = 1 + random_below(&r, random_below(&r, 4) + 1); n > 0; n--)
            mutate(&r, &in, seeds);
        run(&in);
    }
}

int main(int argc, char **argv)
{
    struct fuzz_seeds seeds = {0};
    uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : COUNT_DEFAULT;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    fuzz_seeds(&seeds);
    if (seeds.count == 0) {
        fputs("fuzz: the target has no seeds\n", stderr);
        return 1;
    }
    for (size_t i = 0; i < seeds.count; i++)
        run(&seeds.items[i]);
    run_mutations(&seeds, count, seed);
    printf("%zu seeds, %llu mutations from seed %llu\n", seeds.count, (unsigned long long)count,
           (unsigned long long)seed);
    for (size_t i = 0; i < seeds.count; i++)
        free(seeds.items[i].data);
    free(seeds.items);
    return 0;
}
