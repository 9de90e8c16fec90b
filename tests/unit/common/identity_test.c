#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dirent.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/error.h"
#include "common/hex.h"
#include "common/identity.h"

#define DIGITS "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F"
#define RACERS 8
#define RACES 25

/* A directory of its own for each test; its name is the test's state. */
static int make_directory(void **state)
{
    char *path = strdup("/tmp/chappe-identity-XXXXXX");
    *state = path;
    return path != NULL && mkdtemp(path) != NULL ? 0 : -1;
}

static int remove_tree(const char *path)
{
    char child[PATH_MAX];
    DIR *dir = opendir(path);
    if (dir == NULL)
        return unlink(path);
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(child, sizeof(child), "%s/%s", path, entry->d_name);
        if (unlink(child) != 0)
            remove_tree(child);
    }
    closedir(dir);
    return rmdir(path);
}

static int remove_directory(void **state)
{
    int rc = remove_tree(*state);
    free(*state);
    return rc;
}

static const char *path_in(void **state, const char *name)
{
    static char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", (const char *)*state, name);
    return path;
}

static void write_file(const char *path, const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static size_t read_file(const char *path, char *out, size_t size)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t len = fread(out, 1, size - 1, file);
    out[len] = '\0';
    fclose(file);
    return len;
}

static size_t count_files(const char *path)
{
    size_t count = 0;
    DIR *dir = opendir(path);
    assert_non_null(dir);
    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count - 2; /* . and .. */
}

static void assert_counting_seed(const struct identity_seed *seed)
{
    for (size_t i = 0; i < sizeof(seed->bytes); i++)
        assert_int_equal(seed->bytes[i], i);
}

static void reads_digits_of_either_case_between_white_space(void **state)
{
    static const char *texts[] = {DIGITS, DIGITS "\n", " \t\r\n" DIGITS " \r\n\v\f"};
    const char *path = path_in(state, "identity");
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct identity_seed seed;
        char why[IDENTITY_WHY_SIZE];
        unsigned notes = 99;
        write_file(path, texts[i], 0600);
        assert_int_equal(identity_load(path, &seed, &notes, why, sizeof(why)), 0);
        assert_int_equal(notes, 0);
        assert_string_equal(why, "");
        assert_counting_seed(&seed);
    }
}

