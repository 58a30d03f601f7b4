from __future__ import annotations

import re
from typing import Any

import pytest
from markdown_it import MarkdownIt

from reports import comment, duels, gate
from reports.changes import changes
from reports.gate import Expected, Gate, Share
from suite import comparison
from suite.records import Run
from tests.reports.builders import a_cell, a_run, a_target, noisy
from tests.reports.test_html import Page, a_hostile_run
from tests.reports.test_markdown import MARKUP

RENDER = MarkdownIt("commonmark", {"html": True}).enable("table").render
BASE = [[1.0, 1.001, 0.999], [1.002, 1.0, 1.003], [0.999, 1.0, 1.001]]
CASE = "linear[{}] gradient float32 cpu 2 threads"

SNAPSHOT = """\
### new against old

**The gate fails: 1 cell, 1 stale entry; 1 outcome as expected.**

7 cells, measured in turns: 1 faster, 2 slower, 1 equivalent, 1 undecided. All cases: float32, cpu, 2 threads.

| case | cell | old | new | new / old | verdict | gate |
| --- | --- | ---: | ---: | ---: | --- | --- |
| linear[slow] gradient | jax jit | 1.00 ms | 1.50 ms | 1.50× (1.50–1.50) | slower | fails: slower by more than 5 % |
| linear[known] gradient | jax jit | 1.00 ms | 1.80 ms | 1.80× (1.80–1.80) | slower | expected: more \\| dispatch |
| linear[broken] gradient | jax jit | – | – | – | failed → timeout |  |
| linear[fast] gradient | jax jit | 1.00 ms | 500 µs | 0.500× (0.500–0.500) | faster |  |
| linear[open] gradient | jax jit | 1.00 ms | 1.14 ms | 1.13× (0.327–3.94) | undecided |  |
| linear[same] gradient | jax jit | 1.00 ms | 1.01 ms | 1.01× (1.01–1.01) | equivalent |  |
| linear[none] gradient | jax jit | – | – | – | unsupported |  |

- stale: gone jax jit: there is no such cell to compare

Machine: Example 9000, 2 threads; old: jax=0.8.1; new: jax=0.9.0. This run has 3 launches: enough to show large \
differences. A claim about a few percent needs five or more. The run was:

```
triptych run linear --profile quick --seed 7
```
"""


def times(ms: float, tilt: float = 0.0) -> list[list[float]]:
    """Each launch a little slower than the one before, by its own share: no two targets repeat each other exactly."""
    return [[ms * one * (1 + tilt * number) for one in launch] for number, launch in enumerate(BASE)]


OUTCOMES: dict[str, tuple[Any, Any]] = {
    "same": (times(1.0), times(1.01, 0.0001)),
    "none": ("unsupported", "unsupported"),
    "open": (times(1.0), [[0.7], [1.1], [1.9]]),
    "fast": (times(1.0), times(0.5, 0.0001)),
    "broken": ("failed", "timeout"),
    "known": (times(1.0), times(1.8, 0.0001)),
    "slow": (times(1.0), times(1.5, 0.0001)),
}


def a_duel(outcomes: dict[str, tuple[Any, Any]], **fields: Any) -> Run:
    cells = []
    for problem, sides in outcomes.items():
        for target, side in zip(("old", "new"), sides, strict=True):
            own: dict[str, Any] = {"framework": "jax", "problem": problem}
            if isinstance(side, str):
                cells.append(a_cell(target, "jit", [], status=side, reason="it did", **own))
            else:
                cells.append(a_cell(target, "jit", side, **own))
    targets = [a_target("old", versions={"jax": "0.8.1"}), a_target("new", versions={"jax": "0.9.0"})]
    return a_run(cells, **({"targets": targets} | fields))


def of_duels(run: Run, wanted: Gate | None = None) -> str:
    fought = duels.duels(run, "old", "new", gate.margins(wanted, comparison.margin(run)))
    judgement = gate.judge(wanted, duels.as_changes(fought)) if wanted else None
    return comment.of_duels(fought, run, "old", "new", judgement)


def of_runs(old: Run, new: Run, wanted: Gate | None = None) -> str:
    found = changes(old, new, gate.margins(wanted, comparison.margin(new)))
    return comment.of_runs(found, old, new, gate.judge(wanted, found.changes) if wanted else None)


