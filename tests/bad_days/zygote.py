"""A process that has imported the service and opened nothing; each order makes it fork a child that serves.

What a child does from `main` on is what `python -m connector serve` does, or another verb that the order names; it only
starts five times as fast. An order is a line of JSON with the environment and a log file; the answers are two lines,
its pid and, in the end, its status.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from pathlib import Path

from connector.__main__ import main as service

PR_SET_PDEATHSIG = 1


def main() -> None:
    _end_with_parent()
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            _end_with_parent()
            _serve(order["environment"], Path(order["log"]), order.get("verb", ["serve"]))
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _end_with_parent() -> None:
    """Leave no process behind when a test run is killed, where the system can do that: prctl(2)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _serve(environment: dict[str, str], log: Path, verb: list[str]) -> None:
    nothing, written = os.open(os.devnull, os.O_RDONLY), os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for old, new in ((nothing, 0), (written, 1), (written, 2)):
        os.dup2(old, new)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv[:] = ["connector", *verb]
    status = 70
    try:
        service()
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 1
    finally:
        sys.stdout.flush()
        os._exit(status)


if __name__ == "__main__":
    main()