static void an_absent_file_is_made_with_its_directory(void **state)
{
    struct identity_seed seed;
    struct identity_seed again;
    char why[IDENTITY_WHY_SIZE];
    char text[128];
    char digits[65];
    struct stat st;
    unsigned notes;
    mode_t mask = umask(0777); /* the mode must not depend on it */
    int rc = identity_load(path_in(state, "new/identity"), &seed, &notes, why, sizeof(why));
    umask(mask);
    if (rc != 0 && geteuid() != 0) { /* with such a mask only root can enter the directory */
        assert_int_equal(chmod(path_in(state, "new"), 0700), 0);
        rc = identity_load(path_in(state, "new/identity"), &seed, &notes, why, sizeof(why));
    }
    assert_int_equal(rc, 0);
    assert_int_equal(notes, IDENTITY_CREATED);
    assert_int_equal(stat(path_in(state, "new/identity"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(stat(path_in(state, "new"), &st), 0);
    assert_int_equal(st.st_mode & 077, 0);
    assert_int_equal(read_file(path_in(state, "new/identity"), text, sizeof(text)), 64);
    hex_encode(seed.bytes, sizeof(seed.bytes), digits);
    assert_string_equal(text, digits);
    assert_int_equal(count_files(path_in(state, "new")), 1);
    assert_int_equal(
        identity_load(path_in(state, "new/identity"), &again, &notes, why, sizeof(why)), 0);
    assert_int_equal(notes, 0);
    assert_memory_equal(&seed, &again, sizeof(seed));
}

static void two_new_files_differ(void **state)
{
    struct identity_seed seeds[2];
    char why[IDENTITY_WHY_SIZE];
    assert_int_equal(identity_load(path_in(state, "a"), &seeds[0], NULL, why, sizeof(why)), 0);
    assert_int_equal(identity_load(path_in(state, "b"), &seeds[1], NULL, why, sizeof(why)), 0);
    assert_memory_not_equal(&seeds[0], &seeds[1], sizeof(seeds[0]));
}

static void only_one_directory_level_is_made(void **state)
{
    struct identity_seed seed;
    char why[IDENTITY_WHY_SIZE];
    const char *path = path_in(state, "no/such/identity");
    assert_int_equal(identity_load(path, &seed, NULL, why, sizeof(why)), ERR_SYSTEM);
    assert_non_null(strstr(why, path));
    assert_non_null(strstr(why, "directory"));
}

static void a_path_without_directory_is_made_here(void **state)
{
    struct identity_seed seed;
    char why[IDENTITY_WHY_SIZE];
    char before[PATH_MAX];
    struct stat st;
    assert_non_null(getcwd(before, sizeof(before)));
    assert_int_equal(chdir(*state), 0);
    int rc = identity_load("identity", &seed, NULL, why, sizeof(why));
    assert_int_equal(chdir(before), 0);
    assert_int_equal(rc, 0);
    assert_int_equal(stat(path_in(state, "identity"), &st), 0);
}

/* A child of the race: waits for the start, loads, reports seed and notes through the pipe. */
static void race_child(const char *path, int start, int report)
{
    struct {
        struct identity_seed seed;
        unsigned notes;
    } result;
    char why[IDENTITY_WHY_SIZE];
    char byte;
    memset(&result, 0, sizeof(result));
    if (read(start, &byte, 1) != 0 ||
        identity_load(path, &result.seed, &result.notes, why, sizeof(why)) != 0 ||
        write(report, &result, sizeof(result)) != (ssize_t)sizeof(result))
        _exit(1);
    _exit(0);
}

static void race_once(const char *path)
{
    int start[2];
    int report[2];
    pid_t children[RACERS];
    struct {
        struct identity_seed seed;
        unsigned notes;
    } results[RACERS];
    unsigned created = 0;
    assert_int_equal(pipe(start), 0);
    assert_int_equal(pipe(report), 0);
    for (size_t i = 0; i < RACERS; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            close(start[1]);
            race_child(path, start[0], report[1]);
        }
    }
    close(start[1]); /* everybody reads the end of the pipe at once */
    for (size_t i = 0; i < RACERS; i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(read(report[0], results, sizeof(results)), sizeof(results));
    for (size_t i = 0; i < RACERS; i++) {
        assert_memory_equal(&results[i].seed, &results[0].seed, sizeof(results[0].seed));
        created += results[i].notes == IDENTITY_CREATED;
    }
    assert_int_equal(created, 1);
    close(start[0]);
    close(report[0]);
    close(report[1]);
}

static void processes_that_race_get_one_identity(void **state)
{
    for (unsigned i = 0; i < RACES; i++) {
        char name[32];
        snprintf(name, sizeof(name), "race-%u", i);
        assert_int_equal(mkdir(path_in(state, name), 0700), 0);
        snprintf(name, sizeof(name), "race-%u/identity", i);
        race_once(path_in(state, name));
        snprintf(name, sizeof(name), "race-%u", i);
        assert_int_equal(count_files(path_in(state, name)), 1);
    }
}

static void defect_19_a_corrupt_file_is_an_error_and_stays_as_it_is(void **state)
{
    static const struct {
        const char *text, *reason;
    } cases[] = {
        {"", "is empty"},
        {" \n", "is empty"},
        {"0", "1 hex digits instead of 64"},
        {DIGITS "0", "65 hex digits"},
        {DIGITS DIGITS, "128 hex digits"},
        {"0x" DIGITS, "character 2"},
        {"0001 02030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F", "character 5"},
        {"g00102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F", "character 1"},
        {DIGITS "\n# a remark", "character 65"},
    };
    static const struct identity_seed none;
    const char *path = path_in(state, "identity");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct identity_seed seed;
        char why[IDENTITY_WHY_SIZE];
        char text[256];
        memset(&seed, 1, sizeof(seed));
        write_file(path, cases[i].text, 0600);
        assert_int_equal(identity_load(path, &seed, NULL, why, sizeof(why)), ERR_SYNTAX);
        assert_non_null(strstr(why, path));
        assert_non_null(strstr(why, cases[i].reason));
        assert_memory_equal(&seed, &none, sizeof(seed));
        read_file(path, text, sizeof(text));
        assert_string_equal(text, cases[i].text);
        assert_int_equal(count_files(*state), 1);
    }
}

static void a_nul_within_the_digits_is_an_error(void **state)
{
    struct identity_seed seed;
    char why[IDENTITY_WHY_SIZE];
    const char *path = path_in(state, "identity");
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(DIGITS "\0", 1, 65, file), 65);
    fclose(file);
    assert_int_equal(identity_load(path, &seed, NULL, why, sizeof(why)), ERR_SYNTAX);
}

static void a_huge_file_is_an_error(void **state)
{
    struct identity_seed seed;
    char why[IDENTITY_WHY_SIZE];
    const char *path = path_in(state, "identity");
    write_file(path, DIGITS, 0600);
    assert_int_equal(truncate(path, 1 << 30), 0);
    assert_int_equal(identity_load(path, &seed, NULL, why, sizeof(why)), ERR_SYNTAX);
    assert_non_null(strstr(why, "larger than 4096"));
}

static void what_is_no_regular_file_is_an_error(void **state)
{
    struct identity_seed seed;
    char why[IDENTITY_WHY_SIZE];
    const char *path = path_in(state, "directory");
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(identity_load(path, &seed, NULL, why, sizeof(why)), ERR_SYSTEM);
    assert_non_null(strstr(why, "not a regular file"));
    path = path_in(state, "fifo");
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(identity_load(path, &seed, NULL, why, sizeof(why)), ERR_SYSTEM);
    assert_non_null(strstr(why, "not a regular file"));
    path = path_in(state, "fifo/identity");
    assert_int_equal(identity_load(path, &seed, NULL, why, sizeof(why)), ERR_SYSTEM);
    assert_non_null(strstr(why, path));
}

static void a_link_to_nothing_is_an_error(void **state)
{
    struct identity_seed seed;
    char why[IDENTITY_WHY_SIZE];
    const char *path = path_in(state, "identity");
    assert_int_equal(symlink("nowhere", path), 0);
    assert_int_equal(identity_load(path, &seed, NULL, why, sizeof(why)), ERR_SYSTEM);
    assert_non_null(strstr(why, path));
    assert_non_null(strstr(why, "link"));
    assert_int_equal(count_files(*state), 1);
}

static void defect_19_a_file_open_to_others_is_noted(void **state)
{
    static const mode_t modes[] = {0644, 0640, 0604, 0660, 0602};
    const char *path = path_in(state, "identity");
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        struct identity_seed seed;
        char why[IDENTITY_WHY_SIZE];
        unsigned notes;
        struct stat st;
        write_file(path, DIGITS, modes[i]);
        assert_int_equal(identity_load(path, &seed, &notes, why, sizeof(why)), 0);
        assert_int_equal(notes, IDENTITY_TOO_OPEN);
        assert_counting_seed(&seed);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, modes[i]);
    }
}

