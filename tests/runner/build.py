"""Bootstrap, configure and build. Each is silent unless it fails."""
import time

from runner.group import Group

PRESETS = ("release", "debug", "asan")


def _step(root, name, commands, report):
    """Runs the commands one after the other; False and a failure in the report if one fails."""
    log = report.log_path(name)
    begin = time.monotonic()
    with open(log, "wb") as out:
        for command in commands:
            code = _run(command, root, out, report)
            if code != 0:
                break
    seconds = time.monotonic() - begin
    if code == 0:
        report.line("done", name, seconds)
        return True
    report.failed(name, f"{' '.join(map(str, command))}: {code}", seconds)
    print(log.read_text(errors="replace")[-20000:], flush=True)
    return False


def _run(command, root, out, report):
    try:
        group = Group(command, cwd=root, output=out)
    except OSError as error:
        return error
    code = group.wait(max(1, report.time_left()))
    group.end()
    return "out of time" if code is None else code


def bootstrap(root, report):
    return _step(root, "bootstrap", [[root / "deploy" / "bootstrap"]], report)


def build(root, preset, report):
    commands = [["cmake", "--preset", preset], ["cmake", "--build", "--preset", preset]]
    return _step(root, f"build {preset}", commands, report)
