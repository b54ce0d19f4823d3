"""Forks that overtake what another thread imports; for children, so that nothing is imported here that they look at."""

import os
import sys
import threading


class Held:
    """Stops whoever looks for one module, until a fork is under way."""

    def __init__(self, name):  # type: ignore[no-untyped-def]
        self.name = name
        self.begun, self.let = threading.Event(), threading.Event()
        sys.meta_path.insert(0, self)

    def find_spec(self, name, path=None, target=None):  # type: ignore[no-untyped-def]
        if name == self.name:
            self.begun.set()
            self.let.wait()


def fork_amid(importer, let, in_child=int, register=os.register_at_fork):  # type: ignore[no-untyped-def]
    """Forks as ``importer`` waits for ``let``, which is set within the fork; the child, and then it, must end well."""
    # Called before what was registered so far; and the importer does not run until this thread waits.
    register(before=let.set)
    sys.setswitchinterval(100)
    child = os.fork()
    if not child:
        in_child()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    importer.join()
