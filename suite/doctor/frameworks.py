"""The frameworks: how they were built, what they really use of the processor, and whether all do so alike."""

from __future__ import annotations

from collections.abc import Sequence

from suite.doctor.asking import Report
from suite.doctor.facts import Facts
from suite.doctor.finding import Finding, in_brackets
from suite.targets import PACKAGES

WIDEST = ("avx2", "avx512", "amx")
"""What x86 processors multiply matrices with, ascending."""
WIDE_OPENBLAS = ("SkylakeX", "Cooperlake", "SapphireRapids")
"""Kernels of OpenBLAS that use AVX-512."""
FLUSHES = {"numpy": False, "pytorch": False, "tensorflow": True, "jax": True}
"""Whether numbers below the smallest normal one become 0 of themselves: so it was in the versions of constraints.txt."""


def installed(facts: Facts) -> list[Finding]:
    """Every framework is there, and starts under the conditions of a run; with its version and build."""
    findings = []
    for name, missing in facts.frameworks.items():
        report = facts.reports.get(name)
        if missing:
            why = "its cells will be unavailable; the others are still compared"
            findings.append(Finding("warning", name, "not installed", why, in_brackets(missing)))
        elif isinstance(report, str):
            why = "it is installed, and yet cannot be compared: its cells will be unavailable"
            remedy = (
                f"pip install --force-reinstall {_package(name)}, or unset what sets its threads: env | grep THREAD"
            )
            findings.append(Finding("failure", name, report, why, remedy))
        else:
            findings.append(_build(name, facts.versions[name], report))
    if facts.frameworks and all(facts.frameworks.values()):
        install = f"pip install {' '.join(PACKAGES[name] for name in PACKAGES if name in facts.frameworks)}"
        findings.append(Finding("failure", "frameworks", "none", "there is nothing to measure", install))
    return findings


def _build(name: str, version: str | None, report: Report | None) -> Finding:
    words = [version or "installed, version unknown"]
    build = report.build if report else {}
    words += [f"{build['device']} build"] if "device" in build else []
    flags = [flag for flag in build.get("flags", "").split() if flag.startswith(("-O", "-m", "-ffast"))]
    words += [" ".join([build["compiler"], *flags])] if "compiler" in build else []
    words += [build["type"]] if "type" in build else []
    why = "figures hold for this version and build"
    if build.get("type", "Release") == "Debug":
        slow = "a debug build checks and does not optimise: it is slower than what its users have"
        return Finding("failure", name, ", ".join(words), slow, f"pip install --force-reinstall {_package(name)}")
    return Finding("ok", name, ", ".join(words), why)


def compiler(facts: Facts) -> list[Finding]:
    """torch.compile finds a compiler."""
    if "pytorch" not in facts.frameworks or facts.frameworks["pytorch"]:
        return []
    why = "torch.compile writes C++ for the CPU; without a compiler its cells fail"
    if facts.compiler:
        return [Finding("ok", "C++ compiler", facts.compiler, why)]
    install = "xcode-select --install" if facts.environment["system"]["name"] == "Darwin" else "apt install g++"
    return [Finding("warning", "C++ compiler", "none", why, f"{install}, or set CXX to the compiler's path")]


def threads(facts: Facts) -> list[Finding]:
    """Each framework computes with as many threads as it was given, counted while it does."""
    reports = _reports(facts)
    counted = {name: report.threads_at_work for name, report in reports.items() if report.threads_at_work is not None}
    if not counted:
        return []
    asked = f"{facts.threads} asked for; at work: {_listing(counted)}"
    why = "who computes with fewer threads than the others is slower for that alone; one who hands out work may come on top"
    if few := [name for name, count in counted.items() if count < facts.threads]:
        remedy = (
            f"unset OMP_THREAD_LIMIT and OMP_DYNAMIC, or ask all for what {', '.join(few)} can do: "
            f"triptych run --threads {min(counted.values())}"
        )
        return [Finding("failure", "threads at work", asked, why, remedy)]
    return [Finding("ok", "threads at work", asked, why)]


def instructions(facts: Facts) -> list[Finding]:
    """The libraries below the frameworks use the widest instructions that the processor has."""
    has = _widest(facts.environment["cpu"]["flags"] or [])
    why = "a library that uses narrower instructions than the others is slower for that alone"
    findings = []
    for name, report in _reports(facts).items():
        used = _used(report)
        if not used:
            continue
        found, subject = "; ".join(f"{library} {of}" for library, of in used.items()), f"{name} kernels"
        behind = [library for library, of in used.items() if _is_behind(library, of, has)]
        if behind == ["OpenBLAS"] and "OPENBLAS_CORETYPE" not in facts.environment["variables"]:
            unknown = f"OpenBLAS does not know this processor, which has {has}; all who use this build have that"
            findings.append(Finding("warning", subject, found, unknown, "pip install --upgrade numpy"))
        elif behind:
            remedy = "env | grep -E 'ISA|ATEN|OPENBLAS', and unset what keeps it from them"
            findings.append(Finding("failure", subject, f"{found}, where the CPU has {has}", why, remedy))
        else:
            findings.append(Finding("ok", subject, found, why))
    return findings


