import re

import pytest
from msgspec.structs import replace

from reports import content, sentences
from reports.ranking import rank
from suite.records import Cell, Run
from tests.reports.builders import a_cell, a_gallery, a_run, noisy

CLAIMS = re.compile(r"fastest|faster|slower|ahead|quicker|behind|wins?\b", re.IGNORECASE)


def found(*cells: Cell, margin: float = 0.05) -> str:
    run = a_run(cells, margin=margin)
    return sentences.finding(rank(run)[0], margin)


def test_a_proven_winner_is_named_with_its_lead_over_the_runner_up_of_another_target() -> None:
    text = found(
        a_cell("jax", "jit", [[1.0] * 3] * 5),
        a_cell("jax", "eager", [[1.5] * 3] * 5),
        a_cell("pytorch", "eager", [[1.8] * 3] * 5),
        a_cell("numpy", "eager", [[9.0] * 3] * 5),
    )
    assert text == "jax jit is fastest: 1.80× (1.80–1.80) ahead of pytorch eager."


def test_one_launch_says_so_and_claims_nothing() -> None:
    text = found(a_cell("jax", "jit", [[1.0] * 5]), a_cell("pytorch", "eager", [[5.0] * 5]))
    assert "one launch gives no interval" in text
    assert "Undecided between jax jit and pytorch eager" in text
    assert not CLAIMS.search(text)


@pytest.mark.parametrize("seed", range(12))
def test_no_sentence_is_stronger_than_its_verdict(seed: int) -> None:
    second = 1.0 + 0.02 * seed
    cells = [
        a_cell("jax", "jit", noisy(1.0, launches=2 + seed % 4, spread=0.03, seed=seed)),
        a_cell("pytorch", "eager", noisy(second, launches=2 + seed % 4, spread=0.03, seed=100 + seed)),
        a_cell("numpy", "eager", noisy(9.0, launches=2 + seed % 4, spread=0.03, seed=200 + seed)),
    ]
    run = a_run(cells)
    [ranking] = rank(run)
    text = sentences.finding(ranking, 0.05)
    assert bool(CLAIMS.search(text)) == (ranking.verdict == "faster")
    if ranking.verdict == "faster":
        assert all(standing.verdict == "slower" for standing in ranking.rivals)


def test_cells_within_the_margin_are_not_told_apart() -> None:
    level = [[1.0, 1.01, 1.0], [1.01, 1.0, 1.0], [1.0, 1.0, 1.01]]
    text = found(a_cell("jax", "jit", level), a_cell("pytorch", "eager", [[x * 1.004 for x in row] for row in level]))
    assert text == "No difference that this machine can resolve between jax jit and pytorch eager: the margin is 5 %."


def test_a_difference_that_may_be_smaller_than_the_margin_says_so() -> None:
    text = found(a_cell("jax", "jit", [[1.0], [1.0], [1.0]]), a_cell("pytorch", "eager", [[1.04], [1.05], [1.045]]))
    assert "the difference may be smaller than the margin" in text
    assert not CLAIMS.search(text)


def test_a_winning_target_whose_own_modes_are_level_does_not_crown_one_of_them() -> None:
    jit, eager = [[1.0, 1.0]] * 4, [[1.002, 1.002]] * 4
    text = found(a_cell("jax", "jit", jit), a_cell("jax", "eager", eager), a_cell("pytorch", "eager", [[2.0, 2.0]] * 4))
    assert text.startswith("jax is fastest: jax jit 2.00× (2.00–2.00) ahead of pytorch eager")
    assert "no difference that this machine can resolve between it and jax eager" in text


def test_a_lone_cell_is_compared_with_nothing() -> None:
    assert found(a_cell("jax", "jit")) == "Only jax jit ended ok, with 1.00 ms a call: nothing to compare it with."
    assert found(a_cell(status="failed", reason="no")) == "No cell ended ok: nothing can be ranked."


def test_a_single_target_is_compared_by_its_modes() -> None:
    cells = [a_cell("jax", "jit", [[1.0] * 2] * 3), a_cell("jax", "eager", [[2.0] * 2] * 3)]
    assert found(*cells) == "jax jit is fastest: 2.00× (2.00–2.00) ahead of jax eager; no other target ended ok."
    assert sentences.overview(rank(a_run(cells))) == "Of 1 case: jax jit is fastest in 1"


def test_the_overview_accounts_for_every_case() -> None:
    rankings = rank(a_gallery())
    text = sentences.overview(rankings)
    numbers = [int(number) for number in re.findall(r" in (\d+)", text)]
    assert sum(numbers) == len(rankings) == 8
    assert sentences.overview(rank(a_gallery(1))) == "Of 8 cases: undecided in 8"
    assert sentences.overview([]) == "No cell was recorded"


@pytest.mark.parametrize(
    ("ended", "words"),
    [("", "unfinished"), ("budget", "The budget ended"), ("interrupted", "interrupted"), ("moon", "ended by 'moon'")],
)
def test_a_run_that_did_not_simply_end_says_how(ended: str, words: str) -> None:
    assert words in sentences.ending(a_run(ended=ended))
    assert words in sentences.notes(a_run(ended=ended), [])[0]


@pytest.mark.parametrize(
    ("ended", "words"), [("goal", "every comparison is settled"), ("launches", "all the launches")]
)
def test_a_run_that_simply_ended_says_what_ended_it_where_it_disturbs_nobody(ended: str, words: str) -> None:
    assert words in content.build(a_run([a_cell()], ended=ended)).provenance
    assert sentences.notes(a_run(ended=ended), []) == []


def test_a_busy_machine_is_told_of_before_anything_else() -> None:
    def run_with(disturbed: int) -> Run:
        cell = a_cell(launches=[[1.0] * 10])
        samples = [replace(s, switches=9 * int(s.round < disturbed)) for s in cell.launches[0].samples]
        cell.launches[0] = replace(cell.launches[0], samples=samples)
        return a_run([cell])

    [note] = sentences.notes(run_with(4), rank(run_with(4)))
    assert note.startswith("40 % of the samples were disturbed")
    assert sentences.notes(run_with(1), rank(run_with(1))) == []


def test_the_subject_says_what_was_compared_on_what_machine() -> None:
    text = sentences.subject(a_gallery())
    for words in (
        "numpy, pytorch, tensorflow and jax",
        "8 modes",
        "8 cases",
        "float32",
        "2 threads",
        "5 launches",
        "Example 9000",
    ):
        assert words in text
    assert sentences.subject(a_run()) == "No cell was recorded, machine: Example 9000."


def test_a_known_noise_floor_says_what_can_be_told() -> None:
    run = a_gallery(5)
    noise = dict(spread=0.012, pairs=9, launches=54, conditions={}, created="2026-01-02T03:04:05Z")
    run.record.environment["calibration"] = noise
    assert sentences.power(run) == (
        "This run has 5 launches; in 5 this machine tells differences of 2.0 % and more, as holding 9 pairs of equals "
        "against each other showed."
    )
    run.record.environment["calibration"] = noise | {"spread": "much"}
    assert "machine tells" not in sentences.power(run)


def test_few_launches_are_said_to_show_large_differences_only() -> None:
    assert "one launch gives no interval" in sentences.power(a_gallery(1))
    assert "large differences" in sentences.power(a_gallery(2))
    assert "large differences" not in sentences.power(a_gallery(5))
