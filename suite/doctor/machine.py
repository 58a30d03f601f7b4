"""What the processor, the memory and the control group allow, and how steadily."""

from __future__ import annotations

from suite.doctor.facts import Facts
from suite.doctor.finding import Finding, Level, gib
from suite.idling import DEVICE, KEPT_AWAKE, MAY_SLEEP

LEAST_MEMORY_BYTES = 4 * 2**30
"""The four workers of a case, one framework each, together with the largest problem of the quick profile."""
SWAPPED_BYTES = 2**28
"""Less than this in swap is what nobody has wanted since the system started."""
STOLEN_SHARE = 0.02
"""Share of the time that a host may give to others before it shows in the samples."""
NOT_TOLD = "not to be read here"


def processor(facts: Facts) -> list[Finding]:
    """Which processor this is, and which of its instructions frameworks choose their kernels by."""
    cpu = facts.environment["cpu"]
    clock = f", {cpu['frequency_mhz']:.0f} MHz now" if cpu["frequency_mhz"] else ""
    why = "figures hold for this processor; libraries choose their kernels by its instructions"
    model = Finding("ok", "device cpu", f"{cpu['model'] or 'CPU of unknown model'}{clock}", why)
    return [model, Finding("ok", "CPU features", " ".join(cpu["flags"] or []) or NOT_TOLD, why)]


def threads(facts: Facts) -> list[Finding]:
    """As many threads as are asked for get a CPU each."""
    cpu = facts.environment["cpu"]
    allowed, logical = len(cpu["allowed"]), cpu["logical_cores"] or len(cpu["allowed"])
    quota = facts.environment["limits"]["cpus"]
    if quota is not None and quota < allowed:
        fitting = max(1, int(quota))
        why = (
            f"{allowed} threads are stopped for the rest of each period once they have used the quota up: "
            "whoever uses more of them is slowed down more"
        )
        remedy = f"triptych run --threads {fitting}, or start the container with a quota of {allowed} CPUs"
        return [Finding("failure", "threads", f"{allowed} CPUs under a quota of {quota:g}", why, remedy)]
    why = "each framework gets one thread for each CPU that this process may use, unless --threads says otherwise"
    found = f"{allowed} of {logical} CPUs may be used" if allowed < logical else f"{allowed} CPU{'s'[: allowed - 1]}"
    return [Finding("ok", "threads", found, why)]


def hyper_threads(facts: Facts) -> list[Finding]:
    """No two of the CPUs are one core."""
    cpu = facts.environment["cpu"]
    why = "two threads on one core share its units: times vary more, and rarely get shorter"
    cores = [_numbers(text) for text in cpu["siblings"] or []]
    if not any(len(core & set(cpu["allowed"])) > 1 for core in cores):
        return [Finding("ok", "hyper-threads", "one thread a core" if cores else NOT_TOLD, why)]
    first = sorted(min(core & set(cpu["allowed"])) for core in cores)
    found = f"{len(cpu['allowed'])} hardware threads on {len(cores)} cores"
    remedy = f"taskset -c {','.join(map(str, first))} triptych run …"
    return [Finding("warning", "hyper-threads", found, why, remedy)]


def governor(facts: Facts) -> list[Finding]:
    """The clock does not wait for load."""
    name = facts.environment["cpu"]["governor"]
    why = "where the clock follows the load, short samples after a pause run slower"
    if name in (None, "performance"):
        return [Finding("ok", "governor", name or NOT_TOLD, why)]
    return [Finding("warning", "governor", name, why, "sudo cpupower frequency-set --governor performance")]


def turbo(facts: Facts) -> list[Finding]:
    """Whether the clock depends on temperature and on how many cores work."""
    on = facts.environment["cpu"]["turbo"]
    why = "with turbo the clock depends on heat and on how many cores work; rounds balance it, absolute times vary"
    if not on:
        return [Finding("ok", "turbo", NOT_TOLD if on is None else "off", why)]
    files = "echo 1 to intel_pstate/no_turbo, or 0 to cpufreq/boost, under /sys/devices/system/cpu"
    return [Finding("ok", "turbo", "on", why, f"for steadier absolute times, as root: {files}")]


