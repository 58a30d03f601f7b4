import math

import msgspec
import pytest

from reports.measures import measure, worst_check
from suite.records import Check, Sample
from tests.reports.builders import BAD, MS, a_cell, a_run, noisy


def test_the_time_of_a_cell_is_the_geometric_mean_of_its_launches_medians() -> None:
    [found] = measure(a_run([a_cell(launches=[[1.0, 2.0, 90.0], [8.0, 8.0, 8.0]])]))
    assert found.median_s == pytest.approx(4e-3)
    assert found.median_low_s is not None and found.median_low_s < 4e-3
    assert (found.launches, found.samples) == (2, 6)
    assert found.flops_per_s == pytest.approx(2e6 / 4e-3)


def test_one_launch_has_no_bounds() -> None:
    [found] = measure(a_run([a_cell(launches=[[1.0, 1.1]])]))
    assert (found.median_low_s, found.median_high_s) == (None, None)


def test_compiling_pays_once_its_extra_cost_is_saved() -> None:
    eager = a_cell("jax", "eager", [[10.0] * 3] * 5, launch_fields={"first_call_s": 0.5, "build_s": 0.1})
    compiled = {"first_call_s": 1.4, "build_s": 0.2, "compiler_start_s": 0.25}
    jit = a_cell("jax", "jit", [[5.0] * 3] * 5, launch_fields=compiled)
    found = measure(a_run([eager, jit]))[1]
    assert found.against_eager == "faster"
    assert found.break_even_calls == pytest.approx(1.0 / 5e-3)
    assert found.break_even_calls_with_start == pytest.approx(1.25 / 5e-3)


def test_compiling_that_makes_it_slower_never_pays() -> None:
    run = a_run([a_cell("jax", "eager", noisy(1.0)), a_cell("jax", "jit", noisy(2.0))])
    found = measure(run)[1]
    assert found.against_eager == "slower"
    assert found.break_even_calls == math.inf


def test_compiling_is_held_against_eager_of_its_own_target_and_variant_only() -> None:
    others = [a_cell("pytorch", "eager"), a_cell("jax", "eager", variant="fused")]
    found = measure(a_run([*others, a_cell("jax", "jit")]))[-1]
    assert (found.against_eager, found.break_even_calls) == (None, None)


def test_the_worst_check_is_the_one_nearest_to_or_furthest_beyond_its_tolerance() -> None:
    checks = [
        Check("gradient.adjoint", 1e-12, 1e-9, True),
        Check("gradient.oracle", 5e-10, 1e-9, True),
        Check("gradient.differences", 1e-6, 1e-4, True),
        Check("value", 1e-3, 1e-2, True),
    ]
    assert worst_check(checks, "gradient") is checks[1]
    assert worst_check([*checks, Check("gradient.differences", None, 1.0, False)], "gradient").error is None  # type: ignore[union-attr]
    assert worst_check(checks, "training") is None


def test_an_incorrect_cell_shows_its_errors_and_never_a_time() -> None:
    [found] = measure(a_run([a_cell(launches=noisy(1.0), status="incorrect", reason="gradient", checks=BAD)]))
    assert (found.gradient_error, found.gradient_tolerance) == (2.5e-2, 2.4e-6)
    times = [
        getattr(found, name) for name in type(found).__dataclass_fields__ if name.endswith(("_s", "_calls", "_start"))
    ]
    assert times == [None] * len(times)
    assert len(times) > 10


def test_disturbed_samples_and_outliers_are_counted_not_dropped() -> None:
    cell = a_cell(launches=[[1.0] * 9 + [50.0]])
    launch = cell.launches[0]
    samples = [Sample(0, MS, switches=3), Sample(1, MS, stolen_ms=0.5), *launch.samples[2:]]
    cell.launches[0] = msgspec.structs.replace(launch, samples=samples, steady=False)
    [found] = measure(a_run([cell]))
    assert found.disturbed_share == pytest.approx(0.2)
    assert (found.outliers, found.samples, found.unsteady_launches) == (1, 10, 1)


def test_memory_that_could_not_be_measured_is_missing() -> None:
    [found] = measure(a_run([a_cell(launch_fields={"peak_memory_bytes": None})]))
    assert found.peak_memory_bytes is None
