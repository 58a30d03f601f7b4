import msgspec

from reports.ranking import rank
from suite.records import Cell, Sample
from tests.reports.builders import BAD, a_cell, a_run, noisy


def names(cells: list[Cell]) -> list[str]:
    [ranking] = rank(a_run(cells))
    return [standing.name for standing in ranking.standings]


def test_incorrect_cells_are_left_out_however_fast() -> None:
    wrong = a_cell("jax", "jit", noisy(0.001), status="incorrect", reason="wrong gradient", checks=BAD)
    [ranking] = rank(a_run([a_cell("pytorch"), wrong]))
    assert [standing.name for standing in ranking.standings] == ["pytorch eager"]
    assert [(m.cell, m.status) for m in ranking.unranked] == [("jax jit", "incorrect")]


def test_a_cell_that_claims_ok_with_a_failed_check_is_left_out() -> None:
    assert names([a_cell("pytorch"), a_cell("jax", "jit", noisy(0.001), checks=BAD)]) == ["pytorch eager"]


def test_cells_are_in_order_of_speed() -> None:
    cells = [
        a_cell("numpy", launches=noisy(3.0)),
        a_cell("jax", launches=noisy(1.0)),
        a_cell("pytorch", launches=noisy(2.0)),
    ]
    assert names(cells) == ["jax eager", "pytorch eager", "numpy eager"]


def test_who_is_fastest_is_decided_within_rounds_not_by_when_a_cell_was_measured() -> None:
    # The machine slows down to a quarter; the quicker cell was sampled once more, at the slow end.
    slow = a_cell("pytorch", launches=[[2.0, 2.0, 8.0]] * 3)
    quick = a_cell("jax", launches=[[1.9, 1.9, 7.6]] * 3)
    for number, launch in enumerate(quick.launches):
        late = [*launch.samples, Sample(3, 7.6e6), Sample(4, 7.6e6), Sample(5, 7.6e6)]
        quick.launches[number] = msgspec.structs.replace(launch, samples=late)
    assert names([slow, quick]) == ["jax eager", "pytorch eager"]


def test_a_case_is_decided_only_where_every_other_target_is_slower() -> None:
    clear = a_cell("jax", "jit", noisy(1.0, seed=1))
    behind = a_cell("pytorch", "eager", noisy(2.0, seed=2))
    level = a_cell("tensorflow", "xla", noisy(1.0, spread=0.001, seed=3))
    vague = a_cell("numpy", "eager", noisy(1.2, launches=2, spread=0.5, seed=4))
    steady = a_cell("jax", "jit", noisy(1.0, spread=0.001, seed=5))
    for cells, verdict in (
        ([clear, behind], "faster"),
        ([steady, level, behind], "equivalent"),
        ([clear, behind, vague], "undecided"),
        ([steady, level, vague], "undecided"),
    ):
        assert rank(a_run(cells))[0].verdict == verdict


def test_modes_are_rivals_only_where_no_second_target_is_ranked() -> None:
    jit, eager, pytorch = (
        a_cell("jax", "jit"),
        a_cell("jax", "eager", [[2.0] * 3]),
        a_cell("pytorch", "eager", [[3.0] * 3]),
    )
    assert [standing.name for standing in rank(a_run([jit, eager, pytorch]))[0].rivals] == ["pytorch eager"]
    assert [standing.name for standing in rank(a_run([jit, eager]))[0].rivals] == ["jax eager"]


def test_a_case_without_a_ranked_cell_stays_in_the_report() -> None:
    [ranking] = rank(a_run([a_cell(status="failed", reason="no")]))
    assert (ranking.standings, ranking.fastest, ranking.verdict) == ([], None, None)


def test_a_cell_with_the_higher_median_is_not_fastest_by_beating_a_third_in_most_rounds() -> None:
    # Pairwise, eager beats compile in most rounds and compile beats jit; yet eager is the slowest by far.
    eager = a_cell("pytorch", "eager", [[0.109, 7.482, 7.763]])
    compiled = a_cell("pytorch", "compile", [[0.176, 0.165, 19.013]])
    jit = a_cell("jax", "jit", [[0.196, 0.220, 0.220]])
    assert names([eager, compiled, jit])[0] != "pytorch eager"
