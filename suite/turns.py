"""The same pytest-benchmark tests in two interpreters, in turns: every launch is a fresh process of each.

The launches of both sides lie next to each other in time, and which comes first alternates, so that drift of the machine
hits both alike. While one process runs nothing else does.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from suite.errors import RecordsError, UsageError
from suite.idling import kept_awake
from suite.progress import Progress
from suite.targets import missing_module
from suite.workers import PADDING_BYTES, ROOT, Scratch, scratch_folder

PLUGIN = "triptych_pytest"
LAST_WORDS = 6
"""So many lines of a failing pytest are shown."""


@dataclass(frozen=True)
class Side:
    """An interpreter by its name, and the folder in which its pytest runs."""

    name: str
    python: str
    folder: Path


def take(
    sides: tuple[Side, Side],
    words: Sequence[str],
    *,
    launches: int,
    timeout_s: float,
    output: Path,
    progress: Progress,
) -> tuple[Path, Path]:
    """Run `pytest` with these `words` for both `sides`, `launches` times each, and return the folders of their JSON files.

    A launch leaves `output/<name>/<number>.json` and what pytest printed beside it; files of the same number ran next to
    each other. Raises UsageError where a side cannot run pytest-benchmark, where a pytest fails, runs no benchmark or takes
    longer than `timeout_s`; RecordsError where `output` cannot be written or holds something already.
    """
    _refuse(sides, launches)
    folders = output / sides[0].name, output / sides[1].name
    for folder in folders:
        _make(folder)
    both = list(zip(sides, folders, strict=True))
    progress.start(2 * launches)
    try:
        with scratch_folder() as scratch, kept_awake():
            for launch in range(launches):
                for side, folder in both if launch % 2 == 0 else reversed(both):
                    progress.step(f"launch {launch + 1} of {launches}: {side.name}")
                    _run(side, words, folder / f"{launch:03}.json", timeout_s, scratch)
    finally:
        progress.finish()
    return folders


def _refuse(sides: tuple[Side, Side], launches: int) -> None:
    """What would fail later anyway, before anything is started."""
    if launches < 1:
        raise UsageError("--launches must be 1 or more")
    for side in sides:
        if not side.folder.is_dir():
            raise UsageError(f"{side.name} is to run in {side.folder}, which is no folder")
        if reason := missing_module(side.python, "pytest_benchmark", "pytest-benchmark", "pytest-benchmark"):
            raise UsageError(f"{side.name}: {reason}")


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        filled = any(folder.iterdir())
    except OSError as error:
        raise RecordsError(
            f"{folder} cannot be written: {error.strerror}; choose another folder with --output"
        ) from None
    if filled:
        raise RecordsError(f"{folder} is not empty; name another --output")


def _run(side: Side, words: Sequence[str], file: Path, timeout_s: float, scratch: Scratch) -> None:
    file, log = file.absolute(), file.absolute().with_suffix(".log")
    own = ["-p", PLUGIN, "--triptych", "--benchmark-only", f"--benchmark-json={file}"]
    with open(log, "wb") as output:
        process = subprocess.Popen(
            [side.python, "-m", "pytest", *words, *own],
            cwd=side.folder,
            env=_environment(scratch),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    scratch.watch(process.pid)
    try:
        code = process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        raise UsageError(
            f"pytest of {side.name} took longer than {timeout_s:.0f} s; give it more with --timeout, or fewer tests"
        ) from None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        scratch.forget(process.pid)
    if code:
        raise UsageError(f"pytest of {side.name} ended with {code}; its last words:\n{_last_words(log)}")
    if not file.exists() or not file.stat().st_size:
        raise UsageError(f"pytest of {side.name} ran no benchmark; its last words:\n{_last_words(log)}")


def _environment(scratch: Scratch) -> dict[str, str]:
    """The caller's, with a folder on the path that holds the plugin and nothing else of Triptych, and a random size, which
    shifts the stack (see `suite.workers.PADDING_BYTES`). A process that pytest-xdist started would measure nothing."""
    folder = scratch.folder / "plugin"
    link = folder / f"{PLUGIN}.py"
    if not link.exists():
        folder.mkdir()
        link.symlink_to(ROOT / link.name)
    path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))
    callers = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST_")}
    return {**callers, "PYTHONPATH": path, "TRIPTYCH_PADDING": "x" * random.randrange(PADDING_BYTES)}


def _last_words(log: Path) -> str:
    lines = [line.rstrip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    shown = ["".join(c if c.isprintable() else "�" for c in line) for line in lines[-LAST_WORDS:]]
    return "\n".join(f"    {line}" for line in shown) or "    none"
