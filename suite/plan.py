"""From a request to a plan: which cases, which columns, how long.

All bad input is refused here, before anything starts.
"""

from __future__ import annotations

import math
import re
import shlex
import tomllib
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, TypedDict

from suite import gpu
from suite.cases import PRECISIONS, SLOW_MODES, Case, Column, modes_of, select, stress_selectors
from suite.environment import allowed_cpus
from suite.errors import UsageError, unknown
from suite.gpu import Gpu
from suite.sources import variants_of
from suite.targets import (
    FRAMEWORKS,
    Target,
    default_targets,
    given_name,
    interpreter,
    lacks_cuda,
    missing,
    named_targets,
    public_path,
)
from suite.workloads import JACOBIAN_ENTRIES, TASKS, WORKLOADS, Problem

PROFILES = Path(__file__).with_name("profiles.toml")
DEFAULT_PROFILE = "quick"
DEFAULT_PRECISION = "float32"


@dataclass(frozen=True)
class Profile:
    """A named set of choices, read from `profiles.toml`, where each is explained."""

    name: str
    summary: str
    selectors: list[str]
    tasks: list[str]
    modes: list[str]
    launches: int
    most_launches: int
    rounds: int
    sample_s: float
    warmup_s: float
    budget_s: float
    case_s: float
    precision_goal: float
    margin: float


@dataclass(frozen=True)
class Sweep:
    """What makes a run a sweep: its cases are the points of `over`, such as `seq=128..4096`; see `suite.sweeping`."""

    over: str
    of: str
    """The measure that is asked about: `time`, `memory` or `first_call`."""


@dataclass(frozen=True)
class Plan:
    """Everything that decides what a run does; stored in `run.json`, so that a resumed run does the same."""

    profile: Profile
    cases: list[Case]
    targets: list[Target]
    columns: list[Column]
    seed: int
    warm_caches: bool
    baseline: str = ""
    """The target that all others are held against; where it is empty, each cell is held against the fastest of its case."""
    sweep: Sweep | None = None

    @property
    def threads(self) -> list[int]:
        """The numbers of threads that it measures with, in the order of its cases: one, but of a sweep."""
        return list(dict.fromkeys(case.threads for case in self.cases))

    def as_dict(self) -> dict[str, Any]:
        """The plan as plain dicts for JSON; interpreters are written without anybody's home folder."""
        data = asdict(self)
        for case in data["cases"]:
            case["parameters"] = dict(case["parameters"])
        for target in data["targets"]:
            target["python"] = public_path(target["python"])
        return data

    def gpu(self) -> Gpu | None:
        """The GPU that it measures on; None for the CPU. Raises UsageError where that is not there any more."""
        return _gpu(self.cases[0].device)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Plan:
        """The plan that `as_dict` wrote. Raises UsageError where this version cannot understand it."""
        try:
            plan = cls(
                profile=Profile(**data["profile"]),
                cases=[Case(**{**case, "parameters": Problem(case["parameters"])}) for case in data["cases"]],
                targets=[Target(**{**target, "python": interpreter(target["python"])}) for target in data["targets"]],
                columns=[Column(**column) for column in data["columns"]],
                seed=data["seed"],
                warm_caches=data["warm_caches"],
                baseline=data["baseline"],
                sweep=Sweep(**data["sweep"]) if data.get("sweep") else None,
            )
        except (KeyError, TypeError) as error:
            raise UsageError(f"the plan of this run is not one that this version understands: {error}") from None
        for case in plan.cases:
            if case.workload not in WORKLOADS:
                raise unknown("workload", case.workload, WORKLOADS)
        return plan


class Choices(TypedDict, total=False):
    """The keyword arguments of `make_plan`, for those who pass them on."""

    profile: str
    frameworks: list[str]
    interpreters: list[str]
    tasks: list[str]
    modes: list[str]
    precisions: list[str]
    device: str
    threads: int | None
    seed: int
    launches: int | None
    rounds: int | None
    budget_s: float | None
    precision_goal: float | None
    margin: float | None
    variants: list[str]
    warm_caches: bool
    baseline: str
    stress: bool


