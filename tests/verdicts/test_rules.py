"""Other tools' rules on samples made up: what is plainly slower is, equals are the same, and their own programs agree."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pyperf
import pytest

from tests.verdicts.rules import RULES, Judgement, mann_whitney, regression, t_test

Judge = Callable[[Sequence[float], Sequence[float]], Judgement]
RULE = pytest.mark.parametrize("judge", [judge for _, judge in RULES.values()], ids=list(RULES))
T_TEST = partial(t_test, min_speed=None)


def samples(factor: float = 1.0, seed: int = 0, spread: float = 0.005, count: int = 60) -> list[float]:
    """Around `factor` milliseconds."""
    return list(1e-3 * factor * np.random.default_rng(seed).normal(1, spread, count))


@RULE
def test_half_as_slow_again_is_slower_and_the_other_way_round_faster(judge: Judge) -> None:
    assert judge(samples(), samples(1.5, seed=1)) == "slower"
    assert judge(samples(1.5), samples(seed=1)) == "faster"


@RULE
def test_the_same_samples_are_the_same(judge: Judge) -> None:
    assert judge(samples(), samples()) == "same"


@pytest.mark.parametrize(
    ("judge", "found"),
    [
        (partial(regression, field="median", percent=5), "same"),
        (partial(regression, field="median", percent=2), "slower"),
        (partial(regression, field="mean", percent=2), "slower"),
        (partial(regression, field="min", percent=2), "slower"),
        (T_TEST, "slower"),
        (partial(t_test, min_speed=2), "slower"),
        (partial(t_test, min_speed=4), "same"),
        (partial(mann_whitney, factor=1.1), "same"),
        (partial(mann_whitney, factor=1.02), "slower"),
    ],
    ids=["median:5%", "median:2%", "mean:2%", "min:2%", "t", "t 2%", "t 4%", "asv 1.1", "asv 1.02"],
)
def test_a_clear_3_percent_is_a_matter_of_the_threshold(judge: Judge, found: Judgement) -> None:
    assert judge(samples(spread=1e-4), samples(1.03, seed=1, spread=1e-4)) == found


def late(count: int, inversions: int) -> tuple[list[float], list[float]]:
    """Two sides of which so many of the `count` squared pairs have the second side's sample first, though its median is far
    above the first's."""
    first, before = divmod(inversions, count)
    old = [float(n) for n in range(1, count + 1)]
    new = [0.5 - 0.01 * n for n in range(first)] + [count + 0.5 - before]
    return old, new + [100.0 + n for n in range(count - len(new))]


@pytest.mark.parametrize(
    ("count", "inversions", "found"),
    [
        (6, 0, "same"),  # p = 2/924
        (7, 0, "slower"),  # p = 2/3432
        (20, 87, "slower"),  # p = 0.0018, exact; the normal approximation has 0.0022
        (21, 99, "same"),  # p = 0.0022, by the normal approximation; exact it is 0.0018
        (21, 97, "slower"),
    ],
)
def test_asv_asks_for_p_below_2_in_a_thousand_and_approximates_it_beyond_20_samples(
    count: int, inversions: int, found: Judgement
) -> None:
    assert mann_whitney(*late(count, inversions), factor=1.1) == found


def test_pyperfs_command_says_the_same(tmp_path: Path) -> None:
    changed = {"equal": samples(seed=1), "slower": samples(1.5, seed=1), "faster": samples(0.5, seed=1)}
    for file, sides in {"old.json": dict.fromkeys(changed, samples()), "new.json": changed}.items():
        suite = pyperf.BenchmarkSuite(
            [
                pyperf.Benchmark([pyperf.Run(values, metadata={"name": name}, collect_metadata=False)])
                for name, values in sides.items()
            ]
        )
        suite.dump(str(tmp_path / file))
    command = [sys.executable, "-m", "pyperf", "compare_to", "old.json", "new.json"]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert "not significant (1): equal" in said and T_TEST(samples(), changed["equal"]) == "same"
    assert "1.50x slower" in said and T_TEST(samples(), changed["slower"]) == "slower"
    assert "2.00x faster" in said and T_TEST(samples(), changed["faster"]) == "faster"
