"""Who else wants the processor."""

from __future__ import annotations

from suite.doctor.facts import BUSY_SHARE, Facts
from suite.doctor.finding import Finding
from suite.doctor.machine import NOT_TOLD

BUSY_LOAD = 0.5
"""Load per allowed CPU above which others visibly disturb the measurement."""
TAKEN_SHARE = 0.5
"""Of the allowed CPUs' time. Where others take more, threads of a call that wait for each other wait for these others."""


def average(facts: Facts) -> list[Finding]:
    """How many programs wanted to run, over the last minute."""
    averages, cpus = facts.environment["load"], len(facts.environment["cpu"]["allowed"])
    why = "what else runs here takes time from the samples"
    if averages is None:
        return [Finding("ok", "load", NOT_TOLD, why)]
    found = f"{averages[0]:.2f} over the last minute, on {cpus} CPU{'s' if cpus > 1 else ''}"
    if averages[0] > BUSY_LOAD * cpus:
        return [Finding("warning", "load", found, why, "wait, or stop what runs: top -o %CPU")]
    return [Finding("ok", "load", found, why)]


def others(facts: Facts) -> list[Finding]:
    """Who takes processor time at this moment."""
    cpus = len(facts.environment["cpu"]["allowed"])
    names = ", ".join(f"{name} {share:.0%}" for name, share in facts.busy)
    found = f"{facts.taken:.1f} of {cpus} CPUs taken{f', by {names}' if names else ''}"
    remedy = "stop them, or wait until they have ended; what runs outside of a container is only seen outside"
    if facts.taken > TAKEN_SHARE * cpus:
        why = "threads that wait for each other wait for those that are kept waiting: who uses more threads loses more"
        return [Finding("failure", "other processes", found, why, remedy)]
    why = f"what uses more than {BUSY_SHARE:.0%} of a core shows in the samples"
    if facts.busy or facts.taken > BUSY_SHARE:
        return [Finding("warning", "other processes", found, why, remedy)]
    return [Finding("ok", "other processes", "none that shows", why)]


CHECKS = (average, others)
