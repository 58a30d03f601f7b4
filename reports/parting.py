"""Where two frameworks part, within a training step or from step to step, as a table and a sentence."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from reports.format import clean, error, listing
from suite.divergence import Divergence, Drift, Layer

GROWTH = 10.0
"""A layer whose difference is so many times that of the layer before it is shown even where both are within their
budgets."""


def table(found: Divergence, everything: bool = False) -> RenderableType:
    """The sentence; then the layers where the difference grows and those beyond their budgets, or all."""
    rows = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("layer", "pass", *(f"error of {name}" for name in found.targets), "difference", "budget"):
        rows.add_column(heading, overflow="fold")
    shown = found.layers if everything else _notable(found.layers)
    for layer in shown:
        words = [layer.name, "backward" if layer.backward else "forward"]
        words += [error(value) for value in (*layer.errors.values(), layer.difference, layer.budget)]
        rows.add_row(*(Text(clean(word), style="bold red" if layer.beyond else "") for word in words))
    left_out = len(found.layers) - len(shown)
    ending = [Text(f"{left_out} layers more, where it grows little (--all)")] if left_out else []
    return Group(Text(clean(sentence(found))), Text(), rows, *ending)


def sentence(found: Divergence) -> str:
    """Where they part, and who is further from the oracle there."""
    one, other = found.targets
    first = found.first
    if first is None:
        return f"{found.case.text}: {one} and {other} agree in all {len(found.layers)} layers, within rounding"
    where = f"{'backward' if first.backward else 'forward'} through {first.name}"
    blamed = f"; of the two, {listing(found.suspects)} parts from the oracle there" if found.suspects else ""
    return (
        f"{found.case.text}: {one} and {other} part {where}: they differ by {error(first.difference)}, "
        f"and rounding explains {error(first.budget)}{blamed}"
    )


def steps_table(found: Drift) -> RenderableType:
    """The sentence; then what each step did."""
    rows = Table(box=None, pad_edge=False, header_style="bold")
    for heading in (
        "step",
        *(f"loss of {name}" for name in found.targets),
        "difference",
        "in float64",
        "expected",
        "allowed",
    ):
        rows.add_column(heading, overflow="fold")
    for step in found.steps:
        words = [str(step.number), *(f"{loss:.8g}" for loss in step.losses.values())]
        words += [error(value) for value in (step.difference, step.exact, step.expected, step.allowed)]
        rows.add_row(*(Text(clean(word), style="bold red" if step.beyond else "") for word in words))
    return Group(Text(clean(steps_sentence(found))), Text(), rows)


def steps_sentence(found: Drift) -> str:
    one, other = found.targets
    first, last = found.first, found.steps[-1]
    if first is not None:
        where = f"{found.case.text}: the parameters of {one} and {other} part in step {first.number}"
        if first.parts_exactly:
            return f"{where}: they differ by {error(first.exact)} even in float64"
        return (
            f"{where}: they differ by {error(first.difference)}, where the difference in float64 lets "
            f"{error(first.expected)} be expected"
        )
    return (
        f"{found.case.text}: after {len(found.steps)} steps the parameters of {one} and {other} differ by "
        f"{error(last.difference)}, within what rounding explains"
    )


def steps_as_json(found: Drift) -> dict[str, object]:
    return {
        "case": found.case.text,
        "between": list(found.targets),
        "first": None if found.first is None else found.first.number,
        "steps": [
            {
                "step": step.number,
                "losses": dict(step.losses),
                "difference": step.difference,
                "float64": step.exact,
                "expected": step.expected,
                "allowed": step.allowed,
                "beyond": step.beyond,
            }
            for step in found.steps
        ],
    }


def as_json(found: Divergence) -> dict[str, object]:
    return {
        "case": found.case.text,
        "between": list(found.targets),
        "first": None if found.first is None else _as_json(found.first),
        "suspects": found.suspects,
        "layers": [_as_json(layer) for layer in found.layers],
    }


def _as_json(layer: Layer) -> dict[str, object]:
    return {
        "layer": layer.name,
        "backward": layer.backward,
        "errors": dict(layer.errors),
        "difference": layer.difference,
        "budget": layer.budget,
        "beyond": layer.beyond,
    }


def _notable(layers: list[Layer]) -> list[Layer]:
    """The first and the last of each pass, those beyond their budgets, and those where the difference grows."""
    shown = []
    for number, layer in enumerate(layers):
        before = layers[number - 1] if number and layers[number - 1].backward == layer.backward else None
        ends = before is None or number + 1 == len(layers) or layers[number + 1].backward != layer.backward
        grows = before is not None and layer.difference > GROWTH * max(before.difference, 1e-300)
        if ends or grows or layer.beyond:
            shown.append(layer)
    return shown
