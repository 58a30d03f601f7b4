from __future__ import annotations

from typing import Any

import pytest

from reports import content, explained, html, markdown, terminal
from reports.explained import Explained
from reports.format import calls
from reports.ranking import rank
from suite.diagnoses import AnyDiagnosis, Compiling, Counts, Energy, Operator, Overhead, Profile
from suite.records import Ceiling, Cell, Run
from tests.reports.builders import a_cell, a_run, noisy

CEILING = Ceiling("pytorch", "float32", "cpu", 2, 1e11, 1024, 1e10)


def of(cell: Cell, kind: type[Any], **found: Any) -> AnyDiagnosis:
    names = "workload problem task precision device threads target framework mode variant".split()
    made: AnyDiagnosis = kind(**{name: getattr(cell, name) for name in names}, **found)
    return made


def a_run_with(cells: list[Cell], diagnoses: list[AnyDiagnosis]) -> Run:
    run = a_run(cells, ceilings=[CEILING])
    return Run(run.record, run.cells, run.folder, diagnoses=diagnoses)


def a_cell_of(ms: float = 1.0, mode: str = "eager", seed: int = 0, **fields: Any) -> Cell:
    return a_cell("pytorch", mode, noisy(ms, seed=seed), **fields)


def profile(cell: Cell, call_s: float = 1e-3, work_s: float = 4e-4, **found: Any) -> AnyDiagnosis:
    found = {"dispatched": 10.0, "operators": [Operator("aten::mm", 2.0, 3e-4)], **found}
    return of(cell, Profile, calls=5, call_s=call_s, profiled_s=2 * call_s, work_s=work_s, **found)


def explain(cell: Cell, *diagnoses: AnyDiagnosis) -> Explained:
    run = a_run_with([cell], list(diagnoses))
    (found,) = explained.explained(run, rank(run))
    return found


def test_a_run_that_was_not_explained_has_no_such_section() -> None:
    run = a_run([a_cell_of()])
    assert content.build(run).why.findings == []
    assert "## Why" not in markdown.render(run)
    assert 'id="why"' not in html.render(run)


def test_where_nearly_nothing_to_compute_takes_most_of_the_time_overhead_is_the_bound() -> None:
    cell = a_cell(launches=[[1.0, 1.0, 1.0]])
    told = explain(cell, profile(cell), of(cell, Overhead, call_s=9e-4, share=0.85, dispatched=10.0))
    assert told.limits.overhead == pytest.approx(0.85, rel=0.02)
    words = explained.sentence(told)
    assert words.startswith("Bound by overhead, which accounts for 8")
    assert "(10 operations handed over, 85.0 µs each, as in tiny)" in words


def test_overhead_grows_with_the_operations_that_are_handed_over() -> None:
    """An unrolled loop of 32 steps, where `tiny` has but one."""
    cell = a_cell_of(1.0)
    told = explain(cell, profile(cell, dispatched=32.0), of(cell, Overhead, call_s=2e-5, share=0.02, dispatched=1.0))
    assert told.limits.overhead == pytest.approx(0.64, rel=0.02)


@pytest.mark.parametrize(
    ("cost", "words"),
    [
        (dict(bytes=8e6), "Bound by memory, which accounts for 8"),
        (dict(flops=8e7, bytes=1e5), "Bound by arithmetic, which accounts for 8"),
        (dict(flops=1e6, bytes=3e6), "Bound by none of memory, arithmetic and overhead: memory comes nearest, with 3"),
        (dict(bytes=2e7), "Bound by memory, which accounts for all of its time, and more"),
    ],
)
def test_the_limit_that_accounts_for_half_of_the_time_is_the_bound(cost: dict[str, float], words: str) -> None:
    cell = a_cell_of(1.0, **cost)
    assert words in explained.sentence(explain(cell, of(cell, Counts)))


def test_what_no_operator_takes_is_pythons_and_the_profilers_own_time_is_not() -> None:
    cell = a_cell_of()
    told = explain(cell, profile(cell, call_s=1e-3, work_s=4e-4))
    assert told.outside == pytest.approx(0.6)
    assert "60 % of a call is spent outside operators, in Python and dispatch: fewer and larger" in explained.sentence(
        told
    )
    told = explain(cell, profile(cell, work_s=9e-4))
    assert "10 % of a call is spent outside operators, in Python and dispatch." in explained.sentence(told)
    told = explain(cell, profile(cell, dispatched=1.0))
    assert "only more work in a call would use it better" in explained.sentence(told)


def test_what_the_machine_did_beside_a_call_is_not_pythons() -> None:
    cell = a_cell_of()
    told = explain(cell, of(cell, Profile, calls=5, call_s=5e-2, profiled_s=1e-3, work_s=4e-4))
    assert told.outside == pytest.approx(0.6)


def test_operators_that_take_longer_than_a_call_leave_nothing_to_python() -> None:
    cell = a_cell_of()
    assert explain(cell, profile(cell, work_s=2e-3)).outside == 0


def compiled(ms: float, eager_ms: float = 1.0, seed: int = 1, launches: int = 5) -> list[Cell]:
    cost = {"build_s": 0.1, "first_call_s": 1.0}
    return [
        a_cell("pytorch", "eager", noisy(eager_ms, launches), launch_fields={"build_s": 0.0, "first_call_s": 0.1}),
        a_cell("pytorch", "compile", noisy(ms, launches, seed=seed), launch_fields=cost),
    ]


