"""What to know of this machine before believing a number measured on it: what is there, what is off, and how to mend it.

`facts.gather` looks, and asks a worker of each framework; everything else is pure: a check takes the facts and says what it
makes of one subject. The line between the levels:

- `failure`: a comparison would mislead. A cell would not be what its name says, one framework would be held back and the
  others not, or what is there to be compared cannot be measured. `triptych doctor` then ends with 1.
- `warning`: the verdicts hold, but intervals are wider than they need be, absolute times are not those of the machine at its
  best, or a cell will be missing, and says so itself.
- `ok`: nothing is off; the finding is for whoever compares machines, or wonders.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from suite.doctor import frameworks, gpu, load, machine, python, results, variables
from suite.doctor.facts import Facts, gather
from suite.doctor.finding import Finding
from suite.progress import Progress
from suite.targets import Target

CHECKS: tuple[Callable[[Facts], list[Finding]], ...] = (
    *python.CHECKS,
    *machine.CHECKS,
    *load.CHECKS,
    *frameworks.CHECKS,
    *gpu.CHECKS,
    *variables.CHECKS,
    *results.CHECKS,
)


def examine(targets: Sequence[Target], folder: Path, progress: Progress) -> list[Finding]:
    """Look at this machine and say what could spoil a measurement of `targets` whose results go to `folder`."""
    return judge(gather(targets, folder, progress))


def judge(facts: Facts) -> list[Finding]:
    """Every finding, by subject."""
    return [finding for check in CHECKS for finding in check(facts)]