def test_the_whole_comment_with_what_matters_first() -> None:
    wanted = Gate(
        Share(0.05),
        {},
        [
            Expected(CASE.format("known"), "jax jit", "slower", "more | dispatch", Share(0.9)),
            Expected("gone", "jax jit", "failed", "?"),
        ],
    )
    assert of_duels(a_duel(OUTCOMES), wanted) == SNAPSHOT


def test_without_a_gate_nothing_is_said_of_one() -> None:
    text = of_duels(a_duel(OUTCOMES))
    assert "gate" not in text
    assert "| new / old | verdict |\n" in text


def test_two_runs_show_no_times_of_different_days_but_what_differs() -> None:
    old, new = a_run([a_cell(launches=times(1.0))]), a_run([a_cell(launches=times(1.5))])
    new.record.environment["cpu"] = {"model": "Another"}
    text = of_runs(old, new)
    assert "| case | cell | new / old | verdict |" in text
    assert "> **Note.** model is not the same: Example 9000 then, Another now." in text
    assert "Machine: Another, 2 threads: 3 launches then, 3 launches now." in text


def test_what_only_one_run_has_is_named() -> None:
    old, new = a_run([a_cell(problem="a"), a_cell(problem="b")]), a_run([a_cell(problem="b")])
    assert "only in the old run: linear[a] gradient" in of_runs(old, new)


def test_an_unfinished_run_says_so() -> None:
    assert "> **Note.** The budget ended this run" in of_duels(a_duel(OUTCOMES, ended="budget"))


@pytest.mark.parametrize("evil", MARKUP)
def test_text_of_a_record_is_shown_and_never_obeyed(evil: str) -> None:
    def page(run: Run, name: str) -> Page:
        [one] = {(cell.case, cell.name) for cell in run.cells if cell.status == "incorrect"}
        wanted = Gate(
            Share(0.05), {name: Share(0.1)}, [Expected(*one, "incorrect", name), Expected(name, name, "failed", name)]
        )
        return Page(RENDER(of_runs(run, run, wanted)))

    harmless, hostile = page(a_hostile_run("name"), "name"), page(a_hostile_run(evil), evil)
    assert hostile.tags == harmless.tags
    assert " ".join(evil.split()) in " ".join(hostile.text.split())


@pytest.mark.parametrize("reason", ["r", "&" * 10_000], ids=["short", "long"])
def test_a_comment_is_never_longer_than_github_takes_and_counts_what_it_leaves_out(reason: str) -> None:
    names = [f"p{number:03}_{'&' * 50}" for number in range(400)]
    new = [a_cell(problem=name, launches=times(1.5 if name == names[-1] else 1.0)) for name in names]
    old = [a_cell(problem=name, launches=times(1.0)) for name in names]
    expected = [Expected(f"{reason}{number}", reason, "failed", reason) for number in range(100)]
    text = of_runs(a_run(old), a_run(new, command=reason), Gate(Share(0.05), {}, expected))
    assert len(text) <= comment.LIMIT
    rows = re.findall(r"^\| linear\[p(\d+)", text, re.MULTILINE)
    assert 10 < len(rows) < len(names)
    assert rows[0] == "399"  # the one that is slower
    assert f"{len(names) - len(rows)} rows more did not fit into a comment" in text
    assert text.endswith("```\n")


def test_a_table_that_fits_is_whole() -> None:
    assert "did not fit" not in of_duels(a_duel(OUTCOMES))


def test_benchmarks_of_pytest_benchmark_are_commented_likewise() -> None:
    found = changes(a_run([a_cell(launches=noisy(1.0, seed=1))]), a_run([a_cell(launches=noisy(2.0, seed=2))]), near)
    text = comment.of_benchmarks(found, ("base", "head"), gate.judge(Gate(Share(0.05)), found.changes))
    assert text.startswith(
        "### head against base\n\n**The gate fails: 1 cell.**\n\n1 benchmark in both: 0 faster, 1 slower"
    )
    assert "| case | cell | base | head | head / base | verdict | gate |" in text
    assert text.endswith("fails: slower by more than 5 % |\n")


def near(case: str, cell: str) -> float:
    return 0.05
