"""Interrupts at each point at which the interpreter looks for signals, one point after the other.

CPython looks for them when a function begins, after a call and when a loop goes back; so one that a test puts there,
by tracing, is one that Ctrl-C could have put there.
"""

from __future__ import annotations

import dis
import sys
from collections.abc import Callable
from types import FrameType, ModuleType
from typing import Any


class Interrupt(BaseException):
    """Stands for KeyboardInterrupt, and cannot be taken for a real one."""


def interrupted(module: ModuleType, point: int, function: Callable[[], object]) -> bool:
    """Calls ``function``, interrupted at the given point (from 0) of those that it passes in the module's code.

    False if it ended before that; else Interrupt was raised there, and came out of it or not.
    """
    passed = -1
    before: dict[FrameType, str] = {}

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal passed
        if frame.f_code.co_filename != module.__file__:
            return None
        frame.f_trace_opcodes = True
        if event == "call":
            before[frame] = "RESUME"
        elif event == "opcode":
            name = dis.opname[frame.f_code.co_code[frame.f_lasti]]
            looked = before.get(frame, "").startswith(("CALL", "RESUME", "JUMP_BACKWARD"))
            before[frame] = name
            # Where the call has raised instead, it is not looked for signals.
            if looked and name not in ("PUSH_EXC_INFO", "CACHE"):
                passed += 1
                if passed == point:
                    raise Interrupt
        return trace

    old = sys.gettrace()
    sys.settrace(trace)
    try:
        function()
    except Interrupt:
        pass
    finally:
        sys.settrace(old)
    return passed >= point


def everywhere(module: ModuleType, scene: Callable[[Callable[[Callable[[], object]], None]], None]) -> int:
    """Plays a scene once for each point; how many there were.

    ``scene(act)`` sets the stage, calls ``act(function)`` once for what is to be interrupted, and checks what is left.
    """
    # Nowhere at first: CPython 3.12 traces the steps of a function from its second call on.
    point = -1
    hit = True
    while hit:

        def act(function: Callable[[], object], at: int = point) -> None:
            nonlocal hit
            hit = interrupted(module, at, function)

        hit = False
        scene(act)
        point += 1
    return point - 1
