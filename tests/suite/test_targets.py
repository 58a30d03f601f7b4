from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from suite import targets
from suite.errors import UsageError
from suite.targets import (
    FRAMEWORKS,
    MODULES,
    PACKAGES,
    Target,
    default_targets,
    installed_version,
    interpreter,
    lacks_cuda,
    missing,
    named_targets,
    public_path,
)


def target(python: str = sys.executable, framework: str = "numpy") -> Target:
    return Target("it", framework, python, f"impls.{framework}")


@pytest.fixture
def script(tmp_path):
    """A function that makes an executable which stands for an interpreter."""

    def make(body: str) -> str:
        path = tmp_path / "python"
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return str(path)

    return make


def test_every_framework_has_a_module_and_a_package():
    assert set(MODULES) == set(PACKAGES) == set(FRAMEWORKS)


def test_default_targets_carry_the_frameworks_name():
    assert default_targets(["jax"]) == [Target("jax", "jax", sys.executable, "impls.jax")]


def test_an_installed_framework_is_not_missing():
    assert missing(target()) is None


def test_a_framework_that_is_not_installed_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(targets.MODULES, "pytorch", "no_such_module")
    assert missing(target(framework="pytorch")) == "pytorch is not installed (pip install torch)"


def test_a_target_named_like_a_framework_is_measured_with_that_alone(tmp_path):
    found = named_targets([f"numpy={sys.executable}", f"it={sys.executable}"], ["jax"], tmp_path)
    assert [(one.name, one.framework) for one in found] == [("numpy", "numpy"), ("it", "jax")]


@pytest.mark.parametrize(
    ("framework", "packages", "words"),
    [
        ("pytorch", {"torch": "2.13.0+cpu"}, "it is built for the CPU only (pip install torch)"),
        ("pytorch", {"torch": "2.13.0"}, None),
        (
            "tensorflow",
            {"tensorflow_cpu": "2.21.0"},
            "it is built for the CPU only (pip install 'tensorflow[and-cuda]')",
        ),
        ("tensorflow", {"tensorflow": "2.21.0"}, None),
        ("jax", {"jax": "0.10", "jaxlib": "0.10"}, "it is built for the CPU only (pip install 'jax[cuda13]')"),
        ("jax", {"jax": "0.10", "jax_cuda13_plugin": "0.10"}, None),
        ("numpy", {"numpy": "2.4"}, "it computes on the CPU only"),
    ],
)
def test_what_a_framework_was_installed_as_tells_whether_it_can_use_a_gpu(
    monkeypatch, tmp_path, framework, packages, words
):
    for name, version in packages.items():
        folder = tmp_path / f"{name}-{version}.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    monkeypatch.setattr(
        targets,
        "_CUDA_PROBE",
        f"import sys; sys.path[:] = [p for p in sys.path if 'site-packages' not in p] + [{str(tmp_path)!r}]\n"
        + targets._CUDA_PROBE,
    )
    assert lacks_cuda(target(framework=framework)) == words


def test_the_command_that_mends_a_build_is_for_its_own_interpreter(script):
    python = script("exit 3")
    assert lacks_cuda(target(python, "jax")) == f"it is built for the CPU only ({python} -m pip install 'jax[cuda13]')"


def test_a_folder_of_the_same_name_is_no_framework(monkeypatch, tmp_path):
    (tmp_path / "empty_folder").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(targets.MODULES, "jax", "empty_folder")
    assert missing(target(framework="jax")) == "jax is not installed (pip install jax)"


