"""A sweep: one parameter of a problem over a range, as an ordinary run whose cases are the points.

So every point is checked, timed in rounds and launches, and stored like any other case; what the points say together
(`suite.series`, `suite.scaling`) is derived when the run is read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Unpack

from suite.cases import Selected, select
from suite.errors import UsageError, unknown
from suite.plan import Choices, Plan, Sweep, make_plan

MEASURES = ("time", "memory", "first_call")
"""What can be asked about; see `suite.series.values`."""
LEAST_POINTS = 3
"""Two points lie on every straight line."""
MOST_POINTS = 64


def make_sweep(
    selectors: Sequence[str],
    over: str,
    *,
    of: str = "time",
    thread_counts: Sequence[int] = (),
    **choices: Unpack[Choices],
) -> Plan:
    """The plan of a sweep of one workload or more over a parameter, such as `seq=128..4096`, with each number of threads.

    Selectors are those of a run; their brackets hold the problem in which the parameter is changed, by default `small`.
    `choices` are those of `make_plan`; the task is `forward` where none is asked for.
    Raises UsageError, in one sentence, for whatever cannot be done.
    """
    if not selectors:
        raise UsageError("nothing is swept: name a workload, as in triptych sweep attention --over seq=128..4096")
    if of not in MEASURES:
        raise unknown("measure", of, MEASURES)
    parameter, points = parse(over)
    selected = [one for selector in selectors for one in select([selector])]
    for one in selected:
        _refuse_what_cannot_be_swept(one, parameter)
    # All selectors of a point before the next point: what is held against each other is measured close together.
    each = [_at(selector, f"{parameter}={point}") for point in points for selector in selectors]
    choices["tasks"] = choices.get("tasks") or ([] if any(one.tasks for one in selected) else ["forward"])
    plans = [_with_threads(each, count, choices) for count in dict.fromkeys(thread_counts)]
    plans = plans or [make_plan(each, **choices)]
    return replace(
        plans[0],
        profile=replace(plans[0].profile, selectors=list(dict.fromkeys(selectors))),
        cases=[case for plan in plans for case in plan.cases],
        sweep=Sweep(over, of),
    )


def _with_threads(selectors: list[str], count: int, choices: Choices) -> Plan:
    own = choices.copy()
    own["threads"] = count
    return make_plan(selectors, **own)


def parse(over: str) -> tuple[str, list[int]]:
    """The parameter and its points: `seq=128..1024` means 128, 256, 512 and 1024; `kernel=3,5,7` these three.

    A range doubles from its beginning, and its end is a point in any case. Raises UsageError for anything else.
    """
    name, equals, text = (part.strip() for part in over.partition("="))
    if not (equals and name and text):
        raise UsageError(f"'{over}' is no sweep; write for example seq=128..4096 or kernel=3,5,7,9")
    first, dots, last = text.partition("..")
    points = (
        _doubling(_whole(first, over), _whole(last, over)) if dots else [_whole(word, over) for word in text.split(",")]
    )
    points = sorted(set(points))
    if len(points) < LEAST_POINTS:
        shown = ", ".join(map(str, points)) or "none"
        raise UsageError(f"'{over}' has too few points ({shown}): an exponent needs {LEAST_POINTS} or more")
    if len(points) > MOST_POINTS:
        raise UsageError(f"'{over}' has {len(points)} points; a sweep has at most {MOST_POINTS}")
    return name, points


def parse_threads(words: Sequence[str]) -> list[int]:
    """`["1", "2"]` as numbers. Raises UsageError for anything that is none."""
    for word in words:
        if not re.fullmatch(r"\d+", word):
            raise UsageError(f"threads={word} is no whole number; write for example --threads 1,2")
    return [int(word) for word in words]


def _whole(word: str, over: str) -> int:
    if not re.fullmatch(r"\s*\d+\s*", word) or int(word) < 1:
        raise UsageError(f"'{word.strip()}' in '{over}' is no whole number above 0")
    return int(word)


def _doubling(first: int, last: int) -> list[int]:
    points = []
    while first < last:
        points.append(first)
        first *= 2
    return [*points, last] if points else []


def _refuse_what_cannot_be_swept(selected: Selected, parameter: str) -> None:
    workload, name, problem, _ = selected
    if parameter not in problem:
        raise unknown(f"parameter of {workload.name}", parameter, problem)
    if not isinstance(problem[parameter], int) or isinstance(problem[parameter], bool):
        raise UsageError(f"{parameter} of {workload.name} is no whole number, so it cannot be swept")
    if any(word.startswith(f"{parameter}=") for word in name.split(",")):
        raise UsageError(f"'{workload.name}[{name}]' sets {parameter}, which is swept; leave it out there")


def _at(selector: str, change: str) -> str:
    """The selector with one parameter set: `attention` → `attention[small,seq=128]`."""
    head, bracket, rest = selector.partition("[")
    if bracket:
        inside, _, after = rest.partition("]")
        return f"{head}[{inside},{change}]{after}"
    workload, _, tasks = selector.strip().partition(" ")
    return f"{workload}[small,{change}] {tasks}".strip()
