"""Targets: a framework in a Python interpreter. Looks at what is installed; never imports a framework."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import subprocess
import sys
from dataclasses import dataclass

FRAMEWORKS = ("numpy", "pytorch", "tensorflow", "jax")

# What `import` and `pip install` call each framework.
MODULES = {"numpy": "numpy", "pytorch": "torch", "tensorflow": "tensorflow", "jax": "jax"}
PACKAGES = {"numpy": "numpy", "pytorch": "torch", "tensorflow": "tensorflow-cpu", "jax": "jax"}

# The distributions in which a framework comes; the first that is installed gives the version.
DISTRIBUTIONS = {"tensorflow": ("tensorflow", "tensorflow-cpu", "tensorflow-macos", "tf-nightly")}

# Asks another interpreter whether it finds a module, without importing it: 0 found, 3 not found.
_PROBE = """
import sys
import importlib.util
sys.path[:] = [folder for folder in sys.path if folder]
try:
    spec = importlib.util.find_spec(sys.argv[1])
except ValueError:
    spec = None
sys.exit(0 if spec is not None and spec.origin else 3)
"""
_PROBE_TIMEOUT_S = 30


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


def missing(target: Target) -> str | None:
    """Why the target cannot be measured, with the command that mends it; None where its module can be found."""
    module = MODULES[target.framework]
    install = f"pip install {PACKAGES[target.framework]}"
    if target.python == sys.executable:
        return None if _is_installed(module) else f"{target.framework} is not installed ({install})"
    shown = public_path(target.python)
    try:
        probe = subprocess.run(
            [target.python, "-c", _PROBE, module], capture_output=True, text=True, timeout=_PROBE_TIMEOUT_S
        )
    except OSError as error:
        return f"{shown} cannot be started: {error.strerror}"
    except subprocess.TimeoutExpired:
        return f"{shown} did not answer within {_PROBE_TIMEOUT_S} s"
    if probe.returncode == 0:
        return None
    if probe.returncode == 3:
        return f"{target.framework} is not installed in {shown} ({shown} -m {install})"
    return f"{shown} is no working Python: {(probe.stderr.strip().splitlines() or ['it ended without a word'])[-1]}"


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
