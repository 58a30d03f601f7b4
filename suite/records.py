"""What a run leaves behind: `run.json`, `cells.jsonl` and what was added later, in one folder. The only module that reads or
writes them.

`cells.jsonl` is append-only: a line for each cell and launch, all lines of a case's launch in one flushed write, so that
a killed run loses at most the launch of the case in flight. Reading merges the lines of a cell into one `Cell`. What is
stored is what was measured; every statistic is derived when read.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from suite.diagnoses import AnyDiagnosis
from suite.errors import RecordsError

SCHEMA_VERSION = 1
T = TypeVar("T")

Status = Literal[
    "ok", "incorrect", "unsupported", "unavailable", "failed", "out_of_memory", "timeout", "crashed", "skipped"
]

Seconds = Annotated[float, Meta(ge=0)]
Count = Annotated[int, Meta(ge=0)]


class Sample(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """The time of a block of calls ended by one synchronisation, divided by their number, with what disturbed it."""

    round: Count
    ns: Annotated[float, Meta(gt=0)]
    switches: Count = 0
    """Involuntary context switches of the worker during the block."""
    stolen_ms: Annotated[float, Meta(ge=0)] = 0.0
    """Time that the hypervisor gave to others, over all CPUs (Linux)."""
    anchor_ns: Annotated[float, Meta(ge=0)] = 0.0
    """What fixed NumPy work took at the beginning of this round; 0 where that was not measured."""
    clock_mhz: Count = 0
    """Of the GPU, right after the block; 0 on a CPU."""
    held_down: tuple[str, ...] = ()
    """Why the GPU's clock was held down meanwhile: `power`, `heat` …"""
    strangers: Count = 0
    """Processes on the GPU that are not of this run."""


class OnGpu(Struct, frozen=True, forbid_unknown_fields=True):
    """What one launch measured of one cell on a GPU beside its times."""

    dispatch_ns: list[Annotated[float, Meta(ge=0)]]
    """Single calls: until the host went on, whatever was left to be done."""
    cold_latency_ns: list[Annotated[float, Meta(ge=0)]]
    """Single calls, each synchronised, with something else in the device's cache."""
    kernel_ns: Annotated[float, Meta(ge=0)] | None
    """What the device itself took for a call, by its own events; None where nobody tells."""
    memory_bytes: Count
    """What the worker held of the device's memory by the end, as the driver counts it."""
    apart: bool = False
    """Whether the cells of the case were measured one target after the other, since together they did not fit."""


class Launch(Struct, frozen=True, forbid_unknown_fields=True):
    """What one launch measured of one cell. Times in seconds but for the samples and latencies, which are in ns."""

    launch: Count
    import_s: Seconds
    """Importing the framework, in this launch's worker."""
    compiler_start_s: Seconds
    """The mode's one-off cost in this worker: its first compilation, of a trivial function."""
    build_s: Seconds
    """Drawing, converting and wrapping, before the first call."""
    first_call_s: Seconds
    """The first call: trace, compile and run."""
    warmup_s: Seconds
    """From the first call's end until the call times were steady."""
    warmup_calls: Count
    steady: bool
    """Whether the warm-up ended because the times were steady, not because its limit was reached."""
    calls_per_sample: Annotated[int, Meta(ge=1)]
    samples: list[Sample]
    latency_ns: list[Annotated[float, Meta(gt=0)]]
    """Single calls, each synchronised."""
    peak_memory_bytes: Count | None
    """What one call takes beyond what was there before it, from a pass of its own: growth of the resident set, on a GPU
    by the framework's counter. None where it cannot be measured."""
    on_gpu: OnGpu | None = None


class Check(Struct, frozen=True, forbid_unknown_fields=True):
    """One comparison that the cell went through: `error` against `tolerance`, both relative and without unit."""

    name: str
    """`value`, `gradient`, `training`; `gradient.adjoint`, `gradient.oracle`, `gradient.differences` (in float64)."""
    error: float | None
    """None where the result was not finite."""
    tolerance: Annotated[float, Meta(gt=0)]
    passed: bool
    detail: str = ""
    """Where it is worst, or what it was held against."""


class Line(Struct, frozen=True, forbid_unknown_fields=True):
    """One line of `cells.jsonl`: a cell as one launch left it."""

    workload: str
    problem: str
    parameters: dict[str, int | float | bool | str]
    task: str
    precision: str
    device: str
    threads: Annotated[int, Meta(ge=1)]
    target: str
    framework: str
    mode: str
    variant: str
    status: Status
    reason: str = ""
    reference: str = ""
    """What the value was compared with: `numpy` (the oracle) or the two frameworks that stood in for it."""
    checks: list[Check] = []
    flops: Annotated[float, Meta(ge=0)] = 0.0
    bytes: Annotated[float, Meta(ge=0)] = 0.0
    launch: Launch | None = None


def case_text(one: Any) -> str:
    """`conv2d[medium] gradient float32 cpu 2 threads`, from whatever has these fields."""
    threads = "1 thread" if one.threads == 1 else f"{one.threads} threads"
    return f"{one.workload}[{one.problem}] {one.task} {one.precision} {one.device} {threads}"


