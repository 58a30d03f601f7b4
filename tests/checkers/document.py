"""`docs/checkers.md`: the tables, and why each checker misses what it misses."""

from __future__ import annotations

import importlib
import platform
from pathlib import Path

from tests.checkers.table import DRAWS, SIZES, Key, mark, table
from tests.checkers.verdicts import LIMIT_S, Verdict

DOCUMENT = Path(__file__).parents[2] / "docs/checkers.md"

HEAD = """\
# A cross-check of gradient checkers

The same wrong gradients are given to the gradient checkers that come with PyTorch, JAX and TensorFlow, and to Triptych's
own. The function is t_i = sin(x_i + x_{{i+1}} / 2), its n entries in a ring, at a Gaussian point. Its derivative is written
by hand, a fault is planted into it, and each framework gets it as a custom rule. All is float64, with the steps and
tolerances that a checker has by default:

| column | checker | what it compares with differences, and how closely |
|---|---|---|
| gradcheck slow | `torch.autograd.gradcheck` | every entry of the Jacobian, to 1e-3 of it and 1e-5 |
| gradcheck fast | the same with `fast_mode=True` | the Jacobian between two random directions of positive entries, \
to 1e-3 of it and 1e-5 times the sums of both |
| check_grads rev | `jax.test_util.check_grads`, reverse mode | the Jacobian between two Gaussian directions, to 1e-5 of it \
and 1e-5 |
| check_grads fwd | the same, forward mode | every output's derivative along a Gaussian direction, to 1e-5 of it and 1e-5, \
both times the number of outputs |
| compute_gradient | `tf.test.compute_gradient` | every entry of the Jacobian; it leaves the tolerance to its caller, \
here `assertAllClose` as in its documentation: 1e-6 of it and 1e-6 |
| check_directions | `suite.gradients` | a weighted sum of the outputs along three Gaussian directions, to 1e-9 of what is \
typical for such a direction |
| check_elements | `suite.gradients` | every entry of that sum's gradient, to 1e-9 of their root mean square |

`tests/checkers/` has the code, and `python -m tests.checkers` writes this page. The page was written with
{versions}.

Each cell has a mark for n = {sizes}: ✓ where the checker is right, ✗ where it is wrong, – where it was not run.
Right is to accuse a fault, and to accuse nothing in the last two rows. The last row has max(0, ·) in the place of the sine.
"""

WHY = """\
## Why

**A tolerance that is wider than the fault.** Rounding to float32 changes an entry by 6e-8 of it at most. Only Triptych's
checks see that; the other tolerances begin at 1e-6. A factor of 1.0001 is lost in the 1e-3 of gradcheck, slow or fast.

**A tolerance that grows while the fault does not.** In fast mode gradcheck multiplies its tolerance by the sums of the
directions' entries, and takes 1e-3 of a value to which all entries of the gradient contribute. One wrong entry weighs ever
less against both. With one output it sees one flipped sign in all of ten draws at n = 10, in some at n = 1,000, in none at
n = 1,000,000; with many outputs, where there are two sums to multiply with, in none at n = 1,000 already, and at
n = 1,000,000 it sees nothing but NaN. (When it accuses, it also computes the slow Jacobian for its message. That is left
out here.)

**A tolerance multiplied by the number of outputs.** In forward mode check_grads takes 1e-5 times the number of outputs.
With one output that is 1e-5, and it sees what reverse mode sees; of a million outputs each may be wrong by ten times
itself, and nothing but NaN is seen. Reverse mode compares a single number, so that its tolerance does not grow.

**One direction.** check_grads looks along one direction, with signs. In reverse mode it sees one flipped sign in a million
in all of the ten draws. What it misses with many outputs in the second table is an entry whose right derivative happens to
be small.

**A step across kinks.** check_grads moves every entry by about 1e-4 however many there are, so that at n = 1,000,000 it
steps across kinks, and accuses the right gradient of the function with kinks. In forward mode with many outputs it does
not, for there its tolerance takes everything. check_directions makes a step of length 1e-4 in all. Then each entry moves
so little that, with a million outputs whose weighted sum nearly cancels, the rounding of that sum shows: some of the ten
draws are accused wrongly. Triptych itself takes differences of a function with kinks at its smallest problem only.

**Every entry.** Slow gradcheck sees every wrong entry that fast mode loses at n = 1,000. But what goes through every entry
has no answer for a million of them.

## Not run

What would take longer than {limit} s, by the time of one evaluation:

"""


def document(found: dict[Key, Verdict], counts: dict[Key, int]) -> str:
    """The page, of what the checkers said at once and over the draws."""
    marks = {key: mark(key[0], verdict) for key, verdict in found.items()}
    parts = [
        HEAD.format(versions=versions(), sizes=_sizes()),
        section("One output: Σ t_i", marks, False),
        section("Many outputs: all t_i", marks, True),
        drawn_section(counts),
        WHY.format(limit=f"{LIMIT_S:.0f}") + "\n".join(refusals(found)) + "\n",
    ]
    return "\n".join(parts)


def section(title: str, marks: dict[Key, str], many: bool) -> str:
    """A heading and its table."""
    return "\n".join([f"## {title}", "", *table(marks, many), ""])


def drawn_section(counts: dict[Key, int]) -> str:
    """How often those that look along random directions are right, for one output and for many."""
    marks = {key: str(count) for key, count in counts.items()}
    return "\n".join(
        [
            f"## {DRAWS} draws",
            "",
            f"Chance has a part in what a random direction shows. So here is how many times of {DRAWS} a checker is right,",
            f"for n = {_sizes()}, each time with another point and the fault in another place. One output:",
            "",
            *table(marks, False),
            "",
            "Many outputs:",
            "",
            *table(marks, True),
            "",
        ]
    )


def refusals(found: dict[Key, Verdict]) -> list[str]:
    """One line for each checker, kind of function and size that was not run."""
    lines = [
        f"- {name}, n = {n:,}, {'many outputs' if many else 'one output'}: {verdict.note}"
        for (_, many, name, n), verdict in found.items()
        if verdict.status == "refused"
    ]
    return list(dict.fromkeys(lines))


def _sizes() -> str:
    return " and ".join([", ".join(f"{n:,}" for n in SIZES[:-1]), f"{SIZES[-1]:,}"])


def versions() -> str:
    """Of Python, NumPy and the frameworks, and the kind of machine."""
    names = {"numpy": "NumPy", "torch": "PyTorch", "jax": "JAX", "tensorflow": "TensorFlow"}
    found = [f"{shown} {importlib.import_module(module).__version__}" for module, shown in names.items()]
    return (
        f"{', '.join(found)}, Python {platform.python_version()}, on a CPU ({platform.system()}, {platform.machine()})"
    )
