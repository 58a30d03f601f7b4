from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from suite.calibration import Calibration, conditions, differing, gpu_name, read, save, spread, stored
from suite.statistics import log_interval

ENVIRONMENT = {"cpu": {"model": "Example 9000", "allowed": [0, 1], "governor": "performance", "turbo": True, "mhz": 1}}
HERE = conditions(ENVIRONMENT, threads=2)


def of_spread(value: float) -> Calibration:
    return Calibration(spread=value, pairs=9, launches=54, conditions=HERE, created="2026-01-02T03:04:05Z")


def test_a_gpu_is_named_by_the_environment_whatever_a_stranger_wrote_there() -> None:
    gpus = {"gpus": [{"name": "One"}, {"name": "Two"}, "three"]}
    named = [gpu_name(gpus, device) for device in ("cuda", "cuda:1", "cuda:2", "cuda:9", "cuda:x", "cpu")]
    assert named == ["One", "Two", None, None, None, None]
    assert gpu_name({"gpus": "none"}, "cuda") is None
    assert conditions(gpus, 2, "cuda:1")["gpu"] == "Two"
    assert "gpu" not in conditions(gpus, 2)


def test_each_device_has_a_noise_floor_of_its_own(tmp_path: Path) -> None:
    save(of_spread(0.02), tmp_path)
    save(of_spread(0.05), tmp_path, "cuda:1")
    assert stored(tmp_path) == of_spread(0.02)
    assert stored(tmp_path, "cuda:1") == of_spread(0.05)
    assert stored(tmp_path, "cuda") is None


def test_the_spread_is_that_of_the_log_ratios_around_equality() -> None:
    # Logarithms ±0.01 and ±0.03.
    pairs = [[math.exp(0.01), math.exp(-0.01)], [math.exp(0.03), math.exp(-0.03)]]
    assert spread(pairs) == pytest.approx(math.sqrt((2 * 0.01**2 + 2 * 0.03**2) / 4))


def test_a_pair_that_always_differs_widens_the_spread() -> None:
    assert spread([[1.05, 1.05, 1.05]]) == pytest.approx(math.log(1.05))


def test_without_ratios_there_is_no_floor() -> None:
    with pytest.raises(ValueError, match="ratios of equals"):
        spread([[], []])


def test_one_launch_tells_nothing() -> None:
    assert of_spread(0.01).floor(1) == math.inf


def test_the_floor_falls_with_the_launches() -> None:
    floors = [of_spread(0.012).floor(launches) for launches in (2, 3, 5, 10)]
    assert floors == sorted(floors, reverse=True)
    assert floors[2] == pytest.approx(math.expm1((2.776445 + 0.940965) * 0.012 / math.sqrt(5)), rel=1e-5)


@pytest.mark.parametrize("launches", [4, 6, 10])
def test_a_difference_as_large_as_the_floor_is_found_in_four_of_five_runs(launches: int) -> None:
    rng = np.random.default_rng(launches)
    size, found, trials = of_spread(0.01).floor(launches), 0, 1500
    for _ in range(trials):
        ratios = (1 + size) * np.exp(0.01 * rng.standard_normal(launches))
        found += log_interval(ratios.tolist()).low > 1
    assert found / trials == pytest.approx(0.8, abs=0.06)  # the formula is an approximation, on the safe side


def test_what_was_saved_is_found_again(tmp_path: Path) -> None:
    save(of_spread(0.02), tmp_path)
    assert stored(tmp_path) == of_spread(0.02)


def test_what_is_no_longer_as_it_was_is_named() -> None:
    assert differing(of_spread(0.02), HERE) == []
    for change in ({"threads": 1}, {"governor": "powersave"}, {"model": "Other"}, {"allowed": [0]}):
        [(name, value)] = change.items()
        assert differing(of_spread(0.02), HERE | change) == [f"{name} was {HERE[name]}, and is {value}"]


def test_conditions_are_what_noise_depends_on_and_nothing_that_changes_by_itself() -> None:
    assert "mhz" not in HERE
    assert conditions({}, 2) == {
        "threads": 2,
        "model": None,
        "allowed": None,
        "governor": None,
        "turbo": None,
        "idle_cores": None,
    }


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "3", '{"spread": 1}', json.dumps(asdict(of_spread(0.02)) | {"spread": "x"})]
)
def test_a_broken_file_is_no_calibration(tmp_path: Path, text: str) -> None:
    (tmp_path / "calibration.json").write_text(text)
    assert stored(tmp_path) is None


def test_no_file_is_no_calibration(tmp_path: Path) -> None:
    assert stored(tmp_path) is None


@pytest.mark.parametrize(
    "change", [{"spread": 1e300}, {"spread": math.nan}, {"spread": -1.0}, {"pairs": 0}, {"more": 1}]
)
def test_what_a_stranger_writes_into_a_record_is_not_believed(change: dict[str, Any]) -> None:
    assert read(asdict(of_spread(0.02)) | change) is None
    assert read(None) is None
