"""Triptych: the same computation in PyTorch, TensorFlow and JAX, checked, timed and explained side by side.

    import triptych

    run = triptych.run("conv2d[medium]", frameworks=["pytorch", "jax"])
    run.verdicts                     # a pandas frame; in a notebook, `run` shows the whole report

The command line is a thin layer over these functions. Importing this module loads nothing but the standard library.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cached_property
from html import escape
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

if TYPE_CHECKING:
    import pandas as pd

    from suite import records
    from suite.calibration import Calibration
    from suite.divergence import Divergence, Drift
    from suite.plan import Choices, Plan
    from suite.probing import Examination
    from suite.progress import Progress

__version__ = "0.1.0"
__all__ = [
    "Run",
    "calibrate",
    "check",
    "diverge",
    "drift",
    "explain",
    "explain_plan",
    "learn",
    "load",
    "plan",
    "probe",
    "resume",
    "run",
    "run_plan",
    "sweep",
]

RESULTS = Path("results")
FAILURES = ("incorrect", "failed", "crashed")
"""The statuses of cells with which a run or check counts as failed."""


class Run:
    """A run as it lies in its folder. The pandas frames are made when they are first asked for."""

    def __init__(self, contents: records.Run) -> None:
        self.contents = contents
        """What was read: the record and every cell, without any statistics."""
        self.reports: list[Path] = []
        """The paths of the reports, once they have been written."""

    @property
    def folder(self) -> Path:
        return Path(self.contents.folder)

    @property
    def record(self) -> records.RunRecord:
        """What was asked for, and where it ran."""
        return self.contents.record

    @property
    def failures(self) -> list[records.Cell]:
        """The cells that are incorrect, failed or crashed."""
        return [cell for cell in self.contents.cells if cell.status in FAILURES]

    @cached_property
    def cells(self) -> pd.DataFrame:
        """One row for each cell: its status and what was measured, times in seconds."""
        from reports import frames

        return frames.cells(self.contents)

    @cached_property
    def samples(self) -> pd.DataFrame:
        """One row for each sample, outliers included, times in seconds."""
        from reports import frames

        return frames.samples(self.contents)

    @cached_property
    def verdicts(self) -> pd.DataFrame:
        """One row for each ranked cell: its ratio to the fastest of its case, with interval and verdict."""
        from reports import frames

        return frames.verdicts(self.contents)

    def write_report(self, folder: Path | str | None = None) -> list[Path]:
        """Write the reports into `folder`, by default beside the records, and return their paths.

        Raises RecordsError where the folder cannot be written.
        """
        from reports.write import write

        self.reports = write(self.contents, self.folder if folder is None else Path(folder))
        return self.reports

    def __repr__(self) -> str:
        return f"<run {self.record.id}: {len(self.contents.cells)} cells in {self.folder}>"

    def _repr_html_(self) -> str:
        """The whole report for a notebook, in a frame of its own so that neither's styles reach the other."""
        from reports.html import render

        document = escape(render(self.contents), quote=True)
        return f'<iframe srcdoc="{document}" sandbox="allow-scripts" style="width:100%;height:40em;border:0"></iframe>'


def plan(*selectors: str, **choices: Unpack[Choices]) -> Plan:
    """What a run would do. `choices` are those of `suite.plan.make_plan`; what is left out comes from the profile:

    profile ("quick"), frameworks (all), tasks, modes, precisions (["float32"]), device ("cpu"), threads (all CPUs
    allowed), seed (0), launches, rounds, budget_s (seconds for the whole run), precision_goal and margin (0.05 is 5 %),
    variants, warm_caches (False), baseline (the fastest of each case).

    Raises UsageError, in one sentence, for what cannot be done.
    """
    from suite.plan import make_plan

    return make_plan(list(selectors), **choices)


def run(
    *selectors: str, output: Path | str | None = None, progress: Progress | None = None, **choices: Unpack[Choices]
) -> Run:
    """Check and time `selectors` (`"conv2d[medium]"`), by default those of the profile, and return the run.

    `output` is the folder to write into, by default a new one under `results`; `choices` are described at `plan`.
    Raises UsageError for what cannot be done, RecordsError where the folder cannot be written or holds a run.
    """
    return run_plan(plan(*selectors, **choices), output=output, progress=progress)


