from __future__ import annotations

import pytest

from suite import plan as planning
from suite.errors import UsageError
from suite.plan import Plan, Sweep, command
from suite.sweeping import make_sweep, parse, parse_threads


@pytest.fixture(autouse=True)
def four_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "allowed_cpus", lambda: [0, 1, 2, 3])


def refusal(*selectors: str, over: str = "seq=4..64", **choices: object) -> str:
    with pytest.raises(UsageError) as error:
        make_sweep(selectors, over, **choices)
    assert "\n" not in str(error.value)
    return str(error.value)


# The points


@pytest.mark.parametrize(
    ("over", "points"),
    [
        ("seq=128..1024", [128, 256, 512, 1024]),
        ("seq=3..15", [3, 6, 12, 15]),
        ("seq=16,4,8,8", [4, 8, 16]),
        (" seq = 1 .. 4 ", [1, 2, 4]),
    ],
)
def test_a_range_doubles_and_its_end_is_a_point_in_any_case(over: str, points: list[int]) -> None:
    assert parse(over) == ("seq", points)


@pytest.mark.parametrize(
    ("over", "words"),
    [
        ("", "'' is no sweep"),
        ("seq", "'seq' is no sweep; write for example seq=128..4096"),
        ("seq=", "is no sweep"),
        ("=4..8", "is no sweep"),
        ("seq=a..8", "'a' in 'seq=a..8' is no whole number above 0"),
        ("seq=1.5,2,3", "'1.5' in 'seq=1.5,2,3' is no whole number"),
        ("seq=0..8", "'0' in 'seq=0..8' is no whole number above 0"),
        ("seq=4,8", "has too few points (4, 8): an exponent needs 3 or more"),
        ("seq=64..4", "has too few points (none)"),
        ("seq=" + ",".join(map(str, range(1, 100))), "has 99 points; a sweep has at most 64"),
    ],
)
def test_what_is_no_range_is_refused_in_a_sentence(over: str, words: str) -> None:
    assert words in refusal("lstm", over=over)


def test_threads_are_whole_numbers() -> None:
    assert parse_threads(["1", "2"]) == [1, 2]
    with pytest.raises(UsageError, match="threads=two is no whole number"):
        parse_threads(["two"])


# The plan


def test_the_cases_are_the_points_of_every_workload_and_number_of_threads() -> None:
    plan = make_sweep(["attention", "lstm[medium]"], "seq=16..64", thread_counts=[2, 1])
    texts = [f"{case.workload}[{case.problem}] {case.threads}" for case in plan.cases]
    assert texts == [
        f"{name},seq={seq}] {threads}"
        for threads in (2, 1)
        for seq in (16, 32, 64)
        for name in ("attention[small", "lstm[medium")
    ]
    assert [case.parameters.seq for case in plan.cases[:2]] == [16, 16]
    assert {case.task for case in plan.cases} == {"forward"}
    assert plan.sweep == Sweep("seq=16..64", "time")
    assert plan.threads == [2, 1]


def test_a_task_may_be_asked_for_beside_or_in_the_selector() -> None:
    assert {case.task for case in make_sweep(["lstm"], "seq=4..16", tasks=["gradient"]).cases} == {"gradient"}
    assert {case.task for case in make_sweep(["mlp[tiny] gradient"], "batch=4..16").cases} == {"gradient"}


def test_a_problem_that_names_parameters_keeps_them() -> None:
    plan = make_sweep(["lstm[hidden=8]"], "seq=4..16", thread_counts=[1])
    assert [case.parameters.hidden for case in plan.cases] == [8, 8, 8]
    assert plan.cases[0].problem == "hidden=8,seq=4"


@pytest.mark.parametrize(
    ("selectors", "choices", "words"),
    [
        ((), {}, "nothing is swept: name a workload"),
        (("attention", "conv2d"), {}, "parameter of conv2d"),
        (("lstm",), {"over": "ragged=1,2,3"}, "ragged of lstm is no whole number, so it cannot be swept"),
        (("lstm[seq=8]",), {}, "'lstm[seq=8]' sets seq, which is swept; leave it out there"),
        (("conv2d",), {"over": "kernel=3..64"}, "makes no sense: the dilated kernel spans 48 rows"),
        (("lstm",), {"of": "speed"}, "measure"),
        (("lstm",), {"thread_counts": [1, 9]}, "threads=9 is more than the 4 CPUs"),
        (("lstm",), {"variants": ["nonsense"]}, "variant"),
    ],
)
def test_what_cannot_be_swept_is_refused_before_anything_starts(
    selectors: tuple[str, ...], choices: dict[str, object], words: str
) -> None:
    assert words in refusal(*selectors, **choices)


def test_the_plan_comes_back_from_its_record_and_from_its_command() -> None:
    plan = make_sweep(
        ["lstm"], "seq=4..16", of="first_call", thread_counts=[1, 2], frameworks=["jax"], variants=["unrolled"]
    )
    assert Plan.from_dict(plan.as_dict()) == plan
    assert command(plan) == (
        "triptych sweep lstm --over seq=4..16 --of first_call --profile quick --framework jax --task forward"
        " --variant unrolled --device cpu --threads 1,2 --seed 0"
    )


def test_the_plan_of_a_run_from_before_there_were_sweeps_is_understood() -> None:
    data = make_sweep(["lstm"], "seq=4..16").as_dict()
    del data["sweep"]
    assert Plan.from_dict(data).sweep is None
