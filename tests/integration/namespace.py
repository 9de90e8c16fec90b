"""Two network namespaces of a test's own with a cable between them, which can be made to swallow
everything."""
import json
import os
import subprocess

from harness import Skip, wait_for

HERE, THERE = "10.77.0.1", "10.77.0.2"


def run(*command):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if done.returncode != 0:
        raise Skip(f"no network namespaces here: {' '.join(map(str, command))}: {done.stderr}")
    return done.stdout


class Namespaces:
    """`here` and `there` are prefixes for commands; in both there is loopback besides."""

    def __init__(self, lab):
        if os.geteuid() != 0:
            raise Skip("only root makes network namespaces")
        near, far = (self._make(lab, name) for name in ("here", "there"))
        self.here, self.there = (["nsenter", f"--net=/proc/{pid}/ns/net", "--"]
                                 for pid in (near, far))
        run(*self.here, "ip", "link", "add", "near", "type", "veth", "peer", "name", "far",
            "netns", far)
        for prefix, device, address in ((self.here, "near", HERE), (self.there, "far", THERE)):
            run(*prefix, "ip", "link", "set", "lo", "up")
            run(*prefix, "ip", "address", "add", f"{address}/30", "dev", device)
            run(*prefix, "ip", "link", "set", device, "up")
        self._know(self.here, "near", THERE, self.there, "far")
        self._know(self.there, "far", HERE, self.here, "near")

    @staticmethod
    def _make(lab, name):
        """The id of a process that lives in a namespace of its own, as long as the lab."""
        ours = os.readlink("/proc/self/ns/net")
        child = lab.start(f"namespace-{name}", ["unshare", "--net", "sleep", "600"])

        def look():
            if not child.running():
                raise Skip(f"no network namespaces here: {child.log()}")
            return os.readlink(f"/proc/{child.pid}/ns/net") != ours
        wait_for(f"the namespace {name}", look)
        return child.pid

    @staticmethod
    def _know(prefix, device, address, other_prefix, other_device):
        """A neighbour that is never asked for: the other end may fall silent altogether."""
        link, = json.loads(run(*other_prefix, "ip", "-j", "link", "show", other_device))
        run(*prefix, "ip", "neighbour", "replace", address, "lladdr", link["address"], "dev",
            device, "nud", "permanent")

    def swallow(self):
        """From now on all that is sent there vanishes; nobody says that nobody is there."""
        run(*self.there, "ip", "address", "del", f"{THERE}/30", "dev", "far")

    def heal(self):
        run(*self.there, "ip", "address", "add", f"{THERE}/30", "dev", "far")
        self._know(self.there, "far", HERE, self.here, "near")
