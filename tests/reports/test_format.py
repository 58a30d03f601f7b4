import math

import pytest

from reports import format
from suite.statistics import Interval


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3.4159e-3, "3.42 ms"),
        (0.9996e-3, "1.00 ms"),  # rounds up into the next unit
        (12.34e-6, "12.3 µs"),
        (5e-10, "0.500 ns"),
        (1234.0, "1,230 s"),
        (0.0, "0 s"),
        (None, format.MISSING),
        (math.nan, format.MISSING),
        (math.inf, format.MISSING),
    ],
)
def test_a_time_has_three_digits_and_the_unit_that_fits(value: float | None, text: str) -> None:
    assert format.seconds(value) == text


def test_an_interval_is_plus_minus_while_it_is_narrow_and_two_bounds_once_it_is_not() -> None:
    assert format.plus_minus(Interval(1.0, 1 / 1.021, 1.021)) == "±2.1 %"
    assert format.plus_minus(Interval(1e-3, 0.25e-3, 4e-3)) == "250 µs–4.00 ms"


def test_a_ratio_without_bounds_shows_none() -> None:
    assert format.ratio_with_range(Interval(1.8349, 1.71, 1.951)) == "1.83× (1.71–1.95)"
    assert format.ratio_with_range(Interval(1.8349, 0.0, math.inf)) == "1.83×"


def test_bytes_rates_errors_and_calls_read_well() -> None:
    assert format.size(3 << 20) == "3.00 MiB"
    assert format.size(0) == "0 B"
    assert format.rate(1.234e10, "flop") == "12.3 Gflop/s"
    assert format.error(3.14e-7) == "3.1e-07"
    assert format.error(None) == "not finite"
    assert format.calls(1203.2) == "1,204"
    assert format.calls(3.14e6) == "3.1 million"
    assert format.calls(math.inf) == format.MISSING


def test_a_listing_says_how_many_it_leaves_out() -> None:
    assert format.listing(["a", "b", "c"]) == "a, b and c"
    assert format.listing(["a", "b", "c", "d"], 2) == "a, b and 2 more"
    assert format.listing([]) == ""


def test_characters_that_steer_a_terminal_or_turn_a_line_around_are_replaced() -> None:
    assert format.clean("a\x1b[31mb\u202ec\x00d") == "a�[31mb�c�d"
    assert format.clean("ünï ✓ 数\nline\ttab") == "ünï ✓ 数\nline\ttab"
