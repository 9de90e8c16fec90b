"""chappe-shim, the middleman between the two planes of a relay: see tests/shim."""
import json
import subprocess

from harness import program


class Shim:
    """chappe-shim between the planes of a relay that is not started yet, or in the place of one that
    was closed. All messages may `claim` another version of the contract."""

    def __init__(self, lab, relay, seed=1, claim=None):
        fake = lab.path(relay.name + ".shim")
        relay.env = {**relay.env, "CHAPPE_IPC_SHIM": fake}
        claims = ["--claim", str(claim)] if claim else []
        with open(lab.path(relay.name + ".shim.log"), "ab") as log:
            self.popen = subprocess.Popen(
                [program("chappe-shim"), "--real", relay.runtime, "--fake", fake, "--seed",
                 str(seed), *claims], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                text=True)
        lab.closers.append(self.close)

    def tell(self, *words):
        self.popen.stdin.write(" ".join(str(w) for w in words) + "\n")
        self.popen.stdin.flush()

    def hear(self):
        """The next line: an answer, or that a message is held."""
        return self.popen.stdout.readline().strip()

    def ask(self, *words):
        self.tell(*words)
        answer = self.hear()
        assert answer and answer != "error", (words, answer)
        return answer

    def faults(self, *faults):
        self.ask("faults", *faults)

    def heal(self):
        self.ask("faults", 0, 0, 0, 0)

    def counters(self):
        return json.loads(self.ask("counters"))

    def counted(self):
        """How many inputs and commands passed since `count`."""
        return json.loads(self.ask("counted"))

    def close(self):
        if self.popen.returncode is not None:
            return  # a second time
        self.popen.stdin.close()
        code = self.popen.wait(10)
        self.popen.stdout.close()
        assert code == 0, f"chappe-shim ended with {code}"
