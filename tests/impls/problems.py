"""Random problems of a workload: one of its tiny ones with some of its parameters changed."""

from __future__ import annotations

from hypothesis import strategies as st

from suite.errors import UsageError
from suite.workloads import WORKLOADS, Problem, Workload
from suite.workloads.definition import Value

OPERATIONS = {name: workload for name, workload in WORKLOADS.items() if workload.network is None}
"""All workloads but the models, which are made of them."""
ELEMENTS = 4000
"""The most numbers that the tensors and results of a problem may have together."""
LARGEST = 6
"""The largest whole number, unless the tiny problem itself has a larger one."""


@st.composite
def changed(draw: st.DrawFn, workload: Workload, wild: bool = False) -> dict[str, Value]:
    """Parameters for `Workload.problem`: about half of them as in one of the tiny problems, the others drawn.

    Whole numbers are small, floats near to the tiny one, words among the choices. What is `wild` may also be of the right
    type only: negative, zero, infinite, NaN, a word that nobody knows.
    """
    name = draw(st.sampled_from([each for each in workload.problems if each.startswith("tiny")]))
    changes: dict[str, Value] = {}
    for key, tiny in workload.problems[name].items():
        values = _values(workload, key, tiny) | st.just(tiny)
        changes[key] = draw(values | _wild(tiny) if wild else values)
    return changes


def allowed(workload: Workload) -> st.SearchStrategy[Problem]:
    """Problems that the definition allows, small enough."""
    accepted = changed(workload).filter(lambda changes: _is_allowed(workload, changes))
    return accepted.map(lambda changes: workload.problem("tiny", **changes))


def _is_allowed(workload: Workload, changes: dict[str, Value]) -> bool:
    try:
        problem = workload.problem("tiny", **changes)
    except UsageError:
        return False
    tensors = workload.tensors(problem) | workload.outputs(problem)
    return sum(tensor.size for tensor in tensors.values()) <= ELEMENTS


def _values(workload: Workload, key: str, tiny: Value) -> st.SearchStrategy[Value]:
    if isinstance(tiny, bool):
        return st.booleans()
    if isinstance(tiny, str):
        return st.sampled_from(workload.choices[key])
    zero = key in workload.may_be_zero
    if isinstance(tiny, int):
        return st.integers(0 if zero else 1, max(LARGEST, tiny))
    scaled = st.sampled_from([0.5, 0.75, 1.25, 1.5]).map(lambda factor: factor * (tiny or 1.0))
    return st.just(0.0) | scaled if zero else scaled


def _wild(tiny: Value) -> st.SearchStrategy[Value]:
    if isinstance(tiny, bool):
        return st.booleans()
    if isinstance(tiny, str):
        return st.text("abc", max_size=5)
    return st.integers(-3, 3) if isinstance(tiny, int) else st.sampled_from([-1.0, 0.0, float("inf"), float("nan")])
