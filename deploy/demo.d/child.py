"""Child processes that do not outlive the demo, whatever becomes of it."""
import ctypes
import os
import subprocess

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def start(command, out, err, death_signal):
    """Starts a command without input, in a session of its own, out of the reach of Ctrl-C.

    When the demo dies, the child gets `death_signal`; with None it lives on.
    """
    parent = os.getpid()

    def bind():
        _libc.prctl(PR_SET_PDEATHSIG, death_signal)
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)

    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                            start_new_session=True,
                            preexec_fn=None if death_signal is None else bind)