def sleep(facts: Facts) -> list[Finding]:
    """Idle cores answer at once."""
    cores = facts.environment["cpu"]["idle_cores"]
    why = "waking a core takes as long as a short call, so that calls that threads share take now this long, now that"
    if cores != MAY_SLEEP:
        return [Finding("ok", "idle cores", f"{KEPT_AWAKE} while a run measures" if cores else NOT_TOLD, why)]
    remedy = f"let runs keep them awake: sudo chmod o+w /{DEVICE}"
    return [Finding("warning", "idle cores", "may fall asleep", why, remedy)]


def hypervisor(facts: Facts) -> list[Finding]:
    """Whether there are neighbours on the same host, and what they take right now."""
    name, stolen = facts.environment["cpu"]["hypervisor"], facts.stolen
    why = "neighbours on the same host take time away; samples carry how much, where the host tells"
    if name is None:
        return [Finding("ok", "virtual machine", "none that shows", why)]
    words = "yes" if name == "unknown" else name
    remedy = "use more launches, or a machine of your own"
    if stolen > STOLEN_SHARE:
        found = f"{words}, whose host gives {stolen:.0%} of the time to others"
        return [Finding("warning", "virtual machine", found, why, remedy)]
    return [Finding("ok", "virtual machine", words, why, remedy)]


def memory_limit(facts: Facts) -> list[Finding]:
    """The control group leaves room for the workers."""
    limit, total = facts.environment["limits"]["memory_bytes"], facts.environment["memory"]["total_bytes"]
    why = "workers that exceed the limit are killed by the system"
    if limit is None or (total is not None and limit >= total):
        return [Finding("ok", "memory limit", "none by control group", why)]
    level: Level = "warning" if limit < LEAST_MEMORY_BYTES else "ok"
    found = f"{gib(limit)} of {gib(total)} by control group" if total else f"{gib(limit)} by control group"
    remedy = f"start the container with {gib(LEAST_MEMORY_BYTES)} or more, or choose smaller problems"
    return [Finding(level, "memory limit", found, why, remedy if level == "warning" else "")]


def memory(facts: Facts) -> list[Finding]:
    """The workers of a case fit in what is free."""
    available = facts.environment["memory"]["available_bytes"]
    why = "where the frameworks' workers do not fit together, the system swaps or kills them"
    if available is None:
        return [Finding("ok", "memory", NOT_TOLD, why)]
    if available < LEAST_MEMORY_BYTES:
        remedy = "close what uses memory (top -o %MEM), or compare fewer frameworks at a time with --framework"
        return [Finding("warning", "memory", f"{gib(available)} available", why, remedy)]
    return [Finding("ok", "memory", f"{gib(available)} available", why)]


def swap(facts: Facts) -> list[Finding]:
    """Nothing has been written out that may be wanted again."""
    used = facts.environment["memory"]["swap_used_bytes"]
    why = "pages that come back from the disk in the middle of a sample make it many times longer"
    if used is None or used < SWAPPED_BYTES:
        return [Finding("ok", "swap", "not in use" if used is not None else NOT_TOLD, why)]
    return [Finding("warning", "swap", f"{gib(used)} in use", why, "sudo swapoff --all && sudo swapon --all")]


def _numbers(text: str) -> set[int]:
    """The CPUs that `0-1,4` names."""
    bounds = [part.split("-") for part in text.split(",")]
    return {cpu for pair in bounds for cpu in range(int(pair[0]), int(pair[-1]) + 1)}


CHECKS = (
    *(processor, threads, hyper_threads, governor, turbo, sleep, hypervisor),
    *(memory_limit, memory, swap),
)
