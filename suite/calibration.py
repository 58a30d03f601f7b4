"""The noise floor: the smallest difference that can be told on this machine, found by holding equals against each other.

Two workers of the same target are measured like any two targets. What their launches' ratios spread around 1 is the noise of
the whole pipeline, and says how small a difference any comparison here can show.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from suite.statistics import CONFIDENCE

SELECTORS = ("linear[small]", "conv2d[small]", "softmax[small]", "rms_norm[small]")
"""One bound by arithmetic, one by what a kernel makes of it, one by memory, and one whose calls are short and unsteady."""
LAUNCHES = 6
POWER = 0.8
"""A difference as large as the floor is found in so many of all runs."""
_ABSURD = 10.0  # a spread that no machine has


@dataclass(frozen=True)
class Calibration:
    """`spread` is the standard deviation of a launch's log ratio between equals; the rest says where it comes from."""

    spread: float
    pairs: int
    launches: int
    conditions: dict[str, Any]
    created: str

    def floor(self, launches: int) -> float:
        """The smallest relative difference that `launches` show in 80 % of all runs: 0.02 is 2 %. Infinite for one launch.

        (t₀.₉₇₅ + t₀.₈) · spread / √launches, on the log scale: where the interval excludes 1 with that probability.
        """
        if launches < 2:
            return math.inf
        edge, beyond = (float(stats.t.ppf(share, launches - 1)) for share in ((1 + CONFIDENCE) / 2, POWER))
        return math.expm1((edge + beyond) * self.spread / math.sqrt(launches))


def spread(pairs: Sequence[Sequence[float]]) -> float:
    """Of the launches' ratios of each pair of equals: their true ratio is 1, so no mean is taken off.

    Raises ValueError where there is no ratio.
    """
    logs = np.log([ratio for ratios in pairs for ratio in ratios])
    if not len(logs):
        raise ValueError("a noise floor needs ratios of equals, one or more")
    return float(np.sqrt((logs**2).mean()))


def conditions(environment: Mapping[str, Any], threads: int, device: str = "cpu") -> dict[str, Any]:
    """What the noise depends on and a later run can be held against."""
    cpu = environment.get("cpu", {})
    names = ("model", "allowed", "governor", "turbo", "idle_cores")
    found = {"threads": threads, **{name: cpu.get(name) for name in names}}
    return found if device == "cpu" else found | {"gpu": gpu_name(environment, device)}


def gpu_name(environment: Mapping[str, Any], device: str) -> str | None:
    """What the GPU that `cuda` or `cuda:1` means is called in the recorded environment; None for the CPU, or if not told."""
    gpus, number = environment.get("gpus"), device.partition(":")[2] or "0"
    if device == "cpu" or not isinstance(gpus, list) or not number.isdecimal() or int(number) >= len(gpus):
        return None
    one = gpus[int(number)]
    return str(one.get("name")) if isinstance(one, dict) else None


def file(folder: Path, device: str = "cpu") -> Path:
    """Where the noise floor of a device is kept, in the results folder."""
    return folder / ("calibration.json" if device == "cpu" else f"calibration-{device.replace(':', '-')}.json")


def save(found: Calibration, folder: Path, device: str = "cpu") -> Path:
    """Write it into the results folder, in the place of an older one."""
    path = file(folder, device)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(asdict(found), indent=2) + "\n", encoding="utf-8")
    partial.replace(path)
    return path


def stored(folder: Path, device: str = "cpu") -> Calibration | None:
    """The calibration of the results folder, under whatever conditions it was made."""
    try:
        return read(json.loads(file(folder, device).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None


def differing(found: Calibration, now: Mapping[str, Any]) -> list[str]:
    """What is not as it was when `found` was made, so that it says nothing any more: `threads were 2, and are 1`."""
    then = found.conditions
    return [f"{name} was {then.get(name)}, and is {now[name]}" for name in now if then.get(name) != now[name]]


def read(data: Any) -> Calibration | None:
    """The calibration that a record carries; None where it is none."""
    try:
        found = Calibration(**data)
        whole = isinstance(found.conditions, dict) and isinstance(found.created, str)
        return found if whole and found.pairs > 0 and found.launches > 0 and 0 < found.spread < _ABSURD else None
    except TypeError:
        return None