def make_plan(
    selectors: list[str],
    *,
    profile: str = DEFAULT_PROFILE,
    frameworks: list[str] = [],
    interpreters: list[str] = [],
    tasks: list[str] = [],
    modes: list[str] = [],
    precisions: list[str] = [DEFAULT_PRECISION],
    device: str = "cpu",
    threads: int | None = None,
    seed: int = 0,
    launches: int | None = None,
    rounds: int | None = None,
    budget_s: float | None = None,
    precision_goal: float | None = None,
    margin: float | None = None,
    variants: list[str] = [],
    warm_caches: bool = False,
    baseline: str = "",
    stress: bool = False,
) -> Plan:
    """The plan that a request means; what it leaves out comes from the profile.

    With `stress` the problems made to show inaccuracy (`stress.…`) are added, but for selectors that name their problem.

    `interpreters` are other Pythons to measure the frameworks in (see `targets.named_targets`).
    No framework named means all; no number of threads, all CPUs that this process may use. `budget_s` is the time
    for the whole run in seconds; `precision_goal` and `margin` are relative (0.05 is 5 %). `launches` is how many every
    case gets, and then none gets more. `baseline` is the target that all others are held against. A workload runs those
    of the tasks that it has, a framework those of the modes.

    Raises UsageError, in one sentence, for whatever cannot be done.
    """
    settings = _settings(_profile(profile), selectors, tasks, modes, launches, rounds, budget_s, precision_goal, margin)
    if stress:
        unnamed = [s for s in settings.selectors if not selectors or "[" not in s]
        settings = replace(settings, selectors=[*settings.selectors, *stress_selectors(unnamed)])
    device = _device(device)
    chosen = [_known("framework", name, FRAMEWORKS) for name in _once(frameworks)]
    if interpreters:
        targets = named_targets(interpreters, chosen, Path())
    else:
        targets = default_targets(chosen or [name for name in FRAMEWORKS if device == "cpu" or name != "numpy"])
    _refuse_without_gpu(device, targets)
    columns = _columns(targets, settings.modes, modes, frameworks, _variants(targets, variants), device)
    cases = _cases(settings, tasks, _once(precisions) or [DEFAULT_PRECISION], device, _threads(threads))
    if seed < 0:
        raise UsageError(f"seed must be 0 or more, not {seed}")
    if baseline:
        _known("target", baseline, dict.fromkeys(given_name(target.name, target.framework) for target in targets))
    used = {column.target for column in columns}
    return Plan(settings, cases, [t for t in targets if t.name in used], columns, seed, warm_caches, baseline)


def load_profiles(path: Path = PROFILES) -> dict[str, Profile]:
    """The profiles by name. Raises UsageError for a file with a key too many, too few, or a value of the wrong kind."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path.name} is broken: {error}") from None
    return {name: _read_profile(name, table) for name, table in tables.items()}


def command(plan: Plan) -> str:
    """The command line that makes this plan again; options are left out where they are the profile's or the default."""
    own = plan.profile
    standard = load_profiles().get(own.name)
    words = ["triptych", "sweep" if plan.sweep else "run", *own.selectors]
    words += ["--over", plan.sweep.over, "--of", plan.sweep.of] if plan.sweep else []
    words += ["--profile", own.name]
    if (names := _once([target.framework for target in plan.targets])) != list(FRAMEWORKS):
        words += _option("--framework", names)
    others = [target for target in plan.targets if target.name != target.framework]
    words += _option("--target", _once([f"{given_name(t.name, t.framework)}={public_path(t.python)}" for t in others]))
    for option, field, suffix in _PROFILE_OPTIONS:
        value = getattr(own, field)
        # --launches sets the most as well.
        named = ("launches", "most_launches") if field == "launches" else (field,)
        if standard is None or any(getattr(own, name) != getattr(standard, name) for name in named):
            words += _option(option, [f"{item}{suffix}" for item in (value if isinstance(value, list) else [value])])
    if (precisions := _once([case.precision for case in plan.cases])) != [DEFAULT_PRECISION]:
        words += _option("--precision", precisions)
    words += _option("--variant", _once([c.variant for c in plan.columns if c.variant != "default"]))
    words += _option("--baseline", [plan.baseline] if plan.baseline else [])
    words += ["--device", plan.cases[0].device, "--threads", ",".join(map(str, plan.threads)), "--seed", str(plan.seed)]
    return shlex.join(words + (["--warm-caches"] if plan.warm_caches else []))


