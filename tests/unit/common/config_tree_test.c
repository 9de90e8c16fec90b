#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "common/config_tree.h"
#include "common/error.h"

static void assert_scalar(const struct config_node *node, const char *key, const char *text,
                          size_t line, bool plain)
{
    assert_non_null(node);
    assert_int_equal(node->kind, CONFIG_NODE_SCALAR);
    assert_true(bytes_equal_string(node->key, key == NULL ? "" : key));
    assert_true(bytes_equal_string(node->text, text));
    assert_int_equal(node->line, line);
    assert_int_equal(node->plain, plain);
    assert_null(node->problem);
}

static void test_builds_a_tree(void **state)
{
    (void)state;
    struct config_tree tree;
    struct config_errors errors = {0};
    const char *text = "a: 1 # comment\n"
                       "b:\n"
                       "  - x\n"
                       "  - {c: 'y'}\n"
                       "d: |\n"
                       "  z\n";
    assert_int_equal(config_tree_parse(&tree, bytes_of_string(text), "f", &errors), 0);
    assert_int_equal(tree.root->kind, CONFIG_NODE_MAP);
    const struct config_node *node = tree.root->first;
    assert_scalar(node, "a", "1", 1, true);
    node = node->next;
    assert_int_equal(node->kind, CONFIG_NODE_LIST);
    assert_int_equal(node->line, 2);
    assert_scalar(node->first, NULL, "x", 3, true);
    assert_int_equal(node->first->next->kind, CONFIG_NODE_MAP);
    assert_scalar(node->first->next->first, "c", "y", 4, false);
    assert_null(node->first->next->next);
    assert_scalar(node->next, "d", "z\n", 5, false);
    assert_null(node->next->next);
    config_tree_free(&tree);
    assert_null(tree.root);
    config_errors_free(&errors);
}

static void test_knows_null(void **state)
{
    (void)state;
    struct config_tree tree;
    struct config_errors errors = {0};
    const char *text = "[~, null, Null, '', 'null', nil]";
    assert_int_equal(config_tree_parse(&tree, bytes_of_string(text), "f", &errors), 0);
    const bool expected[] = {true, true, true, false, false, false};
    size_t i = 0;
    for (const struct config_node *node = tree.root->first; node != NULL; node = node->next)
        assert_int_equal(config_node_is_null(node), expected[i++]);
    assert_int_equal(i, 6);
    assert_false(config_node_is_null(tree.root));
    config_tree_free(&tree);
}

static void assert_refused(struct bytes text, const char *message)
{
    struct config_tree tree;
    struct config_errors errors = {0};
    assert_int_equal(config_tree_parse(&tree, text, "f", &errors), ERR_SYNTAX);
    assert_int_equal(errors.count, 1);
    assert_string_equal(errors.lines[0], message);
    config_tree_free(&tree);
    config_errors_free(&errors);
}

static void test_refuses_what_is_no_yaml(void **state)
{
    (void)state;
    const struct {
        struct bytes text;
        const char *message;
    } cases[] = {
        {BYTES_LITERAL("a: [1,\nb: 2\n"), "f:3: not valid YAML: did not find expected ',' or ']', "
                                          "while parsing a flow sequence from line 1"},
        {BYTES_LITERAL("a: 'x\n"), "f:2: not valid YAML: found unexpected end of stream, while "
                                   "scanning a quoted scalar from line 1"},
        {BYTES_LITERAL("a: 1\n  b: 2\n"),
         "f:2: not valid YAML: mapping values are not allowed in this context"},
        {BYTES_LITERAL("a:\n\tb: 2\n"),
         "f:2: not valid YAML: found character that cannot start any token"},
        {BYTES_LITERAL("a: 1\nb: \xff\n"), "f:2: not valid YAML: invalid leading UTF-8 octet"},
        {BYTES_LITERAL("a: 1\n\nb: \0\n"),
         "f:3: not valid YAML: control characters are not allowed"},
        {BYTES_LITERAL("a: 1\n---\nb: 2\n"), "f:2: only one YAML document is allowed in the file"},
        {BYTES_LITERAL("a: 1\n...\nb: 2\n"),
         "f:3: not valid YAML: did not find expected <document start>"},
        {BYTES_LITERAL("[[[[[[[[[[]]]]]]]]]]"), "f:1: nested too deeply"},
        {BYTES_LITERAL("{{{{{{{{{{}}}}}}}}}}"), "f:1: nested too deeply"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_refused(cases[i].text, cases[i].message);
}

static void test_caps_the_size_of_the_tree(void **state)
{
    (void)state;
    struct buffer text = {0};
    for (int i = 0; i <= CONFIG_TREE_KEYS_MAX; i++)
        buffer_printf(&text, "k%d: 1\n", i);
    assert_refused(buffer_view(&text), "f:65: too many keys in one mapping");

    buffer_clear(&text);
    for (int i = 0; i < CONFIG_TREE_NODES_MAX; i++)
        buffer_append_string(&text, "- a\n");
    assert_refused(buffer_view(&text), "f:50000: too many values");
    buffer_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_builds_a_tree),
        cmocka_unit_test(test_knows_null),
        cmocka_unit_test(test_refuses_what_is_no_yaml),
        cmocka_unit_test(test_caps_the_size_of_the_tree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
