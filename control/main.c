/* chappe-control: the control plane. The core decides, the rim carries; see control/README.md. */
#include "common/config_check.h"
#include "common/options.h"
#include "control/rim/plane.h"

/* --check: says what is wrong with the config, and what is hardly meant. */
static int check_config(const char *path)
{
    struct config config;
    struct config_errors warnings = {0};
    int rc = startup_config(path, &config);
    if (rc == EXIT_DONE)
        config_warnings(&config, &warnings);
    config_errors_print(&warnings, stderr);
    config_errors_free(&warnings);
    config_free(&config);
    return rc;
}

int main(int argc, char **argv)
{
    const char *config_path = NULL;
    bool check = false;
    const struct options_entry entries[] = {
        OPTIONS_CONFIG(&config_path),
        {.name = "check", .help = "check the config and exit", .flag = &check},
    };
    const struct options options = {.program = "chappe-control",
                                    .about = "the control plane of a Chappe relay",
                                    .operands = "",
                                    .entries = entries,
                                    .count = sizeof entries / sizeof *entries};
    int operand;
    int rc = options_parse(&options, argc, argv, stdout, stderr, &operand);
    if (rc != OPTIONS_RUN)
        return rc;
    if (check)
        return check_config(config_path);
    struct startup startup;
    rc = startup_begin(&startup, config_path, "control");
    if (rc != EXIT_DONE)
        return rc;
    struct plane *plane = NULL;
    rc = EXIT_FAILED;
    if (plane_init(&plane, &startup, "chappe-" CHAPPE_VERSION) == 0)
        rc = plane_run(plane);
    startup_bound_ending(rc);
    plane_free(plane);
    startup_end(&startup);
    return rc;
}
