"""The records as pandas DataFrames, for figures, exports and notebooks. Missing numbers are NaN here, and only here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields

import pandas as pd

from reports.measures import Measures, measure
from reports.ranking import Ranking, Standing, rank
from suite.comparison import is_ranked
from suite.records import Run

CELL_COLUMNS = tuple(field.name for field in fields(Measures))
"""The columns of `cells`: the fields of `reports.measures.Measures`, which says what each means."""

SAMPLE_COLUMNS = (
    "case",
    "cell",
    "target",
    "framework",
    "mode",
    "variant",
    "ranked",  # only ranked cells' times may be shown as speeds
    "launch",
    "round",
    "seconds",
    "switches",
    "stolen_ms",
)

VERDICT_COLUMNS = (
    "case",
    "cell",
    "target",
    "framework",
    "mode",
    "variant",
    "fastest",  # the cell that this one is held against
    "ratio",  # time over the fastest's time
    "low",
    "high",  # bounds of the ratio; NaN where one launch gives none
    "launches",  # launches behind the ratio; 0 for the fastest itself
    "verdict",  # None for the fastest itself
)

_CELL_NUMBERS = tuple(field.name for field in fields(Measures) if field.type == "float | None")


def cells(run: Run) -> pd.DataFrame:
    """A row for each cell, in the order of the run; columns are CELL_COLUMNS, times in seconds.

    Raises RecordsError where the run names no margin.
    """
    rows = [asdict(measures) for measures in measure(run)]
    return _frame(rows, CELL_COLUMNS, _CELL_NUMBERS)


def samples(run: Run) -> pd.DataFrame:
    """A row for each sample of each cell, in the order in which they were taken; columns are SAMPLE_COLUMNS."""
    rows = [
        {
            "case": cell.case,
            "cell": cell.name,
            "target": cell.target,
            "framework": cell.framework,
            "mode": cell.mode,
            "variant": cell.variant,
            "ranked": ranked,
            "launch": launch.launch,
            "round": sample.round,
            "seconds": sample.ns / 1e9,
            "switches": sample.switches,
            "stolen_ms": sample.stolen_ms,
        }
        for cell in run.cells
        for ranked in [is_ranked(cell)]
        for launch in cell.launches
        for sample in launch.samples
    ]
    return _frame(rows, SAMPLE_COLUMNS, ("seconds", "stolen_ms"))


def verdicts(run: Run, rankings: Sequence[Ranking] | None = None) -> pd.DataFrame:
    """A row for each ranked cell, the fastest of each case first; columns are VERDICT_COLUMNS.

    Who has ranked the run already may pass the `rankings`. Raises RecordsError where the run names no margin.
    """
    rows = [
        _verdict_row(standing, ranking.standings[0].name)
        for ranking in (rank(run) if rankings is None else rankings)
        for standing in ranking.standings
    ]
    return _frame(rows, VERDICT_COLUMNS, ("ratio", "low", "high"))


def _verdict_row(standing: Standing, fastest: str) -> dict[str, object]:
    measures, comparison = standing.measures, standing.against_fastest
    bounded = comparison is None or comparison.launches > 1
    return {
        "case": measures.case,
        "cell": measures.cell,
        "target": measures.target,
        "framework": measures.framework,
        "mode": measures.mode,
        "variant": measures.variant,
        "fastest": fastest,
        "ratio": standing.ratio.estimate,
        "low": standing.ratio.low if bounded else None,
        "high": standing.ratio.high if bounded else None,
        "launches": comparison.launches if comparison else 0,
        "verdict": standing.verdict,
    }


def _frame(rows: list[dict[str, object]], columns: tuple[str, ...], numbers: tuple[str, ...]) -> pd.DataFrame:
    """The columns are there, and the numbers are floats, even without rows or where every number is missing."""
    return pd.DataFrame(rows, columns=list(columns)).astype(dict.fromkeys(numbers, "float64"))
