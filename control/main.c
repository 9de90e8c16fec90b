/* chappe-control: the control plane. The core decides, the rim carries; see control/README.md. */
#include "common/options.h"
#include "control/rim/plane.h"

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
    if (check) {
        struct config config;
        rc = startup_config(config_path, &config);
        config_free(&config);
        return rc;
    }
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