def parse_duration(text: str) -> float:
    """`90s`, `10m`, `1.5h` or a bare number of seconds, in seconds. Raises UsageError for anything else."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([smh]?)\s*", text)
    if not match:
        raise UsageError(f"'{text}' is no duration; write for example 90s, 10m or 1.5h")
    return float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]]


def parse_percent(text: str) -> float:
    """`5%` or `0.05`, as 0.05. Raises UsageError for anything else, and for 1 or more without the sign."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*(%?)\s*", text)
    if not match or (not match[2] and float(match[1]) >= 1):
        raise UsageError(f"'{text}' is no share; write for example 5% or 0.05")
    return float(match[1]) / (100 if match[2] else 1)


_PROFILE_OPTIONS = (
    ("--task", "tasks", ""),
    ("--mode", "modes", ""),
    ("--launches", "launches", ""),
    ("--rounds", "rounds", ""),
    ("--budget", "budget_s", "s"),
    ("--precision-goal", "precision_goal", ""),
    ("--margin", "margin", ""),
)


def _profile(name: str) -> Profile:
    profiles = load_profiles()
    return profiles[_known("profile", name, profiles)]


def _read_profile(name: str, table: dict[str, Any]) -> Profile:
    kinds = {field.name: str(field.type) for field in fields(Profile) if field.name != "name"}
    if not isinstance(table, dict):
        raise UsageError(f"'{name}' in the profiles is no table")
    for key in table:
        if key not in kinds:
            raise unknown(f"setting of profile {name}", key, kinds)
    for key, kind in kinds.items():
        if key not in table:
            raise UsageError(f"profile '{name}' lacks the setting '{key}'")
        if not _is(kind, table[key]):
            raise UsageError(f"'{key}' of profile '{name}' must be {_KIND_NAMES[kind]}, not {table[key]!r}")
    return _checked(Profile(name=name, **table))


_KIND_NAMES = {"str": "a text", "list[str]": "a list of texts", "int": "a whole number", "float": "a number"}


def _is(kind: str, value: object) -> bool:
    if kind == "str":
        return isinstance(value, str)
    if kind == "list[str]":
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    return isinstance(value, int if kind == "int" else (int, float)) and not isinstance(value, bool)


def _settings(
    profile: Profile,
    selectors: list[str],
    tasks: list[str],
    modes: list[str],
    launches: int | None,
    rounds: int | None,
    budget_s: float | None,
    precision_goal: float | None,
    margin: float | None,
) -> Profile:
    """The profile with what was asked for in the place of its own."""
    wanted: dict[str, Any] = {
        "selectors": _once(selectors) or None,
        "tasks": _once(tasks) or None,
        "modes": _once(modes) or None,
        "launches": launches,
        "most_launches": launches,
        "rounds": rounds,
        "budget_s": budget_s,
        "precision_goal": precision_goal,
        "margin": margin,
    }
    return _checked(replace(profile, **{key: value for key, value in wanted.items() if value is not None}))


def _checked(profile: Profile) -> Profile:
    for name in ("launches", "most_launches", "rounds"):
        if getattr(profile, name) < 1:
            raise UsageError(f"{name} must be 1 or more, not {getattr(profile, name)}")
    for name in ("sample_s", "warmup_s", "budget_s", "case_s", "precision_goal", "margin"):
        value = getattr(profile, name)
        if not (value > 0 and math.isfinite(value)):
            label = name.removesuffix("_s").replace("_", " ")
            raise UsageError(f"{label} must be a number above 0, not {value:g}{' s' if name.endswith('_s') else ''}")
    if profile.margin >= 1:
        raise UsageError(f"margin must be below 1 (100 %), not {profile.margin:g}")
    return profile