def cell_name(one: Any) -> str:
    """`pytorch compile`, with the variant where it is not the default, from whatever has these fields."""
    suffix = "" if one.variant == "default" else f" ({one.variant})"
    return f"{one.target} {one.mode}{suffix}"


class Cell(Struct, frozen=True):
    """One entry of a comparison: the merged lines of one cell."""

    workload: str
    problem: str
    parameters: dict[str, int | float | bool | str]
    task: str
    precision: str
    device: str
    threads: int
    target: str
    framework: str
    mode: str
    variant: str
    status: Status
    reason: str
    reference: str
    checks: list[Check]
    flops: float
    bytes: float
    launches: list[Launch]

    @property
    def case(self) -> str:
        """The text that names the row: `conv2d[medium] gradient float32 cpu 2 threads`."""
        return case_text(self)

    @property
    def name(self) -> str:
        """The text that names the column: `pytorch compile`, with the variant where it is not the default."""
        return cell_name(self)


class TargetRecord(Struct, frozen=True, forbid_unknown_fields=True):
    """A framework in an interpreter, as it was found."""

    name: str
    framework: str
    python: str
    available: bool
    reason: str = ""
    versions: dict[str, str] = {}
    settings: dict[str, str | int | float | bool | None] = {}
    """Threads, affinity and precision switches, as read back after they were set."""
    synchronization: str = ""
    """The proof of the clock, in a sentence; empty where none was needed."""
    refused: dict[str, str] = {}
    """Precisions in which it does not compute although it was asked to, with what shows it."""


class Ceiling(Struct, frozen=True, forbid_unknown_fields=True):
    """The most that one target reached in a second; see `suite.ceilings`."""

    target: str
    precision: str
    device: str
    threads: Annotated[int, Meta(ge=1)]
    flops_per_s: Annotated[float, Meta(gt=0)]
    size: Count
    """Rows of the square matrices whose product reached it."""
    bytes_per_s: Annotated[float, Meta(gt=0)]


class Curve(Struct, frozen=True, forbid_unknown_fields=True):
    """How a model learned in one framework: a line of `learning.jsonl`.

    Losses and accuracies are of inference, before the first pass over the training examples and after each.
    """

    workload: str
    problem: str
    summary: str
    precision: str
    target: str
    framework: str
    mode: str
    seed: Count
    train: list[float] = []
    validation: list[float] = []
    accuracy: list[float] = []
    """Of the validation part; empty where there are no classes."""
    test_loss: float | None = None
    test_accuracy: float | None = None
    reason: str = ""
    """Why it could not learn."""


class RunRecord(Struct, frozen=True, forbid_unknown_fields=True):
    """`run.json`: what was asked for, and where it ran."""

    schema_version: int
    id: str
    created: str
    """ISO 8601, UTC."""
    triptych: str
    command: str
    selection: dict[str, Any]
    """The whole plan: selectors, frameworks, modes, profile settings, seed."""
    environment: dict[str, Any]
    targets: list[TargetRecord]
    ceilings: list[Ceiling] = []
    ended: str = ""
    """What ended the run: `done`, `budget`, `interrupted`; empty while it goes on or where it was killed."""


class Run(Struct, frozen=True):
    """A run as read from its folder."""

    record: RunRecord
    cells: list[Cell]
    folder: str
    curves: list[Curve] = []
    diagnoses: list[AnyDiagnosis] = []


_encode = msgspec.json.Encoder().encode
_decode_line = msgspec.json.Decoder(Line, strict=True).decode
_decode_curve = msgspec.json.Decoder(Curve, strict=True).decode
_decode_diagnosis: Callable[[bytes], AnyDiagnosis] = msgspec.json.Decoder(AnyDiagnosis, strict=True).decode
_decode_run = msgspec.json.Decoder(RunRecord, strict=True).decode

IDENTITY = ("workload", "problem", "task", "precision", "device", "threads", "target", "mode", "variant")


def identity(cell: Line | Cell | AnyDiagnosis) -> tuple[Any, ...]:
    """What tells one cell of a run from another."""
    return tuple(getattr(cell, field) for field in IDENTITY)


def read_run(folder: Path) -> Run:
    """The run in `folder`. Raises RecordsError naming file and line where anything is missing, broken or unknown."""
    record, cells = read_record(folder), merge(read_lines(folder))
    return Run(record, cells, str(folder), read_curves(folder), read_diagnoses(folder))


def read_record(folder: Path) -> RunRecord:
    path = folder / "run.json"
    data = _read(path)
    try:
        version = msgspec.json.decode(data).get("schema_version")
    except (msgspec.DecodeError, AttributeError) as error:
        raise RecordsError(f"{path} is not the record of a run: {error}") from None
    if version != SCHEMA_VERSION:
        raise RecordsError(
            f"{path} has schema version {version!r}; this Triptych reads version {SCHEMA_VERSION}: "
            "read it with the version that wrote it"
        )
    try:
        return _decode_run(data)
    except msgspec.DecodeError as error:
        raise RecordsError(f"{path} is broken: {error}") from None