def sweep(
    *selectors: str,
    over: str,
    of: str = "time",
    thread_counts: Sequence[int] = (),
    output: Path | str | None = None,
    progress: Progress | None = None,
    **choices: Unpack[Choices],
) -> Run:
    """Check and time `selectors` at every point of `over`, such as `"seq=128..4096"`, and return the run.

    Its report tells the exponents of time, memory and first call, and where one column, workload or number of threads passes
    another in what `of` says: `"time"`, `"memory"` or `"first_call"`. The rest is as at `run`.
    """
    from suite.sweeping import make_sweep

    wanted = make_sweep(selectors, over, of=of, thread_counts=thread_counts, **choices)
    return run_plan(wanted, output=output, progress=progress)


def run_plan(plan: Plan, *, output: Path | str | None = None, progress: Progress | None = None) -> Run:
    """Carry out `plan`, as `run` does.

    A keyboard interrupt ends the run, not the program: what was measured is returned, and `resume` goes on with it.
    """
    from suite import calibration
    from suite.environment import collect
    from suite.plan import command
    from suite.records import SCHEMA_VERSION, RunRecord, open_new

    _refuse_where_nothing_is_installed(plan)
    environment = collect(__version__)
    known = calibration.stored(RESULTS, plan.cases[0].device)
    here = calibration.conditions(environment, plan.cases[0].threads, plan.cases[0].device)
    if known and (changed := calibration.differing(known, here)):
        known = None
        if progress:
            progress.note(f"the noise floor is not known: {'; '.join(changed)}; triptych calibrate finds it anew")
    plan = _resolvable(known, plan, progress)
    now = datetime.now(UTC)
    folder = _new_folder(f"{now:%Y%m%dT%H%M%SZ}-{plan.profile.name}") if output is None else Path(output)
    record = RunRecord(
        schema_version=SCHEMA_VERSION,
        id=f"{now:%Y%m%dT%H%M%SZ}-{plan.profile.name}" if output is not None else folder.name,
        created=now.isoformat(timespec="seconds"),
        triptych=__version__,
        command=command(plan),
        selection=plan.as_dict(),
        environment=environment | ({"calibration": asdict(known)} if known else {}),
        targets=[],
    )
    with open_new(folder, record) as writer:
        _execute(plan, writer, progress)
    return _reported(folder)


def calibrate(
    *, progress: Progress | None = None, threads: int | None = None, device: str = "cpu"
) -> tuple[Run, Calibration]:
    """Find the smallest difference that can be told on this machine, by measuring every framework against itself.

    The result is kept in `results`; later runs under the same conditions (`calibration.conditions`) show it, and refuse
    margins below it. Raises UsageError where nothing is installed, RecordsError where nothing ended ok.
    """
    from reports import duels
    from suite import calibration
    from suite.environment import collect
    from suite.errors import RecordsError

    found = run(
        *calibration.SELECTORS,
        interpreters=["one=python", "other=python"],
        tasks=["forward"],
        modes=["eager"],
        launches=calibration.LAUNCHES,
        baseline="one",
        threads=threads,
        device=device,
        progress=progress,
    )
    ratios = [duel.comparison.ratios for duel in duels.duels(found.contents, "one", "other") if duel.comparison]
    pairs = [each for each in ratios if each]
    if not pairs:
        raise RecordsError(f"no two cells could be compared, so there is no noise floor: see {found.folder}/report.md")
    noise = calibration.Calibration(
        spread=calibration.spread(pairs),
        pairs=len(pairs),
        launches=sum(map(len, pairs)),
        conditions=calibration.conditions(collect(__version__), found.contents.cells[0].threads, device),
        created=found.record.created,
    )
    calibration.save(noise, RESULTS, device)
    return found, noise


def resume(folder: Path | str, *, progress: Progress | None = None) -> Run:
    """Go on with the run in `folder`, which was killed or interrupted, by the plan that it was begun with.

    Raises RecordsError where there is none, UsageError where machine, Python or Triptych are not the same as then.
    """
    from suite.environment import collect
    from suite.plan import Plan
    from suite.records import open_existing

    with open_existing(Path(folder)) as writer:
        plan = Plan.from_dict(writer.record.selection)
        _refuse_other_conditions(writer.record, collect(__version__), plan.cases[0].device)
        writer.write_record(ended="")
        _execute(plan, writer, progress)
    return _reported(Path(folder))


def learn(folder: Path | str, *models: str, seeds: int = 3, progress: Progress | None = None) -> Run:
    """Train models on real data in the frameworks of the run in `folder`, whose report then shows their learning curves.

    `models` are those of `suite.lessons`, by default all; each is trained from so many draws of its parameters. What is
    there already is not trained again. Raises RecordsError where there is no run, UsageError for a model that has no
    lesson.
    """
    from suite import learning
    from suite.errors import UsageError
    from suite.lessons import lessons
    from suite.plan import Plan
    from suite.progress import Silent
    from suite.records import open_existing

    chosen = lessons(list(models))
    if seeds < 1:
        raise UsageError(f"it takes one seed or more, not {seeds}")
    with open_existing(Path(folder)) as writer:
        plan = Plan.from_dict(writer.record.selection)
        learning.learn(plan, chosen, range(plan.seed, plan.seed + seeds), writer, progress or Silent())
    return _reported(Path(folder))