def _used(report: Report) -> dict[str, str]:
    """By library, what it says that it computes with."""
    chosen = report.chosen
    found = {
        "own": report.build.get("instructions"),
        "OpenBLAS": _joined("for", None, chosen.get("openblas_kernels")),
        "oneDNN": _joined("with", chosen.get("onednn"), chosen.get("onednn_instructions")),
        "MKL": _joined("for", chosen.get("mkl"), chosen.get("mkl_instructions")),
    }
    return {library: text for library, text in found.items() if text}


def _joined(word: str, version: str | None, instructions: str | None) -> str | None:
    """`3.12.0 with AVX2`; None where nothing was said of instructions."""
    return " ".join(part for part in (version, word, instructions) if part) if instructions else None


def _widest(flags: Sequence[str]) -> str | None:
    return next((name for name in reversed(WIDEST) if any(flag.startswith(name) for flag in flags)), None)


def _is_behind(library: str, text: str, has: str | None) -> bool:
    """Whether a library that describes itself so uses less than `has`.

    AMX is for halves alone, so AVX-512 is as good. MKL names no instructions for other processors than Intel's.
    """
    if has not in WIDEST or library == "MKL":
        return False
    if library == "OpenBLAS":
        return has != "avx2" and not any(kernels in text for kernels in WIDE_OPENBLAS)
    words = text.lower().replace("-", "").replace("x86_v4", "avx512").replace("x86_v3", "avx2")
    used = [rank for rank, name in enumerate(WIDEST) if name in words]
    return max(used, default=-1) < min(WIDEST.index(has), WIDEST.index("avx512"))


def rounding(facts: Facts) -> list[Finding]:
    """float32 is computed as float32, found by computing sums that show how their factors were rounded."""
    return rounding_on("cpu", facts.reports)


def rounding_on(device: str, reports: dict[str, Report | str]) -> list[Finding]:
    """The same of these reports, told by those of a GPU as well."""
    told = {name: r.rounding for name, r in reports.items() if isinstance(r, Report) and r.rounding is not None}
    wrong = {name: proof["sentence"] for name, proof in told.items() if not proof["passed"]}
    why = "a product of factors rounded to 10 bits is faster, and no float32"
    subject = f"float32 on {device}"
    if wrong:
        found = "; ".join(f"{name}: {sentence}" for name, sentence in wrong.items())
        remedy = "unset NVIDIA_TF32_OVERRIDE, ONEDNN_DEFAULT_FPMATH_MODE and the like: env | grep -E 'TF32|FPMATH'"
        return [Finding("failure", subject, found, why, remedy)]
    return [Finding("ok", subject, f"not rounded in {', '.join(told)}, by computing", why)] if told else []


def denormals(facts: Facts) -> list[Finding]:
    """Numbers below the smallest normal one are flushed to 0 by those frameworks only that do so of themselves."""
    told = {
        name: bool(r.settings["flush_denormals"])
        for name, r in _reports(facts).items()
        if "flush_denormals" in r.settings
    }
    if not told:
        return []
    groups = {
        word: [name for name in told if told[name] is flushed] for word, flushed in (("kept", False), ("flushed", True))
    }
    found = "; ".join(f"{word} in {', '.join(names)}" for word, names in groups.items() if names)
    changed = [name for name, flushes in told.items() if FLUSHES.get(name, flushes) is not flushes]
    why = "below 1.2e-38 results differ, and whoever keeps such numbers computes with them many times slower"
    if changed:
        why = f"{', '.join(changed)} did otherwise when it was tried; results below 1.2e-38 are not those of its users"
        remedy = "look for what switches the processor's mode: LD_PRELOAD, or a library built with -ffast-math"
        return [Finding("warning", "denormals", found, why, remedy)]
    return [Finding("ok", "denormals", found, why)]


def _reports(facts: Facts) -> dict[str, Report]:
    return {name: report for name, report in facts.reports.items() if isinstance(report, Report)}


def _package(name: str) -> str:
    return PACKAGES.get(name, name)


def _listing(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())


CHECKS = (installed, compiler, threads, instructions, rounding, denormals)
