"""The interpreter: its version, and how it was built."""

from __future__ import annotations

from suite.doctor.facts import Facts
from suite.doctor.finding import Finding

OLDEST = (3, 11)


def version(facts: Facts) -> list[Finding]:
    """Triptych runs on it at all."""
    found = facts.environment["python"]["version"]
    oldest = ".".join(str(part) for part in OLDEST)
    why = f"Triptych needs Python {oldest} or later"
    if tuple(int(part) for part in found.split(".")[:2]) < OLDEST:
        return [Finding("failure", "python", found, why, f"install Python {oldest}")]
    return [Finding("ok", "python", found, why)]


def build(facts: Facts) -> list[Finding]:
    """It is not a build for those who work on Python itself."""
    python = facts.environment["python"]
    why = "every call passes through the interpreter: a slow one makes eager modes look worse than they are"
    if python["debug"]:
        found = f"{python['compiler']}, with the checks of a debug build"
        return [Finding("failure", "python build", found, why, "use a Python that was built without --with-pydebug")]
    if python["optimised"] is False:
        remedy = "use a Python that was built with --enable-optimizations"
        return [
            Finding(
                "warning", "python build", f"{python['compiler']}, without profile-guided optimisation", why, remedy
            )
        ]
    return [
        Finding("ok", "python build", f"{python['compiler']}{', profile-guided' if python['optimised'] else ''}", why)
    ]


CHECKS = (version, build)
