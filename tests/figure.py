"""What the project's benchmark of itself prints."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One line of output; `target` is the most that `value` may be, or None where the figure is for information."""

    name: str
    value: float
    unit: str
    target: float | None

    @property
    def line(self) -> str:
        return f"{self.name} {self.value:.3g} {self.unit} {'-' if self.target is None else f'<={self.target:g}'}"

    @property
    def met(self) -> bool:
        return self.target is None or self.value <= self.target
