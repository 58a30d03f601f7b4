"""A process that outlives the coordinator by a moment, to end its workers however it ended.

A worker that is stopped cannot notice that its coordinator is gone, and a coordinator that is killed cannot say goodbye.
This process sleeps on a pipe whose other end only the coordinator holds. Each line names a process group to watch
(`+123`) or to forget (`-123`); when the pipe closes, what is still watched is killed and the scratch folder removed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    watched: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        if line[0] == "+":
            watched.add(group)
        else:
            watched.discard(group)
    for group in watched:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
    shutil.rmtree(sys.argv[1], ignore_errors=True)


if __name__ == "__main__":
    main()