def explain(
    *selectors: str, traces: Path | str | None = None, progress: Progress | None = None, **choices: Unpack[Choices]
) -> Run:
    """Run `selectors`, and find out why each cell takes its time; the run's report then says it under "Why".

    `traces` is a folder for a Chrome trace of each cell; `choices` are described at `plan`. The run itself is like any
    other: what explains it is found in worker processes of its own. Raises UsageError for what cannot be done.
    """
    return explain_plan(plan(*selectors, **choices), traces=traces, progress=progress)


def explain_plan(plan: Plan, *, traces: Path | str | None = None, progress: Progress | None = None) -> Run:
    """Carry out `plan` and explain its cells, as `explain` does."""
    from suite import explaining
    from suite.progress import Silent
    from suite.records import open_existing

    found = run_plan(plan, progress=progress)
    if found.record.ended == "interrupted":
        return found
    with open_existing(found.folder) as writer:
        folder = None if traces is None else Path(traces)
        explaining.explain(plan, writer, progress or Silent(), folder)
    return _reported(found.folder)


def load(folder: Path | str) -> Run:
    """The run in `folder`. Raises RecordsError, naming file and line, where anything is missing or broken."""
    from suite.records import read_run

    return Run(read_run(Path(folder)))


def check(*selectors: str, progress: Progress | None = None, **choices: Unpack[Choices]) -> list[records.Line]:
    """Check values and gradients of `selectors` without timing anything: a line for each cell, with every comparison.

    Selectors that name no problem mean `small` and every `stress.…` problem, made to show inaccuracy; `stress=False`
    leaves these out. `choices` are described at `plan`. Raises UsageError for what cannot be done.
    """
    choices.setdefault("stress", True)
    return check_plan(plan(*selectors, **choices), progress=progress)


def diverge(selector: str, between: tuple[str, str], **choices: Unpack[Choices]) -> Divergence:
    """Run one model in two frameworks (or targets) on the same numbers, and hold every layer of one against the other's.

    `selector` is one model with its problem, by default its `tiny` one; `choices` are described at `plan`, the precision is
    float64 unless another is asked for. Raises UsageError for what cannot be done.
    """
    from suite import divergence

    wanted = _between(selector, between, "gradient", {"precisions": ["float64"], **choices})
    with _in_both(selector):
        return divergence.diverge(wanted)


def drift(selector: str, between: tuple[str, str], steps: int = 10, **choices: Unpack[Choices]) -> Drift:
    """Train one model in two frameworks (or targets) from the same numbers, and hold the parameters of one against the
    other's after every step; in float32 unless another precision is asked for, and in float64 beside it.

    The rest is as at `diverge`.
    """
    from suite import divergence
    from suite.errors import UsageError

    if steps < 1:
        raise UsageError(f"training takes one step or more, not {steps}")
    wanted = _between(selector, between, "train_step", {"precisions": ["float32"], **choices})
    with _in_both(selector):
        return divergence.drift(wanted, steps)


def _between(selector: str, between: tuple[str, str], task: str, choices: Choices) -> Plan:
    """One case of a model in two columns."""
    from suite.errors import UsageError

    both: Choices = {"frameworks": list(between), "tasks": [task], "modes": ["eager"], **choices}
    wanted = plan(selector if "[" in selector else f"{selector}[tiny]", **both)
    if len(wanted.cases) != 1 or wanted.cases[0].definition.network is None:
        raise UsageError(f"{selector} is not one model; triptych list workloads names them")
    if len(wanted.columns) != 2:
        raise UsageError(f"--between must name two frameworks that are installed, not {' and '.join(between)}")
    return wanted


@contextmanager
def _in_both(selector: str) -> Iterator[None]:
    from suite.errors import UsageError
    from suite.workers import CellFailed

    try:
        yield
    except CellFailed as failure:
        raise UsageError(f"{selector} cannot be run in both: {failure.reason}") from None


