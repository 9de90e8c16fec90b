#!/usr/bin/env python3
# timeout: 300
"""What runs the relay in production: systemd's units and its notify protocol, supervisord's config."""
import os
import re
import shutil
import signal
import socket
import subprocess
import time

from harness import BIN, PATIENCE, Skip, begin_talk, lossless, main, program, wait_for
from supervisor import Supervisor

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DEPLOY = os.path.join(ROOT, "deploy")


# ---- systemd: the protocol ----

class Manager:
    """A service manager's notify socket: a path, or an abstract name."""

    def __init__(self, lab, name, abstract=False):
        address = lab.path(name)
        self.name = ("@" if abstract else "") + address
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + address if abstract else address)
        self.socket.setblocking(False)
        self.heard = []
        lab.closers.append(self.socket.close)

    def messages(self):
        while True:
            try:
                self.heard.append(self.socket.recv(4096).decode())
            except BlockingIOError:
                return self.heard

    def wait(self, text, count=1):
        wait_for(f"{text!r} said to the service manager, not only {self.heard}",
                 lambda: sum(m.startswith(text) for m in self.messages()) >= count)

    def index(self, text):
        return next(i for i, m in enumerate(self.heard) if m.startswith(text))


def managed(lab, abstract):
    """A relay of which each plane has a manager of its own: start(plane) starts one."""
    relay = lab.relay("relay")
    managers = {p: Manager(lab, p + ".notify", abstract) for p in ("data", "control")}

    def start(plane):
        relay.env = {"NOTIFY_SOCKET": managers[plane].name, "WATCHDOG_USEC": "400000"}
        return relay.start_data() if plane == "data" else relay.start_control()
    return relay, managers, start


def tells_all(lab, abstract):
    relay, managers, start = managed(lab, abstract)
    data, control = managers["data"], managers["control"]
    start("data")
    data.wait("READY=1\nSTATUS=listening on 127.0.0.1:")
    start("control")
    control.wait("READY=1\nSTATUS=0 phones, 0 calls")
    relay.ready()
    for manager in (data, control):  # more than one: they come again and again
        manager.wait("WATCHDOG=1\n", manager.messages().count("WATCHDOG=1\n") + 2)
    lab.phone("phone", relay, "--register").fingerprint()
    control.wait("STATUS=1 phones")
    relay.ctl("reload")
    control.wait("RELOADING=1\nMONOTONIC_USEC=")
    control.wait("READY=1\n", 2)
    microseconds = int(re.search(r"USEC=(\d+)", control.heard[control.index("RELOADING")])[1])
    assert microseconds <= time.monotonic() * 1e6
    assert relay.stop() == [0, 0]
    data.wait("STOPPING=1\n")
    control.wait("STOPPING=1\n")
    assert control.index("READY") < control.index("RELOADING") < control.index("STOPPING")


def test_both_planes_tell_their_manager(lab):
    tells_all(lab, abstract=False)


def test_both_planes_tell_their_manager_at_an_abstract_name(lab):
    tells_all(lab, abstract=True)


def test_a_control_plane_alone_holds_up_no_boot(lab):
    relay, managers, start = managed(lab, False)
    control = managers["control"]
    start("control")
    control.wait("READY=1\nSTATUS=waiting for the data plane")
    start("data")
    control.wait("STATUS=0 phones")
    relay.ready()
    relay.data.signal(signal.SIGKILL)  # and says it again when there is none any more
    control.wait("STATUS=waiting for the data plane")


def test_a_hung_plane_says_nothing_to_the_watchdog(lab):
    relay, managers, start = managed(lab, False)
    for plane in ("data", "control"):
        process, manager = start(plane), managers[plane]
        manager.wait("WATCHDOG=1\n")
        process.signal(signal.SIGSTOP)
        wait_for("it stopped", lambda p=process: open(f"/proc/{p.pid}/stat").read().split()[2] == "T")
        before = len(manager.messages())
        time.sleep(0.6)  # three times what is between two signs of life
        assert len(manager.messages()) == before
        process.signal(signal.SIGCONT)
        manager.wait("WATCHDOG=1\n", manager.messages().count("WATCHDOG=1\n") + 1)


def test_a_manager_that_makes_no_sense_is_said_and_ignored(lab):
    relay = lab.relay("relay", env={"NOTIFY_SOCKET": "nowhere"})
    relay.start()
    relay.data.wait_log("service_manager_not_told")
    relay.control.wait_log("service_manager_not_told")


# ---- systemd: the units ----

def units(lab):
    """The units with the programs of this build; systemd-analyze looks whether they exist."""
    if not shutil.which("systemd-analyze"):
        raise Skip("no systemd-analyze here")
    paths = []
    for name in sorted(os.listdir(os.path.join(DEPLOY, "systemd"))):
        if not name.endswith((".service", ".target")):
            continue
        with open(os.path.join(DEPLOY, "systemd", name)) as f:
            text = f.read().replace("/usr/bin/", os.path.abspath(BIN) + "/")
        paths.append(lab.path(name))
        with open(paths[-1], "w") as f:
            f.write(text)
    return paths


