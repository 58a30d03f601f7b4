"""Targets: a framework in a Python interpreter. Looks at what is installed; never imports a framework."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

from suite.errors import UsageError, unknown

CONFIGURATION = "triptych.toml"
OLDEST = (3, 10)
"""The Python that a worker needs, at least."""
FRAMEWORKS = ("numpy", "pytorch", "tensorflow", "jax")

# What `import` and `pip install` call each framework.
MODULES = {"numpy": "numpy", "pytorch": "torch", "tensorflow": "tensorflow", "jax": "jax"}
PACKAGES = {"numpy": "numpy", "pytorch": "torch", "tensorflow": "tensorflow-cpu", "jax": "jax"}

# The distributions in which a framework comes; the first that is installed gives the version.
DISTRIBUTIONS = {"tensorflow": ("tensorflow", "tensorflow-cpu", "tensorflow-macos", "tf-nightly")}

# Asks another interpreter whether it finds a module, without importing it: 4 found, 3 not found. Not 0, with which programs
# that are no Python end as well.
_PROBE = """
import sys
import importlib.util
sys.path[:] = [folder for folder in sys.path if folder]
try:
    spec = importlib.util.find_spec(sys.argv[1])
except ValueError:
    spec = None
sys.exit(4 if spec is not None and spec.origin else 3)
"""
_PROBE_TIMEOUT_S = 30

# Whether a framework's build can use a GPU, by what it was installed as: 4 yes, 3 no.
_CUDA_PROBE = """
import sys
from importlib.metadata import distributions
versions = {(found.metadata["Name"] or "").lower().replace("_", "-"): found.version for found in distributions()}
able = {
    "numpy": False,
    "pytorch": not versions.get("torch", "").endswith("+cpu"),
    "tensorflow": "tensorflow" in versions,
    "jax": any(name.startswith("jax-cuda") for name in versions),
}
sys.exit(4 if able[sys.argv[1]] else 3)
"""
CUDA_PACKAGES = {"pytorch": "torch", "tensorflow": "'tensorflow[and-cuda]'", "jax": "'jax[cuda13]'"}


@dataclass(frozen=True)
class Target:
    """A framework in a named interpreter. `package` is the dotted package that implements it (`impls.pytorch`)."""

    name: str
    framework: str
    python: str
    package: str


def default_targets(frameworks: list[str]) -> list[Target]:
    """Each framework in the interpreter that runs Triptych."""
    return [Target(name, name, sys.executable, f"impls.{name}") for name in frameworks]


def named_targets(requests: list[str], frameworks: list[str], folder: Path) -> list[Target]:
    """The frameworks in other interpreters, each request `NAME=PATH` or a name from `triptych.toml` in `folder`.

    The path is that of a Python or of a virtual environment. Without `frameworks` each interpreter is asked for those that
    it has, NumPy aside. One that is named like a framework is asked for that alone. A target is called by its name, followed
    by the framework where there are several.

    Raises UsageError for what is no request, a name given twice, and an interpreter that is not there, does not work, is
    older than Python 3.10, or has none of the frameworks.
    """
    found: list[Target] = []
    for name, python in named_interpreters(requests, folder).items():
        asked = [name] if name in FRAMEWORKS else frameworks or _frameworks_in(python)
        if not asked:
            raise UsageError(f"target {name} has no framework: none is installed in {public_path(python)}")
        found += [Target(name if len(asked) == 1 else f"{name}-{f}", f, python, f"impls.{f}") for f in asked]
    return found


def given_name(target: str, framework: str) -> str:
    """The name that a target was asked for by: `old` where it is called `old-pytorch`."""
    return target.removesuffix(f"-{framework}")


def named_interpreters(requests: list[str], folder: Path) -> dict[str, str]:
    """The path of each interpreter by its name, for requests as `named_targets` takes them, which raise what it raises."""
    return {name: _python(name, path) for name, path in _paths(requests, folder).items()}


def _paths(requests: list[str], folder: Path) -> dict[str, str]:
    """Path by name. Raises UsageError."""
    paths: dict[str, str] = {}
    for request in requests:
        name, equals, path = request.partition("=")
        if not re.fullmatch(r"[A-Za-z0-9][\w.+]*", name) or (equals and not path):
            raise UsageError(f"'{request}' names no target; write NAME=path/to/python, or a name from {CONFIGURATION}")
        if name in paths:
            raise UsageError(f"target {name} is named twice")
        paths[name] = path if equals else _configured(name, folder)
    return paths


def _configured(name: str, folder: Path) -> str:
    """The path that `triptych.toml` has for `name`, relative to that file's folder."""
    file = folder / CONFIGURATION
    try:
        targets = tomllib.loads(file.read_text(encoding="utf-8")).get("targets", {})
    except FileNotFoundError:
        raise UsageError(
            f"target {name} has no path, and there is no {CONFIGURATION} here; write {name}=path"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{CONFIGURATION} is broken: {error}") from None
    if not isinstance(targets, dict) or not all(isinstance(path, str) for path in targets.values()):
        raise UsageError(f"[targets] in {CONFIGURATION} must be a table of paths")
    if name not in targets:
        raise unknown(f"target in {CONFIGURATION}", name, targets)
    return str(folder / Path(targets[name]).expanduser())


def _python(name: str, path: str) -> str:
    """The interpreter at `path`, asked for its version. Raises UsageError."""
    place = Path(interpreter(path)).absolute()
    python = str(place / "bin" / "python" if place.is_dir() else place)
    if python == sys.executable:
        return python
    answer = _ask(python, f"import sys; sys.exit(4 if sys.version_info >= {OLDEST} else 3)")
    if isinstance(answer, str):
        raise UsageError(f"target {name}: {answer}")
    if answer:
        raise UsageError(f"target {name}: {public_path(python)} is older than Python {OLDEST[0]}.{OLDEST[1]}")
    return python


def _frameworks_in(python: str) -> list[str]:
    """Those that it has, but NumPy, which all have."""
    targets = [Target(name, name, python, f"impls.{name}") for name in FRAMEWORKS if name != "numpy"]
    return [target.framework for target in targets if missing(target) is None]


def missing(target: Target) -> str | None:
    """Why the target cannot be measured, with the command that mends it; None where its module can be found."""
    return missing_module(target.python, MODULES[target.framework], PACKAGES[target.framework], target.framework)


def lacks_cuda(target: Target) -> str | None:
    """Why the target, which is installed, cannot use a GPU, with the command that mends it; None where its build can."""
    answer = _ask(target.python, _CUDA_PROBE, target.framework)
    if isinstance(answer, str) or not answer:
        return answer or None
    if target.framework not in CUDA_PACKAGES:
        return f"{target.name} computes on the CPU only"
    python = "" if target.python == sys.executable else f"{public_path(target.python)} -m "
    return f"{target.name} is built for the CPU only ({python}pip install {CUDA_PACKAGES[target.framework]})"


def missing_module(python: str, module: str, package: str, name: str) -> str | None:
    """Why `python` cannot import `module`, with the command that mends it; None where it finds it."""
    if python == sys.executable:
        return None if _is_installed(module) else f"{name} is not installed (pip install {package})"
    answer = _ask(python, _PROBE, module)
    if isinstance(answer, str):
        return answer
    shown = public_path(python)
    return f"{name} is not installed in {shown} ({shown} -m pip install {package})" if answer else None


def _ask(python: str, *words: str) -> bool | str:
    """Whether `python -c words …` says no, by ending with 3; a sentence where it does not even work."""
    shown = public_path(python)
    try:
        done = subprocess.run([python, "-c", *words], capture_output=True, text=True, timeout=_PROBE_TIMEOUT_S)
    except OSError as error:
        return f"{shown} cannot be started: {error.strerror}"
    except subprocess.TimeoutExpired:
        return f"{shown} did not answer within {_PROBE_TIMEOUT_S} s"
    if done.returncode in (4, 3):
        return done.returncode == 3
    return f"{shown} is no working Python: {(done.stderr.strip().splitlines() or ['it ended without a word'])[-1]}"


def installed_version(framework: str) -> str | None:
    """The version that the interpreter which runs Triptych has installed, read from the package's metadata."""
    for name in DISTRIBUTIONS.get(framework, (PACKAGES[framework],)):
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return None


def public_path(python: str) -> str:
    """An interpreter as it may be written into a record: `python` for the running one, `~` for the home folder."""
    home = os.path.expanduser("~")
    if python == sys.executable:
        return "python"
    return "~" + python[len(home) :] if len(home) > 1 and python.startswith(home + "/") else python


def interpreter(text: str) -> str:
    """The path that `public_path` wrote as `text`."""
    return sys.executable if text == "python" else os.path.expanduser(text)


def _is_installed(module: str) -> bool:
    try:
        spec = importlib.util.find_spec(module)
    except ValueError:  # a module that was imported without a specification, or blocked
        return False
    return spec is not None and spec.origin is not None  # without an origin: a mere folder of that name
