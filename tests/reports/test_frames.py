import pandas as pd
import pytest

from reports import frames
from reports.measures import Measures
from tests.reports.builders import BAD, a_cell, a_gallery, a_run, noisy


def test_a_frame_has_its_documented_columns_even_without_rows() -> None:
    empty, full = a_run(), a_gallery(2)
    for run in (empty, full):
        assert tuple(frames.cells(run).columns) == frames.CELL_COLUMNS
        assert tuple(frames.samples(run).columns) == frames.SAMPLE_COLUMNS
        assert tuple(frames.verdicts(run).columns) == frames.VERDICT_COLUMNS


def test_numbers_are_floats_even_where_all_are_missing() -> None:
    table = frames.cells(a_run([a_cell(status="failed", reason="no", launches=[], checks=[])]))
    assert table["median_s"].dtype == "float64"
    assert table["median_s"].isna().all()
    assert set(frames._CELL_NUMBERS) >= {"median_s", "peak_memory_bytes", "break_even_calls", "value_error"}
    assert len(frames._CELL_NUMBERS) < len(Measures.__dataclass_fields__)


def test_every_sample_has_a_row_with_its_launch_and_round() -> None:
    table = frames.samples(a_run([a_cell(launches=[[1.0, 2.0], [3.0]]), a_cell("jax", checks=BAD)]))
    assert table[["launch", "round", "seconds"]].iloc[:3].to_numpy().tolist() == [
        [0, 0, 1e-3],
        [0, 1, 2e-3],
        [1, 0, 3e-3],
    ]
    assert table.groupby("cell")["ranked"].all().to_dict() == {"pytorch eager": True, "jax eager": False}


def test_ratios_are_taken_within_rounds_so_that_drift_cancels() -> None:
    fast, slow = noisy(1.0, spread=0.0, drift=4.0), noisy(1.5, spread=0.0, drift=4.0)
    table = frames.verdicts(a_run([a_cell("numpy", launches=slow), a_cell("jax", launches=fast)])).set_index("cell")
    row = table.loc["numpy eager"]
    assert (row["ratio"], row["low"], row["high"]) == pytest.approx((1.5, 1.5, 1.5))
    assert (row["verdict"], row["launches"], row["fastest"]) == ("slower", 5, "jax eager")


def test_the_fastest_has_the_ratio_one_and_no_verdict() -> None:
    first = frames.verdicts(a_gallery()).groupby("case", sort=False).first()
    assert (first["ratio"] == 1).all()
    assert frames.verdicts(a_gallery()).query("cell == fastest")["verdict"].isna().all()


def test_incorrect_cells_have_no_verdict_and_no_time() -> None:
    run = a_run([a_cell("pytorch"), a_cell("jax", "jit", noisy(0.1), status="incorrect", reason="no", checks=BAD)])
    assert list(frames.verdicts(run)["cell"]) == ["pytorch eager"]
    row = frames.cells(run).set_index("cell").loc["jax jit"]
    assert pd.isna(row["median_s"]) and row["gradient_error"] == 2.5e-2


def test_one_launch_has_no_bounds_and_is_undecided() -> None:
    run = a_run([a_cell("pytorch", launches=[[1.0, 1.0]]), a_cell("jax", launches=[[7.0, 7.0]])])
    row = frames.verdicts(run).iloc[1]
    assert row["ratio"] == pytest.approx(7.0)
    assert pd.isna(row["low"]) and pd.isna(row["high"])
    assert row["verdict"] == "undecided"