def test_looking_does_not_import(monkeypatch, tmp_path):
    (tmp_path / "loud_module.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(targets.MODULES, "jax", "loud_module")
    assert missing(target(framework="jax")) is None


def test_another_interpreter_is_asked_itself(tmp_path, monkeypatch):
    link = tmp_path / "other"
    link.symlink_to(os.path.realpath(sys.executable))
    monkeypatch.setitem(targets.MODULES, "jax", "json")
    assert missing(target(str(link), "jax")) is None
    monkeypatch.setitem(targets.MODULES, "jax", "no_such_module")
    assert missing(target(str(link), "jax")) == f"jax is not installed in {link} ({link} -m pip install jax)"


def test_another_interpreter_does_not_take_a_folder_for_a_framework(tmp_path, monkeypatch):
    link = tmp_path / "other"
    link.symlink_to(os.path.realpath(sys.executable))
    (tmp_path / "jax_folder").mkdir()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setitem(targets.MODULES, "jax", "jax_folder")
    assert "is not installed" in str(missing(target(str(link), "jax")))


def test_an_interpreter_that_is_not_there_is_named():
    assert missing(target("/no/such/python")) == "/no/such/python cannot be started: No such file or directory"


def test_an_interpreter_that_fails_is_quoted_with_its_last_line(script):
    python = script("echo first >&2; echo 'no module named encodings' >&2; exit 1")
    assert missing(target(python)) == f"{python} is no working Python: no module named encodings"


def test_an_interpreter_that_does_not_answer_is_given_up(script, monkeypatch):
    monkeypatch.setattr(targets, "_PROBE_TIMEOUT_S", 0.05)
    python = script("exec sleep 5")
    assert missing(target(python)) == f"{python} did not answer within 0.05 s"


def test_the_version_comes_from_the_metadata():
    import numpy

    assert installed_version("numpy") == numpy.__version__


def test_what_is_not_installed_has_no_version(monkeypatch):
    monkeypatch.setitem(targets.PACKAGES, "jax", "no-such-package-anywhere")
    assert installed_version("jax") is None


def test_paths_are_written_without_the_home_folder_and_found_again(monkeypatch):
    monkeypatch.setenv("HOME", "/home/somebody")
    for path in (sys.executable, "/home/somebody/old/bin/python", "/usr/bin/python3"):
        assert interpreter(public_path(path)) == path
    assert public_path("/home/somebody/old/bin/python") == "~/old/bin/python"
    assert public_path("/home/somebody_else/bin/python") == "/home/somebody_else/bin/python"
    assert public_path(sys.executable) == "python"


def test_without_a_home_folder_paths_stay_as_they_are(monkeypatch):
    monkeypatch.setattr(os.path, "expanduser", lambda text: text)
    assert public_path("/usr/bin/python3") == "/usr/bin/python3"
    assert interpreter(str(Path("/usr/bin/python3"))) == "/usr/bin/python3"


# Named targets


@pytest.fixture
def other(tmp_path) -> Path:
    """A second interpreter: another way to the running one, without its packages."""
    link = tmp_path / "env" / "bin" / "python"
    link.parent.mkdir(parents=True)
    link.symlink_to(os.path.realpath(sys.executable))
    return link


def refusal(*requests, frameworks=("jax",), folder=Path("/nowhere")) -> str:
    with pytest.raises(UsageError) as error:
        named_targets(list(requests), list(frameworks), folder)
    return str(error.value)


def test_a_named_target_is_a_framework_in_that_interpreter(tmp_path, other):
    [found] = named_targets([f"old={other}"], ["jax"], tmp_path)
    assert found == Target("old", "jax", str(other), "impls.jax")


def test_the_folder_of_a_virtual_environment_will_do(tmp_path, other):
    [found] = named_targets([f"old={tmp_path / 'env'}"], ["jax"], tmp_path)
    assert found.python == str(other)


def test_of_several_frameworks_each_carries_its_name(tmp_path, other):
    found = named_targets([f"old={other}", f"new={sys.executable}"], ["jax", "pytorch"], tmp_path)
    assert [target.name for target in found] == ["old-jax", "old-pytorch", "new-jax", "new-pytorch"]
    assert found[2].python == sys.executable


def test_without_frameworks_an_interpreter_is_asked_for_those_that_it_has(tmp_path, other, monkeypatch):
    monkeypatch.setitem(targets.MODULES, "tensorflow", "json")
    for name in ("pytorch", "jax"):
        monkeypatch.setitem(targets.MODULES, name, "no_such_module")
    assert [target.framework for target in named_targets([f"old={other}"], [], tmp_path)] == ["tensorflow"]
    monkeypatch.setitem(targets.MODULES, "tensorflow", "no_such_module")
    assert refusal(f"old={other}", frameworks=[]) == f"target old has no framework: none is installed in {other}"


def test_a_name_without_a_path_is_looked_up_in_the_configuration(tmp_path, other):
    (tmp_path / "triptych.toml").write_text('[targets]\nold = "env"\n')
    [found] = named_targets(["old"], ["jax"], tmp_path)
    assert found.python == str(other)
    assert refusal("odl", folder=tmp_path) == "there is no target in triptych.toml 'odl'; did you mean 'old'?"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[targets", "triptych.toml is broken"),
        ("targets = 3", "[targets] in triptych.toml must be a table of paths"),
        ("[targets]\nold = 3", "[targets] in triptych.toml must be a table of paths"),
    ],
)
def test_a_configuration_that_is_not_as_it_must_be_is_refused(tmp_path, text, words):
    (tmp_path / "triptych.toml").write_text(text)
    assert words in refusal("old", folder=tmp_path)


@pytest.mark.parametrize(
    ("request_text", "words"),
    [
        ("=python", "'=python' names no target; write NAME=path/to/python"),
        ("old=", "'old=' names no target"),
        ("o-ld=python", "'o-ld=python' names no target"),
        ("old", "target old has no path, and there is no triptych.toml here; write old=path"),
        ("old=/no/such/python", "target old: /no/such/python cannot be started: No such file or directory"),
    ],
)
def test_what_names_no_interpreter_is_refused_in_one_sentence(request_text, words):
    assert words in refusal(request_text)


def test_a_name_given_twice_is_refused(other):
    assert refusal(f"old={other}", f"old={other}") == "target old is named twice"


def test_a_python_that_is_too_old_is_refused(other, monkeypatch):
    monkeypatch.setattr(targets, "OLDEST", (99, 1))
    assert refusal(f"old={other}") == f"target old: {other} is older than Python 99.1"


def test_a_program_that_is_no_python_is_refused(script):
    python = script("exit 0")
    assert refusal(f"old={python}") == f"target old: {python} is no working Python: it ended without a word"
