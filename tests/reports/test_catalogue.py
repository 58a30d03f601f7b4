from __future__ import annotations

import pytest

from reports.catalogue import _rounded, duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.5, "0.5 s"),
        (1, "1 s"),
        (59.6, "1 min"),
        (150, "2 min 30 s"),
        (600, "10 min"),
        (3600, "1 h"),
        (4815, "1 h 20 min"),
    ],
)
def test_a_duration_is_told_in_the_units_that_matter(seconds, text):
    assert duration(seconds) == text


def test_what_numbers_are_drawn_from_is_rounded_for_reading():
    assert _rounded("Normal(scale=0.23570226039551584)") == "Normal(scale=0.236)"
    assert _rounded("Classes(count=1000)") == "Classes(count=1000)"
