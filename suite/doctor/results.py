"""Where results go, and how small a difference they can show."""

from __future__ import annotations

from suite import calibration
from suite.doctor.facts import Facts
from suite.doctor.finding import Finding


def noise_floor(facts: Facts) -> list[Finding]:
    """It is known how small a difference can be told here."""
    why = "without it a report cannot say how small a difference this machine can tell"
    known = facts.calibration
    if known is None:
        return [Finding("warning", "noise floor", "not known", why, "triptych calibrate")]
    here = calibration.conditions(facts.environment, facts.threads)
    if changed := calibration.differing(known, here):
        found = f"not known any more: {'; '.join(changed)}"
        return [Finding("warning", "noise floor", found, why, "triptych calibrate")]
    floors = ", ".join(f"{100 * known.floor(launches):.2g} % in {launches} launches" for launches in (5, 10))
    return [Finding("ok", "noise floor", f"{floors}, found {known.created[:10]}", why)]


def folder(facts: Facts) -> list[Finding]:
    """Records can be kept."""
    why = "a run that could not keep its records would have been for nothing"
    if facts.folder_error is None:
        return [Finding("ok", "results folder", facts.folder, why)]
    found = f"{facts.folder} cannot be written: {facts.folder_error}"
    return [Finding("failure", "results folder", found, why, "triptych run --output DIR")]


CHECKS = (noise_floor, folder)
