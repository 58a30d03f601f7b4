"""The errors of the frameworks beside each other."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from reports.accuracy import errors, table
from suite.cases import Column, line
from suite.records import Check
from tests.fakes.running import case

NUMPY, JAX = Column("numpy", "numpy", "eager"), Column("jax", "jax", "jit")


def checked(column: Column, error: float | None, status: str = "ok", task: str = "forward") -> Any:
    name = {"forward": "value", "gradient": "gradient"}[task]
    checks = [Check(name, error, 1e-6, status == "ok"), Check("gradient.adjoint", 1e-15, 1e-9, True)]
    return line(
        case("linear", "tiny", task), column, status=status, reason="" if status == "ok" else "off", checks=checks
    )


def printed(lines: list[Any]) -> str:
    console = Console(width=160, force_terminal=False)
    with console.capture() as capture:
        console.print(table(lines))
    return capture.get()


def test_the_error_is_that_of_the_timed_precision() -> None:
    found = errors([checked(NUMPY, 2e-7), checked(JAX, 1e-7, task="gradient")])
    assert [list(of_case.values()) for of_case in found.values()] == [[2e-7], [1e-7]]


def test_a_row_shows_every_target_and_the_title_the_unit_round_off() -> None:
    title, *_, row, task = printed([checked(NUMPY, 2e-7), checked(JAX, 3.1e-8)]).splitlines()[1:]
    assert "float32 6.0e-08" in title
    assert (row.split(), task.split()) == (["linear[tiny]", "2.0e-07", "3.1e-08"], ["forward"])


def test_modes_of_one_error_share_a_line_and_are_named_where_others_differ() -> None:
    columns = [Column("tensorflow", "tensorflow", mode) for mode in ("eager", "graph", "xla")]
    lines = [checked(column, size) for column, size in zip(columns, (1e-7, 1e-7, 3e-7), strict=True)]
    text = printed(lines)
    assert "1.0e-07 eager, graph" in text
    assert "3.0e-07 xla" in text
    assert "eager" not in printed(lines[:2])


def test_a_variant_is_named_with_its_mode() -> None:
    other = Column("jax", "jax", "jit", "written_out")
    assert "1.0e-08 jit (written_out)" in printed([checked(JAX, 1e-7), checked(other, 1e-8)])


def test_what_is_not_finite_or_not_supported_is_said() -> None:
    unsupported = line(case("linear", "tiny"), JAX, status="unsupported", reason="no")
    text = printed([checked(NUMPY, None, "incorrect"), unsupported])
    assert "not finite" in text
    assert "unsupported" in text