def test_systemd_finds_nothing_wrong_with_the_units(lab):
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", *units(lab)],
                          capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr.strip(), done.stderr


def test_the_units_are_hardened(lab):
    for unit in units(lab):
        if not unit.endswith(".service"):
            continue
        done = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--no-pager",
                               "--threshold=20", unit], capture_output=True, text=True)
        if "offline" in done.stderr:
            raise Skip("this systemd-analyze cannot judge a unit that is not loaded")
        assert done.returncode == 0, done.stdout[-300:] + done.stderr


# ---- supervisord ----

class Supervised(Supervisor):
    """Under deploy/supervisor/chappe.conf, with the paths of this test."""

    def __init__(self, lab, relay):
        if not shutil.which("supervisord"):
            raise Skip("no supervisord here")
        super().__init__(lab, relay)

    def _configure(self):
        os.mkdir(self.lab.path("logs"))  # supervisord's own
        self._fill("chappe.conf", {"/usr/bin/": os.path.abspath(BIN) + "/",
                                   "/etc/chappe/relay.yaml": self.relay.config_path,
                                   "/var/log/chappe": self.logs, "user = chappe\n": ""})
        return self._fill("supervisord.conf", {
            "${dir}": self.lab.directory, "${run}": self.lab.directory, "${relays}": "chappe.conf"})

    def _fill(self, name, values):
        with open(os.path.join(DEPLOY, "supervisor", name)) as f:
            text = f.read()
        for old, new in values.items():
            assert old in text, (name, old)
            text = text.replace(old, new)
        with open(self.lab.path(name), "w") as f:
            f.write(text)
        return self.lab.path(name)

    def log_path(self, plane):
        return os.path.join(self.logs, plane + ".log")

    def ctl(self, *words):
        return subprocess.run(["supervisorctl", "-c", self.config, *words], capture_output=True,
                              text=True, timeout=PATIENCE)

    def state(self, plane):
        return (self.ctl("status", f"chappe-{plane}").stdout.split() + ["", ""])[1]

    def replace(self, plane):
        """kill -9; returns when supervisord has started the next one."""
        self.wait_pid(plane, other_than=self.kill(plane))


def supervised(lab):
    relay = lab.relay("relay")
    supervisor = Supervised(lab, relay)
    wait_for("supervisord", lambda: supervisor.pid("data") and supervisor.pid("control"))
    relay.ready()
    return relay, supervisor


def test_supervisord_never_gives_a_killed_control_plane_up(lab):
    relay, supervisor = supervised(lab)
    phones = begin_talk(lab, relay, 20)
    for _ in range(6):  # more than the three starts after which its default gives up
        supervisor.replace("control")
    relay.ready()
    assert supervisor.log("control").count("adopting") >= 1
    for phone in phones:
        lossless(phone.report())
    relay.nothing_left()
    assert supervisor.state("control") == "RUNNING"


def test_supervisorctl_restarts_the_control_plane_in_a_call(lab):
    relay, supervisor = supervised(lab)
    phones = begin_talk(lab, relay, 8)
    before = relay.ctl("status")
    done = supervisor.ctl("restart", "chappe-control")
    assert done.returncode == 0 and "chappe-control: started" in done.stdout, done
    relay.ready()
    after = relay.ctl("status")
    assert after["data_epoch"] == before["data_epoch"]
    assert after["control_epoch"] > before["control_epoch"]
    for phone in phones:
        lossless(phone.report())
    relay.nothing_left()


def test_supervisord_brings_a_killed_data_plane_back(lab):
    relay, supervisor = supervised(lab)
    phone = lab.phone("phone", relay, "--register")
    phone.fingerprint()
    for turn in range(2):
        supervisor.replace("data")
        wait_for("the phone is back",
                 lambda turn=turn: phone.process.log().count("registered ") == turn + 2)
    relay.ready()


def test_a_drained_relay_stays_down_until_it_is_started(lab):
    relay, supervisor = supervised(lab)
    phones = begin_talk(lab, relay, 3)
    relay.ctl("drain")
    for phone in phones:
        lossless(phone.report())
    phones[1].end()
    for plane in ("data", "control"):
        wait_for(f"{plane} has ended", lambda plane=plane: supervisor.state(plane) == "EXITED")
    assert "data_stopped" in supervisor.log("data")
    supervisor.ctl("start", "chappe-data", "chappe-control")
    relay.ready()
    assert not relay.ctl("status")["draining"]


def test_supervisord_stops_both_at_its_end(lab):
    relay, supervisor = supervised(lab)
    pids = [supervisor.pid("data"), supervisor.pid("control")]
    supervisor.process.signal(signal.SIGTERM)
    assert supervisor.process.wait() == 0
    for pid in pids:
        assert not os.path.exists(f"/proc/{pid}"), pid
    done = subprocess.run([program("chappectl"), "-c", relay.config_path, "status"],
                          capture_output=True, text=True)
    assert done.returncode == 1


if __name__ == "__main__":
    main(globals(), at_once=3)
