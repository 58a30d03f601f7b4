"""Print the tables; with no arguments, of every checker at every size, and write `docs/checkers.md`, which takes minutes."""

from __future__ import annotations

import argparse
import os

from tests.checkers.document import DOCUMENT, document, drawn_section, section
from tests.checkers.table import CHECKERS, DRAWN_CHECKERS, SIZES, drawn, mark, verdicts

# Before a framework is imported: one thread on the CPU, and no messages but errors.
QUIET = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu", "TF_CPP_MIN_LOG_LEVEL": "3"}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.checkers", description=__doc__)
    parser.add_argument("checkers", nargs="*", metavar="CHECKER", help=", ".join(CHECKERS))
    parser.add_argument("--sizes", nargs="+", type=int, help=f"numbers of entries; by default {SIZES}")
    arguments = parser.parse_args()
    if unknown := set(arguments.checkers) - set(CHECKERS):
        parser.error(f"no checker is called {', '.join(sorted(unknown))}")
    os.environ.update(QUIET)
    found = verdicts(arguments.checkers or CHECKERS, arguments.sizes or SIZES)
    marks = {key: mark(key[0], verdict) for key, verdict in found.items()}
    print(section("One output", marks, False))
    print(section("Many outputs", marks, True))
    if not arguments.checkers and not arguments.sizes:
        counts = drawn(DRAWN_CHECKERS, SIZES)
        print(drawn_section(counts))
        DOCUMENT.write_text(document(found, counts), "utf-8")


if __name__ == "__main__":
    main()
