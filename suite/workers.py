"""The coordinator's side of the workers: start, ask, pause, replace and end them. Nothing outlives the coordinator."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import psutil

from suite.gpu import Gpu
from suite.protocol import Channel, Closed, DeadlinePassed
from suite.records import Status
from suite.targets import Target, missing

ROOT = Path(__file__).resolve().parent.parent
"""The folder that holds `suite` and `impls`."""

START_TIMEOUT_S = 180.0
MEMORY_SHARE = 0.9
"""A worker may take this share of what was available when it started; beyond that its allocations fail."""
PADDING_BYTES = 4096
"""Up to so many bytes of environment are added at random: the size of the environment shifts the stack, and with it the
alignment of everything on it (Mytkowicz et al. 2009, Producing wrong data without doing anything obviously wrong)."""
LAST_WORDS = 20_000
_NO_MEMORY = re.compile(r"bad_alloc|out of memory|cannot allocate memory|RESOURCE_EXHAUSTED", re.IGNORECASE)


class CellFailed(Exception):
    """A cell cannot go on; `status` is that of the records, `reason` a sentence."""

    def __init__(self, status: Status, reason: str) -> None:
        super().__init__(reason)
        self.status: Status = status
        self.reason = reason


@dataclass(eq=False)
class WorkerProcess:
    """One running worker. `hello` is what it said of itself when it started."""

    target: Target
    process: subprocess.Popen[bytes]
    channel: Channel
    log: Path
    hello: dict[str, Any] = field(default_factory=dict)
    paused: bool = False
    compilers_s: dict[str, float] = field(default_factory=dict)
    """Seconds that each mode's compiler took to start in this worker."""
    device_bytes: int = 0
    """What it holds of the GPU's memory: by how much more was in use after it did something than before, since one works at
    a time. The driver's own figure for a process is not to be had from within a container."""

    def pause(self) -> None:
        """Stop it, all its threads and children: idle thread pools spin, and would disturb who is being timed."""
        if not self.paused:
            self._signal(signal.SIGSTOP)
            # The signal is delivered in its own time; return when it has been (or the worker is no more).
            os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
            self.paused = True

    def wake(self) -> None:
        if self.paused:
            self._signal(signal.SIGCONT)
            self.paused = False

    def kill(self) -> None:
        self._signal(signal.SIGKILL)
        self.process.wait()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)

    def last_words(self) -> str:
        """The last line that it printed, for the reason of a crash."""
        with contextlib.suppress(OSError):
            lines = [line.strip() for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
            if lines:
                return lines[-1][:200]
        return ""

    def ran_out_of_memory(self) -> bool:
        """Whether among its last words are those with which C++ ends a program that gets no memory."""
        with contextlib.suppress(OSError):
            return bool(_NO_MEMORY.search(self.log.read_text(errors="replace")[-LAST_WORDS:]))
        return False


class Workers:
    """The workers of one launch, one a target, started when first needed and replaced when they die."""

    def __init__(
        self,
        scratch: Scratch,
        targets: list[Target],
        threads: int,
        logs: Path,
        warm_caches: bool,
        gpu: Gpu | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        """`variables` are further ones of the workers' environment."""
        self.scratch = scratch
        self.variables = dict(variables or {})
        self.gpu = gpu
        self.targets = {target.name: target for target in targets}
        self.threads = threads
        self.logs = logs
        self.warm_caches = warm_caches
        self.caches: Path | None = None
        """Where all of these keep what their compilers made, one after the other; None: as `Scratch.caches` has it."""
        self.cpus = sorted(_allowed_cpus())[:threads]
        self.running: dict[str, WorkerProcess] = {}
        self.unavailable: dict[str, CellFailed] = {}
        self.memory_limit_bytes = 0
        """That of the last worker started."""

    def get(self, name: str) -> WorkerProcess:
        """The target's worker, awake; started where there is none. Raises CellFailed where it cannot be."""
        if name in self.unavailable:
            raise self.unavailable[name]
        if name not in self.running:
            target = self.targets[name]
            reason = missing(target)
            try:
                if reason:
                    raise CellFailed("unavailable", reason)
                self.activate(None)
                self.running[name] = self._start(target)
            except CellFailed as failure:
                self.unavailable[name] = failure
                raise
        self.activate(name)
        return self.running[name]

    def ask(self, name: str, command: str, timeout_s: float, **arguments: Any) -> dict[str, Any]:
        """The worker's reply. Raises CellFailed for an error of its, its death, and silence beyond `timeout_s`."""
        worker = self.get(name)
        before = self._device_bytes()
        try:
            worker.channel.send({"command": command, **arguments})
            answer = worker.channel.receive(timeout_s)
        except DeadlinePassed:
            self.remove(name)
            raise CellFailed("timeout", f"no answer to '{command}' within {timeout_s:.0f} s") from None
        except (Closed, ValueError) as error:
            raise self._post_mortem(name, error) from None
        worker.device_bytes += self._device_bytes() - before
        if "error" in answer:
            if answer["error"] == "crashed":  # it lives, but can compute no more
                self.remove(name)
            raise CellFailed(answer["error"], answer["message"])
        reply: dict[str, Any] = answer["reply"]
        return reply

    def on_device(self) -> int:
        """How many of the workers hold memory of the GPU."""
        return sum(worker.device_bytes > 0 for worker in self.running.values())

    def _device_bytes(self) -> int:
        return self.gpu.memory_used_bytes() if self.gpu else 0

    def activate(self, name: str | None) -> None:
        """Let only this worker run."""
        for other, worker in self.running.items():
            if other != name:
                worker.pause()
        if name in self.running:
            self.running[name].wake()

    def remove(self, name: str) -> None:
        worker = self.running.pop(name)
        worker.kill()
        worker.channel.close()
        self.scratch.forget(worker.process.pid)

    def stop(self) -> None:
        for name in list(self.running):
            self.remove(name)

    def _start(self, target: Target) -> WorkerProcess:
        to_worker, from_coordinator = os.pipe()
        to_coordinator, from_worker = os.pipe()
        generation = self.scratch.next_generation()
        log = self.logs / f"{target.name}-{generation}.log"
        caches = self.caches or self.scratch.caches(generation, self.warm_caches)
        # On a GPU it is the device's memory that runs out, and what the driver maps would count.
        self.memory_limit_bytes = 0 if self.gpu else int(MEMORY_SHARE * psutil.virtual_memory().available)
        configuration = {
            "package": target.package,
            "threads": self.threads,
            "cpus": self.cpus,
            "memory_limit_bytes": self.memory_limit_bytes,
            "read_fd": to_worker,
            "write_fd": from_worker,
        }
        self.logs.mkdir(parents=True, exist_ok=True)
        channel = Channel(to_coordinator, from_coordinator)
        try:
            with open(log, "wb") as output:
                process = subprocess.Popen(
                    [target.python, "-m", "suite.worker", json.dumps(configuration)],
                    cwd=self.scratch.links(target.package),
                    env={**environment(self.threads, caches, self.gpu), **self.variables},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    pass_fds=(to_worker, from_worker),
                    start_new_session=True,
                )
        except OSError as error:
            channel.close()
            raise CellFailed("unavailable", f"{target.python} cannot be started: {error.strerror}") from None
        finally:
            os.close(to_worker)
            os.close(from_worker)
        self.scratch.watch(process.pid)
        before = self._device_bytes()
        worker = WorkerProcess(target, process, channel, log)
        self.running[target.name] = worker
        try:
            answer = channel.receive(START_TIMEOUT_S)
        except DeadlinePassed:
            self.remove(target.name)
            raise CellFailed("unavailable", f"{target.name} did not start within {START_TIMEOUT_S:.0f} s") from None
        except (Closed, ValueError) as error:
            failure = self._post_mortem(target.name, error)
            raise CellFailed("unavailable", f"{target.name} did not start: {failure.reason}") from None
        if "error" in answer:
            self.remove(target.name)
            status: Status = "out_of_memory" if _NO_MEMORY.search(answer["message"]) else "unavailable"
            raise CellFailed(status, f"{target.name} did not start: {answer['message']}")
        worker.hello = answer["reply"]
        worker.device_bytes = self._device_bytes() - before
        if complaint := _unequal_conditions(worker.hello["settings"], self.threads, self.cpus):
            self.remove(target.name)
            raise CellFailed("unavailable", f"{target.name} cannot be compared: {complaint}")
        return worker

    def _post_mortem(self, name: str, error: Exception) -> CellFailed:
        """What a worker that is gone, or that spoke nonsense, died of."""
        worker = self.running[name]
        before = self.scratch.oom_kills
        try:
            code: int | None = worker.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            code = None
        self.remove(name)
        words = worker.last_words()
        ending = f"; its last words: {words}" if words else ""
        if code is None:
            return CellFailed("crashed", f"the worker broke the protocol ({error}){ending}")
        if code < 0:
            self.scratch.oom_kills = oom_kills()
            if code == -signal.SIGKILL and self.scratch.oom_kills > before:
                return CellFailed("out_of_memory", "the kernel killed the worker when memory ran out")
            if code == -signal.SIGABRT and worker.ran_out_of_memory():
                return CellFailed("out_of_memory", "the framework gave up for want of memory")
            return CellFailed("crashed", f"the worker died of {signal.Signals(-code).name}")
        return CellFailed("crashed", f"the worker exited with code {code}{ending}")


class Scratch:
    """A temporary folder for arrays, links and caches, and the guardian that removes it and ends the workers."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="triptych-"))
        self.oom_kills = oom_kills()
        self._generation = 0
        self._guardian: subprocess.Popen[bytes] = subprocess.Popen(
            [sys.executable, "-S", "-E", str(Path(__file__).with_name("guardian.py")), str(self.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )

    def watch(self, group: int) -> None:
        self._tell(f"+{group}")

    def forget(self, group: int) -> None:
        self._tell(f"-{group}")

    def close(self) -> None:
        """Closing the pipe makes the guardian kill what is left and remove the folder."""
        pipe: IO[bytes] | None = self._guardian.stdin
        if pipe:
            pipe.close()
        self._guardian.wait()

    def next_generation(self) -> int:
        self._generation += 1
        return self._generation

    def links(self, package: str) -> Path:
        """A folder with links to `suite`, `impls` and the top package of `package`, and nothing else: a worker started in
        it finds these, and its own interpreter's packages, but none of the coordinator's."""
        folder = self.folder / "links"
        folder.mkdir(exist_ok=True)
        for name in {"suite", "impls", package.partition(".")[0]}:
            link = folder / name
            if not link.exists():
                link.symlink_to(ROOT / name, target_is_directory=True)
        return folder

    def caches(self, generation: int, warm: bool) -> Path:
        """Where a worker's compilers keep what they compiled: fresh for each worker, or one that lasts."""
        if warm:
            folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "triptych"
        else:
            folder = self.folder / "caches" / str(generation)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def arrays(self, name: str) -> Path:
        """An empty folder for .npy files."""
        folder = self.folder / "arrays" / name
        shutil.rmtree(folder, ignore_errors=True)
        return folder

    def _tell(self, line: str) -> None:
        pipe = self._guardian.stdin
        if pipe:
            with contextlib.suppress(BrokenPipeError):
                pipe.write(f"{line}\n".encode())
                pipe.flush()


@contextlib.contextmanager
def scratch_folder() -> Iterator[Scratch]:
    scratch = Scratch()
    try:
        yield scratch
    finally:
        scratch.close()


def environment(threads: int, caches: Path, gpu: Gpu | None = None) -> dict[str, str]:
    """A worker's environment: the caller's, with thread counts and compiler caches set for every library.

    It sees the one GPU that it shall use, or none: TensorFlow and JAX would compute there unasked. Memory of a GPU is
    taken as it is needed, not most of it at the start, so that several workers have room.
    """
    count = str(threads)
    if gpu:
        device = {
            "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
            "CUDA_VISIBLE_DEVICES": gpu.entry,
            "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
            "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        }
    else:
        device = {"CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu"}
    return {
        **os.environ,
        **device,
        "OMP_NUM_THREADS": count,
        "OPENBLAS_NUM_THREADS": count,
        "MKL_NUM_THREADS": count,
        "TF_NUM_INTRAOP_THREADS": count,
        "TF_NUM_INTEROP_THREADS": count,
        "NPROC": count,
        "TORCHINDUCTOR_COMPILE_THREADS": count,
        "TORCHINDUCTOR_CACHE_DIR": str(caches / "inductor"),
        "TRITON_CACHE_DIR": str(caches / "triton"),
        "JAX_COMPILATION_CACHE_DIR": str(caches / "jax"),
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "TRIPTYCH_PADDING": "x" * random.randrange(PADDING_BYTES),
    }


def _unequal_conditions(settings: dict[str, Any], threads: int, cpus: list[int]) -> str | None:
    """A sentence where a worker does not run under the conditions that were asked for."""
    found = settings.get("threads")
    if found is not None and int(found) != threads:
        return f"it uses {found} threads where {threads} were asked for"
    affinity = ",".join(map(str, cpus))
    if sys.platform == "linux" and settings.get("affinity") != affinity:
        return f"it may run on the CPUs {settings.get('affinity')} where {affinity} were asked for"
    return None


def _allowed_cpus() -> set[int]:
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))


def oom_kills() -> int:
    """How often the kernel killed a process of this control group for want of memory; 0 where it does not tell."""
    for path in ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"):
        with contextlib.suppress(OSError, ValueError):
            for line in Path(path).read_text().splitlines():
                name, _, value = line.partition(" ")
                if name == "oom_kill":
                    return int(value)
    return 0