def of_compiled(cells: list[Cell]) -> Explained:
    first = of(
        cells[1], Compiling, cached=False, build_s=0.1, first_call_s=1.0, trace_s=0.2, lower_s=0.1, compile_s=0.6
    )
    again = of(cells[1], Compiling, cached=True, build_s=0.1, first_call_s=0.3, cache_hits=2)
    run = a_run_with(cells, [first, again])
    return next(one for one in explained.explained(run, rank(run)) if one.measures.mode == "compile")


def test_compiling_pays_after_its_cost_over_what_a_call_saves_with_an_interval_of_the_launches() -> None:
    told = of_compiled(compiled(0.5))
    assert told.pays_after is not None
    assert told.pays_after.low < 2000 < told.pays_after.high
    assert told.pays_after.estimate == pytest.approx(2000, rel=0.05)
    words = explained.sentence(told)
    assert "Its first call takes 1.00 s; compiling pays after " in words
    assert f"({calls(told.pays_after.low)} to {calls(told.pays_after.high)})." in words
    assert "A second process finds 2 programs on disk, which saves 700 ms." in words


def test_compiling_that_does_not_help_never_pays() -> None:
    assert "compiling never pays, since it is slower than eager." in explained.sentence(of_compiled(compiled(2.0)))
    assert "compiling never pays, since it is as fast as eager." in explained.sentence(of_compiled(compiled(1.0)))
    assert of_compiled(compiled(2.0)).pays_after is None


def test_whether_compiling_pays_is_undecided_where_it_measured_slower_without_proof() -> None:
    cells = compiled(1.1, launches=1)
    assert "Its first call takes 1.00 s; whether compiling pays is undecided." in explained.sentence(of_compiled(cells))


def test_the_steps_of_compiling_leave_a_rest() -> None:
    cells = compiled(0.5)
    run = a_run_with(cells, [of(cells[1], Compiling, cached=False, first_call_s=1.0, trace_s=0.2, compile_s=0.5)])
    (table,) = (t for t in content.build(run).why.tables if t.caption == "What compiling consists of")
    heads = [column.heading for column in table.columns]
    (row,) = table.rows
    shown = dict(zip(heads, row, strict=True))
    assert (shown["trace"], shown["lower"], shown["compile"]) == ("200 ms", "–", "500 ms")
    assert shown["rest and first run"] == "300 ms"


def counted_row(cell: Cell, **found: Any) -> dict[str, str]:
    run = a_run_with([cell], [of(cell, Counts, **found)])
    (table,) = (t for t in content.build(run).why.tables if t.caption.startswith("Operations and bytes"))
    (row,) = table.rows
    return dict(zip([column.heading for column in table.columns], row, strict=True))


def test_counts_that_differ_by_more_than_one_percent_are_given_with_what_is_known() -> None:
    cell = a_cell_of(flops=1e6, bytes=1024)
    shown = counted_row(cell, flops=0.9e6, bytes=10240.0, note="the body of a loop counts once")
    assert (shown["operations"], shown["as counted"], shown["difference"]) == ("1.00 M", "900 k", "-10 %")
    assert shown["difference of bytes"] == "10 times"
    assert shown["what is counted otherwise"] == "the body of a loop counts once"
    assert counted_row(cell, flops=1.005e6, note="it rounds")["what is counted otherwise"] == ""
    assert counted_row(cell, flops=0.0)["what is counted otherwise"] == "not known"
    assert counted_row(cell, flops=0.0)["difference"] == "nothing counted"


def test_operators_are_shown_with_their_share_of_a_call() -> None:
    cell = a_cell_of()
    run = a_run_with([cell], [profile(cell)])
    (table,) = (t for t in content.build(run).why.tables if t.caption.startswith("The operators"))
    assert table.rows[0][2:] == ("aten::mm", "2.00", "300 µs", "30 %")


def test_energy_is_joules_and_watts_or_one_sentence() -> None:
    cell, other = a_cell_of(), a_cell_of(2.0, "compile")
    run = a_run_with([cell], [of(cell, Energy, joules=0.05, calls=1000, seconds=2.0, meter="RAPL, package")])
    (table,) = content.build(run).why.tables[-1:]
    assert table.rows[0][2:] == ("50.0 mJ", "25.0 W", "RAPL, package")
    run = a_run_with([cell, other], [of(one, Energy, reason="There is no RAPL.") for one in (cell, other)])
    assert content.build(run).why.notes == ["There is no RAPL."]


def test_the_report_the_terminal_and_json_say_the_same() -> None:
    cell = a_cell_of()
    run = a_run_with([cell], [profile(cell, operators=[Operator("<b>mm", 1.0, 1e-4)])])
    (said,) = [finding for _, finding in content.build(run).why.findings]
    assert said in markdown.render(run)
    page = html.render(run)
    assert said in page and "<b>mm" not in page
    (found,) = terminal.why_as_json(run)["cells"]
    assert found["finding"] == said
    assert found["diagnoses"][0]["what"] == "profile"