def read_lines(folder: Path) -> list[Line]:
    """The lines of `cells.jsonl`, in the order in which they were written; none where the file is not there yet."""
    return _read_lines(folder, "cells.jsonl", _decode_line)


def read_curves(folder: Path) -> list[Curve]:
    """The lines of `learning.jsonl`; none where nothing was learned."""
    return _read_lines(folder, "learning.jsonl", _decode_curve)


def read_diagnoses(folder: Path) -> list[AnyDiagnosis]:
    """The lines of `diagnoses.jsonl`; none where nothing was explained."""
    return _read_lines(folder, "diagnoses.jsonl", _decode_diagnosis)


def _read_lines(folder: Path, name: str, decode: Callable[[bytes], T]) -> list[T]:
    path = folder / name
    if not path.exists():
        return []
    data = _read(path)
    lines = []
    for number, text in enumerate(data.splitlines(), start=1):
        try:
            lines.append(decode(text))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise RecordsError(f"{path}, line {number} is broken: {error}") from None
    if data and not data.endswith(b"\n"):
        raise RecordsError(
            f"{path}, line {len(lines)} is cut off; `triptych run --resume {folder}` drops it and goes on"
        )
    return lines


def merge(lines: Iterable[Line]) -> list[Cell]:
    """One `Cell` for each identity, in order of first appearance.

    The first launch brings the checks; the first status that is not `ok` stands; a launch that was measured twice (a run
    killed and resumed) counts once, as measured last.
    """
    groups: dict[tuple[Any, ...], list[Line]] = {}
    for line in lines:
        groups.setdefault(identity(line), []).append(line)
    cells = []
    for group in groups.values():
        first = group[0]
        bad = next((line for line in group if line.status != "ok"), first)
        launches = {line.launch.launch: line.launch for line in group if line.launch}
        checked = next((line for line in group if line.checks), first)
        fields = {name: getattr(first, name) for name in Cell.__struct_fields__ if name in Line.__struct_fields__}
        fields |= dict(status=bad.status, reason=bad.reason, checks=checked.checks, reference=checked.reference)
        cells.append(Cell(**fields, launches=[launches[n] for n in sorted(launches)]))
    return cells


class Writer:
    """Appends to the folder of one run. Obtained from `open_new` or `open_existing`, which hold the folder's lock."""

    def __init__(self, folder: Path, record: RunRecord) -> None:
        self.folder = folder
        self.record = record

    def write_record(self, **changes: Any) -> None:
        """Replace `run.json` as a whole, with some fields changed."""
        self.record = msgspec.structs.replace(self.record, **changes)
        path = self.folder / "run.json"
        temporary = path.with_suffix(".tmp")
        temporary.write_bytes(msgspec.json.format(_encode(self.record), indent=1) + b"\n")
        os.replace(temporary, path)

    def append(self, lines: list[Line]) -> None:
        """Add `lines` in one write and wait until they are on the disk."""
        self._append("cells.jsonl", lines)

    def curves(self) -> list[Curve]:
        return read_curves(self.folder)

    def append_curve(self, curve: Curve) -> None:
        """Likewise."""
        self._append("learning.jsonl", [curve])

    def append_diagnosis(self, diagnosis: AnyDiagnosis) -> None:
        """Likewise."""
        self._append("diagnoses.jsonl", [diagnosis])

    def _append(self, name: str, lines: Sequence[Line | Curve | AnyDiagnosis]) -> None:
        with open(self.folder / name, "ab", buffering=0) as file:
            file.write(b"".join(_encode(line) + b"\n" for line in lines))
            os.fsync(file.fileno())


@contextmanager
def open_new(folder: Path, record: RunRecord) -> Iterator[Writer]:
    """A writer for a folder that holds no run yet. Raises RecordsError where it does, or cannot be written."""
    with _locked(folder):
        if (folder / "run.json").exists():
            raise RecordsError(
                f"{folder} already holds a run; go on with it by --resume {folder}, or name another --output"
            )
        writer = Writer(folder, record)
        writer.write_record()
        yield writer


@contextmanager
def open_existing(folder: Path) -> Iterator[Writer]:
    """A writer for a run to be resumed; a last line that a kill cut off is dropped first."""
    if not (folder / "run.json").exists():
        raise RecordsError(f"{folder} holds no run to resume")
    with _locked(folder):
        record = read_record(folder)
        for name in ("cells.jsonl", "learning.jsonl", "diagnoses.jsonl"):
            _drop_cut_off_line(folder / name)
        read_lines(folder)
        yield Writer(folder, record)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = open(folder / ".lock", "a")  # noqa: SIM115 - held open for as long as the run lasts
    except OSError as error:
        raise RecordsError(
            f"{folder} cannot be written: {error.strerror}; choose another folder with --output"
        ) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise RecordsError(f"another run is writing into {folder}; wait for it, or choose another folder") from None
        yield


def _drop_cut_off_line(path: Path) -> None:
    if path.exists() and (data := path.read_bytes()) and not data.endswith(b"\n"):
        os.truncate(path, data.rfind(b"\n") + 1)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RecordsError(f"{path} cannot be read: {error.strerror}") from None