/* Runs without root's rights, which would read anything; reports through the exit status. */
static void load_as_nobody(const char *path, int expected, const char *word)
{
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct identity_seed seed;
        char why[IDENTITY_WHY_SIZE];
        if (geteuid() == 0 && setuid(65534) != 0)
            _exit(2);
        int rc = identity_load(path, &seed, NULL, why, sizeof(why));
        _exit(rc == expected && strstr(why, path) != NULL && strstr(why, word) != NULL ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void an_unreadable_file_is_an_error(void **state)
{
    assert_int_equal(chmod(*state, 0755), 0);
    write_file(path_in(state, "identity"), DIGITS, 0000);
    load_as_nobody(path_in(state, "identity"), ERR_SYSTEM, "cannot be opened");
}

static void a_file_that_cannot_be_made_is_an_error(void **state)
{
    assert_int_equal(mkdir(path_in(state, "locked"), 0555), 0);
    assert_int_equal(chmod(*state, 0755), 0);
    load_as_nobody(path_in(state, "locked/identity"), ERR_SYSTEM, "cannot be made");
}

static void the_reason_is_cut_to_its_buffer(void **state)
{
    struct identity_seed seed;
    char why[16];
    const char *path = path_in(state, "identity");
    write_file(path, "", 0600);
    assert_int_equal(identity_load(path, &seed, NULL, why, sizeof(why)), ERR_SYNTAX);
    assert_int_equal(strlen(why), sizeof(why) - 1);
    assert_int_equal(identity_load(path, &seed, NULL, NULL, 0), ERR_SYNTAX);
}

static void a_path_too_long_is_an_error(void **state)
{
    (void)state;
    static char path[2 * PATH_MAX];
    struct identity_seed seed;
    char why[IDENTITY_WHY_SIZE];
    memset(path, 'x', sizeof(path) - 1);
    assert_int_equal(identity_load(path, &seed, NULL, why, sizeof(why)), ERR_SYSTEM);
}

#define in_directory(f) cmocka_unit_test_setup_teardown(f, make_directory, remove_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_directory(reads_digits_of_either_case_between_white_space),
        in_directory(an_absent_file_is_made_with_its_directory),
        in_directory(two_new_files_differ),
        in_directory(only_one_directory_level_is_made),
        in_directory(a_path_without_directory_is_made_here),
        in_directory(processes_that_race_get_one_identity),
        in_directory(defect_19_a_corrupt_file_is_an_error_and_stays_as_it_is),
        in_directory(a_nul_within_the_digits_is_an_error),
        in_directory(a_huge_file_is_an_error),
        in_directory(what_is_no_regular_file_is_an_error),
        in_directory(a_link_to_nothing_is_an_error),
        in_directory(defect_19_a_file_open_to_others_is_noted),
        in_directory(an_unreadable_file_is_an_error),
        in_directory(a_file_that_cannot_be_made_is_an_error),
        in_directory(the_reason_is_cut_to_its_buffer),
        cmocka_unit_test(a_path_too_long_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
