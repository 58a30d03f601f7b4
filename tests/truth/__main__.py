"""Write `reports/truth.json` and `docs/truth.md`."""

from __future__ import annotations

from tests.truth.evidence import write

if __name__ == "__main__":
    write()