def _columns(
    targets: list[Target],
    modes: list[str],
    asked_modes: list[str],
    asked_frameworks: list[str],
    variants: list[str],
    device: str,
) -> list[Column]:
    """One column for each target, mode and variant; modes of the profile are kept where a framework has them."""
    of_device = {name: modes_of(name, device) for name in FRAMEWORKS}
    for mode in modes:
        if mode == "all":
            continue
        owners = [name for name in FRAMEWORKS if mode in of_device[name]]
        if not owners and any(mode in modes_of(name, "cuda") for name in FRAMEWORKS):
            raise UsageError(f"mode '{mode}' means something on a GPU only; ask for it with --device cuda")
        if not owners:
            raise unknown("mode", mode, {"all", *(m for each in of_device.values() for m in each)})
        if mode in asked_modes and not any(target.framework in owners for target in targets):
            names = ", ".join(target.name for target in targets)
            raise UsageError(f"mode '{mode}' belongs to {' and '.join(owners)}, not to what is selected ({names})")
    columns = []
    for target in targets:
        own = of_device[target.framework]
        kept = [mode for mode in own if mode in modes or ("all" in modes and mode not in SLOW_MODES)]
        if not kept and target.framework in asked_frameworks:
            known = ", ".join(own)
            raise UsageError(f"{target.name} has no mode {' or '.join(modes)}; its modes: {known}")
        columns += [Column(target.name, target.framework, m, v) for m in kept for v in ("default", *variants)]
    return columns


def _variants(targets: list[Target], variants: list[str]) -> list[str]:
    known = {"default", *(variant for target in targets for variant in variants_of(target.package))}
    return [name for name in _once(variants) if _known("variant", name, known) != "default"]


def _cases(settings: Profile, asked_tasks: list[str], precisions: list[str], device: str, threads: int) -> list[Case]:
    tasks = [_known("task", task, TASKS) for task in settings.tasks]
    precisions = [_known("precision", precision, PRECISIONS) for precision in precisions]
    selected = select(settings.selectors)
    for task in asked_tasks:
        if not any(task in workload.tasks for workload, *_ in selected):
            names = ", ".join(_once([workload.name for workload, *_ in selected]))
            raise UsageError(f"none of the selected workloads has the task '{task}': {names}")
    cases = [
        Case(workload.name, name, problem, task, precision, device, threads)
        for workload, name, problem, own_tasks in selected
        for task in own_tasks or tasks
        if task in workload.tasks and (task in asked_tasks or not asked_tasks)
        for precision in precisions
    ]
    for case in cases:
        if (
            case.task == "jacobian"
            and (entries := case.definition.jacobian_entries(case.parameters)) > JACOBIAN_ENTRIES
        ):
            raise UsageError(
                f"the Jacobian of {case.workload}[{case.problem}] has {entries:,} entries, more than {JACOBIAN_ENTRIES:,};"
                f" choose a smaller problem, such as '{case.workload}[tiny]'"
            )
    if not cases:
        raise UsageError("nothing is selected: name a workload, or a profile that does")
    return cases


def _device(device: str) -> str:
    return device if re.fullmatch(r"cuda:\d+", device) else _known("device", device, ("cpu", "cuda"))


def _gpu(device: str) -> Gpu | None:
    try:
        return gpu.of_device(device)
    except OSError as error:
        raise UsageError(f"device '{device}' cannot be measured: {error}; leave --device out for the CPU") from None


def _refuse_without_gpu(device: str, targets: list[Target]) -> None:
    """A sentence where there is no such GPU, or where no target could use it."""
    if device == "cpu":
        return
    _gpu(device)
    reasons = [missing(target) or lacks_cuda(target) for target in targets]
    if all(reasons):
        raise UsageError(f"there is a GPU, but nothing here can use it: {'; '.join(filter(None, reasons))}")


def _threads(threads: int | None) -> int:
    most = len(allowed_cpus())
    if threads is None:
        return most
    if threads < 1:
        raise UsageError(f"threads must be 1 or more, not {threads}")
    if threads > most:
        cpus = "1 CPU" if most == 1 else f"{most} CPUs"
        raise UsageError(f"threads={threads} is more than the {cpus} that this process may use; choose at most {most}")
    return threads


def _known(kind: str, name: str, known: Any) -> str:
    if name not in known:
        raise unknown(kind, name, known)
    return name


def _once(names: list[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _option(option: str, values: list[str]) -> list[str]:
    return [word for value in values for word in (option, value)]