def probe(
    reference: str,
    *,
    inputs: list[str] | None = None,
    framework: str | None = None,
    interpreter: str | None = None,
    folder: Path | None = None,
    only: list[str] | None = None,
    claims: dict[str, Any] | None = None,
    progress: Progress | None = None,
) -> Examination:
    """Put a model of yours before every probe; docs/probes.md tells of each.

    `reference` is `mymodule:MyModel` (a class, a function that makes the model, or the model), looked for in `folder`, by
    default the current one. `inputs` are what it takes, `"8x3x32x32"` or `"8x16<1000"`, unless what the function makes says
    so. `interpreter` is `NAME=path/to/python` where it is not this one. Raises UsageError where the model cannot be found,
    made or called.
    """
    from suite import probing
    from suite.progress import Silent
    from suite.targets import named_interpreters

    python = next(iter(named_interpreters([interpreter], Path()).values())) if interpreter else sys.executable
    return probing.examine(
        reference,
        progress=progress or Silent(),
        framework=framework,
        python=python,
        folder=folder,
        inputs=inputs,
        claims=claims,
        only=only,
    )


def check_plan(plan: Plan, *, progress: Progress | None = None) -> list[records.Line]:
    """Check what `plan` would time, as `check` does."""
    from suite import checking
    from suite.progress import Silent

    _refuse_where_nothing_is_installed(plan)
    progress = progress or Silent()
    try:
        return checking.check(plan, progress)
    finally:
        progress.finish()


def _execute(plan: Plan, writer: records.Writer, progress: Progress | None) -> None:
    from suite import coordinator
    from suite.progress import Silent

    progress = progress or Silent()
    try:
        ended = coordinator.execute(plan, writer, progress)
    except KeyboardInterrupt:
        ended = "interrupted"
    finally:
        progress.finish()
    writer.write_record(ended=ended)


def _reported(folder: Path) -> Run:
    run = load(folder)
    run.write_report()
    return run


def _new_folder(name: str) -> Path:
    """A folder under `results` that did not exist before, made at once so that nobody else takes it."""
    from suite.errors import RecordsError

    for number in range(1, 1000):
        folder = RESULTS / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise RecordsError(
                f"{folder} cannot be made: {error.strerror}; choose another folder with --output"
            ) from None
        return folder
    raise RecordsError(f"{RESULTS} is full of runs called {name}; choose another folder with --output")


def _refuse_where_nothing_is_installed(plan: Plan) -> None:
    from suite.errors import UsageError
    from suite.targets import missing

    reasons = [missing(target) for target in plan.targets]
    if all(reasons):
        raise UsageError(f"there is nothing to measure: {'; '.join(str(reason) for reason in reasons)}")


def _resolvable(known: Calibration | None, plan: Plan, progress: Progress | None) -> Plan:
    """The plan with a margin that the machine can tell: the profile's is raised, one that was asked for is refused."""
    from dataclasses import replace

    from suite.errors import UsageError
    from suite.plan import load_profiles

    own = plan.profile
    floor = known.floor(own.most_launches) if known else 0.0
    if known is None or own.margin >= floor:
        return plan
    told = f"{100 * floor:.2g} %" if own.most_launches > 1 else "no difference"
    standard = load_profiles().get(own.name)
    if standard is None or own.margin != standard.margin:
        raise UsageError(
            f"a margin of {100 * own.margin:.2g} % cannot be resolved: in {own.most_launches} "
            f"{'launch' if own.most_launches == 1 else 'launches'} this machine can tell {told} (triptych calibrate, "
            f"{known.created[:10]}); choose a larger margin or more launches"
        )
    if own.most_launches == 1:  # gives no verdict, whatever the margin
        return plan
    raised = min(ceil(1000 * floor) / 1000, 0.99)
    if progress:
        progress.note(
            f"the margin is {100 * raised:.3g} %, not {100 * own.margin:.2g} %: this machine cannot tell less"
        )
    return replace(plan, profile=replace(own, margin=raised))


def _refuse_other_conditions(record: records.RunRecord, now: dict[str, Any], device: str) -> None:
    """Launches of different machines or versions must not be mixed in one interval."""
    from suite import calibration
    from suite.errors import UsageError

    then = record.environment
    facts: dict[str, Callable[[dict[str, Any]], Any]] = {
        "Triptych": lambda environment: environment["triptych"]["version"],
        "Python": lambda environment: environment["python"]["version"],
        "processor": lambda environment: environment["cpu"]["model"],
        "GPU": lambda environment: calibration.gpu_name(environment, device),
        "allowed CPUs": lambda environment: len(environment["cpu"]["allowed"]),
    }
    for name, fact in facts.items():
        try:
            was, is_now = fact(then), fact(now)
        except (KeyError, TypeError):
            raise UsageError(f"this run does not say on which {name} it was begun; begin a new one") from None
        if was != is_now:
            raise UsageError(
                f"this run was begun with {name} {was}, and here it is {is_now}: "
                "their launches cannot be put together; go on where it was begun, or begin a new run"
            )
