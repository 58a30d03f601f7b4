"""Numbers to text, at the very edge: everything before this module is in seconds, bytes and plain ratios.

A number that is missing, not a number or infinite becomes `MISSING`, so that no table ever shows `nan` or `inf`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from typing import Any

from suite.statistics import Interval

MISSING = "–"
"""What stands where there is no number."""

_TIME_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
_BYTE_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_RATE_UNITS = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""))

# Beyond this a log-symmetric interval is far from symmetric, and "± 80 %" would hide that: both bounds are shown.
_WIDEST_PLUS_MINUS = 0.5


def known(value: float | None) -> bool:
    """Whether there is a finite number to show."""
    return value is not None and math.isfinite(value)


def significant(value: float, digits: int = 3) -> str:
    """`value` with so many significant digits and no exponent: `1830` → `1,830`, `0.0342` → `0.0342`."""
    if value == 0:
        return "0"
    rounded = float(f"{value:.{digits - 1}e}")
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(rounded))))
    return f"{rounded:,.{decimals}f}"


def seconds(value: float | None) -> str:
    """A time in seconds as `3.42 ms`."""
    if value is None or not math.isfinite(value):
        return MISSING
    if value == 0:
        return "0 s"
    rounded = float(f"{value:.2e}")
    scale, unit = next((pair for pair in _TIME_UNITS if abs(rounded) >= pair[0]), _TIME_UNITS[-1])
    return f"{significant(rounded / scale)} {unit}"


def ratio(value: float | None) -> str:
    """A ratio of times as `1.83×`."""
    return f"{significant(value)}×" if value is not None and math.isfinite(value) else MISSING


def ratio_range(interval: Interval) -> str:
    """The bounds of a ratio as `1.71–1.95`; MISSING where one launch gives none."""
    if not (known(interval.high) and interval.low > 0):
        return MISSING
    return f"{significant(interval.low)}–{significant(interval.high)}"


def ratio_with_range(interval: Interval) -> str:
    """`1.83× (1.71–1.95)`, or the ratio alone where one launch gives no interval."""
    bounds = ratio_range(interval)
    return ratio(interval.estimate) if bounds == MISSING else f"{ratio(interval.estimate)} ({bounds})"


def plus_minus(interval: Interval) -> str:
    """The interval of a time in seconds around its estimate: `±2.1 %`, or both bounds where it is very wide."""
    width = interval.half_width
    if not known(width):
        return MISSING
    if width > _WIDEST_PLUS_MINUS:
        return f"{seconds(interval.low)}–{seconds(interval.high)}"
    return f"±{percent(width)}"


def percent(value: float | None) -> str:
    """A share or relative width as `2.1 %`."""
    if value is None or not math.isfinite(value):
        return MISSING
    return f"{significant(100 * value, 2)} %"


def margin(value: float) -> str:
    """A chosen share, as it was chosen: `5 %`, `2.5 %`."""
    return f"{100 * value:g} %"


def size(value: float | None) -> str:
    """Bytes as `1.50 MiB`."""
    if value is None or not math.isfinite(value):
        return MISSING
    power = min(len(_BYTE_UNITS) - 1, int(math.log2(value) // 10)) if value >= 1 else 0
    return f"{significant(value / 1024**power)} {_BYTE_UNITS[power]}"


def rate(value: float | None, unit: str) -> str:
    """So many a second: `rate(1.23e10, "flop")` is `12.3 Gflop/s`."""
    if value is None or not math.isfinite(value):
        return MISSING
    scale, prefix = next((pair for pair in _RATE_UNITS if value >= pair[0]), _RATE_UNITS[-1])
    return f"{significant(value / scale)} {prefix}{unit}/s"


def error(value: float | None) -> str:
    """A relative error as `3.1e-07`; `not finite` where there is none."""
    if value is None or not math.isfinite(value):
        return "not finite"
    return "0" if value == 0 else f"{value:.1e}"


def calls(value: float | None) -> str:
    """A number of calls, rounded up: `1,204`. Above a million only the magnitude matters: `3.1 million`."""
    if value is None or not math.isfinite(value):
        return MISSING
    if value >= 1e6:
        return f"{significant(value / 1e6, 2)} million"
    return f"{math.ceil(value):,}"


def count(number: int, noun: str, plural: str = "") -> str:
    """`1 case`, `2 cases`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def launches(least: int, most: int) -> str:
    """`3 launches`, `3 to 12 launches`."""
    return count(least, "launch", "launches") if least == most else f"{least} to {most} launches"


def listing(items: Iterable[str], limit: int | None = None, last: str = "and") -> str:
    """`a, b and c`; beyond `limit` items `a, b and 3 more`."""
    names = list(items)
    if limit is not None and len(names) > limit:
        names = [*names[:limit], f"{len(names) - limit} more"]
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {last} {names[-1]}"


# Control characters can steer a terminal, the bidirectional ones can turn a line around, and XML allows neither NUL nor
# the two non-characters.
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)


def clean(text: str) -> str:
    """`text` from a record without the characters that a reader does not see but a program obeys."""
    return _UNPRINTABLE.sub("�", text.replace("\r\n", "\n"))


def standard_json(data: Any) -> str:
    """JSON as the standard has it: a number that is not finite becomes null."""
    return json.dumps(_finite(data), indent=1, allow_nan=False, ensure_ascii=False)


def _finite(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _finite(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_finite(value) for value in data]
    return None if isinstance(data, float) and data - data != 0 else data
