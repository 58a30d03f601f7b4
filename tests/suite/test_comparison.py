import pytest

from suite import comparison
from suite.errors import RecordsError
from suite.records import Check
from tests.reports.builders import BAD, a_cell, a_run, noisy


def test_drift_that_hits_both_cells_alike_cancels() -> None:
    still = noisy(1.0, spread=0.0)
    drifting, twice = noisy(1.0, spread=0.0, drift=3.0), noisy(2.0, spread=0.0, drift=3.0)
    ratio = comparison.compare(a_cell(launches=twice), a_cell(launches=drifting), 0.05).ratio
    assert ratio.estimate == pytest.approx(2.0)
    assert ratio.half_width < 1e-9
    # The same drift does not cancel between cells whose rounds it hit differently.
    assert comparison.compare(a_cell(launches=twice), a_cell(launches=still), 0.05).ratio.estimate > 3


def test_launches_are_paired_by_their_number() -> None:
    one, other = a_cell(launches=[[1.0], [10.0]]), a_cell(launches=[[2.0], [20.0]])
    reversed_order = a_cell(launches=[])
    reversed_order.launches.extend(reversed(other.launches))
    found = comparison.compare(reversed_order, one, 0.05)
    assert found.ratio.estimate == pytest.approx(2.0)
    assert found.launches == 2


def test_only_launches_that_both_have_count() -> None:
    found = comparison.compare(a_cell(launches=[[2.0]] * 3), a_cell(launches=[[1.0]] * 5), 0.05)
    assert (found.launches, found.verdict) == (3, "slower")
    found = comparison.compare(a_cell(launches=[[2.0], [2.0], []]), a_cell(launches=[[1.0], [1.0], [1.0]]), 0.05)
    assert found.launches == 2


def test_one_launch_gives_no_interval_and_no_verdict() -> None:
    found = comparison.compare(a_cell(launches=[[9.0, 9.0]]), a_cell(launches=[[1.0, 1.0]]), 0.05)
    assert found.ratio.estimate == pytest.approx(9.0)
    assert found.verdict == "undecided"
    assert found.why_undecided == "one launch gives no interval"


def test_cells_without_a_common_round_are_undecided() -> None:
    cell, other = a_cell(launches=[[], [2.0]]), a_cell(launches=[[1.0], []])
    found = comparison.compare(cell, other, 0.05)
    assert (found.launches, found.verdict) == (0, "undecided")
    assert found.ratio.estimate == pytest.approx(2.0)
    assert "no round in common" in found.why_undecided


def test_a_speed_needs_ok_and_passed_checks_and_samples() -> None:
    assert comparison.is_ranked(a_cell())
    assert comparison.unranked_reason(a_cell(status="timeout", reason="60 s")) == "60 s"
    assert comparison.unranked_reason(a_cell(checks=[])) == "no check of its results was recorded"
    assert "gradient.oracle" in comparison.unranked_reason(a_cell(checks=BAD))
    assert comparison.unranked_reason(a_cell(launches=[[]])) == "no sample was recorded"


def test_a_result_that_is_not_finite_never_passes() -> None:
    assert not comparison.is_ranked(a_cell(checks=[Check("value", None, 1e-6, True)]))


@pytest.mark.parametrize("profile", [None, {}, {"margin": "5 %"}, {"margin": 5}, {"margin": True}])
def test_a_run_without_a_margin_is_refused_with_the_name_of_its_file(profile: object) -> None:
    run = a_run([a_cell()], selection={"profile": profile})
    with pytest.raises(RecordsError, match=r"run\.json names no margin"):
        comparison.margin(run)


def test_verdicts_of_a_report_hold_together() -> None:
    close = comparison.compare(a_cell(launches=[[1.07], [1.10], [1.13]]), a_cell(launches=[[1.0]] * 3), 0.05)
    assert close.verdict == "slower"
    equals = [comparison.compare(a_cell(launches=[[0.9], [1.0], [1.1]]), a_cell(launches=[[1.0]] * 3), 0.05)] * 20
    among_many = comparison.control([close, *equals])[0]
    assert among_many.verdict == "undecided"
    assert among_many.ratio == close.ratio
    assert among_many.why_undecided == "among so many comparisons it may be chance"
    assert comparison.control([close]) == [close]


def test_what_has_no_round_in_common_stays_undecided_among_others() -> None:
    apart = comparison.compare(a_cell(launches=[[], [2.0]]), a_cell(launches=[[1.0], []]), 0.05)
    assert comparison.control([apart]) == [apart]


def test_cells_that_got_no_further_launches_do_not_hide_who_is_fastest() -> None:
    """The first launches show one of two first, the later ones, which the slow cell does not have, the other."""
    one, other = [[1.0]] * 3 + [[1.2]] * 5, [[1.01]] * 3 + [[1.0]] * 5
    cells = [a_cell("jax", launches=one), a_cell("pytorch", launches=other), a_cell("numpy", launches=[[9.0]] * 3)]
    assert comparison.fastest(cells).target == "pytorch"
    assert [(a.target, b.target) for a, b in comparison.pairs(cells)] == [("jax", "pytorch"), ("numpy", "pytorch")]
