"""A person's own model before the probes: what is caught, who is not accused, what is said where nothing can be done."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from suite.errors import UsageError
from suite.probing import Input, framework_of
from suite.workers import Workers
from tests.corpus import examining
from tests.corpus.case import Case, cases, sound
from tests.corpus.examining import examine

DOCUMENT = examining.ROOT / "docs" / "probes.md"


def grouped(found: list[Case]) -> list[Any]:
    """Each with its framework's worker, which is imported once."""
    return [
        pytest.param(one, id=one.reference.partition(":")[2] + "-" + one.framework, marks=group(one.framework))
        for one in found
    ]


def group(framework: str) -> pytest.MarkDecorator:
    return pytest.mark.xdist_group(f"probes-{framework}")


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with examining.workers() as running:
        yield running


@pytest.mark.parametrize("case", grouped(cases()))
def test_a_probe_catches_its_fault_and_names_what_is_to_blame(workers, case):
    found = examine(workers, case.framework, case.reference, [case.probe])
    assert examining.catches(case, found), found.outcomes


@pytest.mark.parametrize("case", grouped(cases()))
def test_no_probe_accuses_the_mended_twin(workers, case):
    found = examine(workers, case.framework, f"{case.reference}.mended")
    wrong = [each for each in found.outcomes if each.status not in ("passed", "unfit")]
    assert not wrong
    (own,) = [each for each in found.outcomes if each.probe == case.probe]
    assert own.status == "passed", own.reason


@pytest.mark.xdist_group("probes-pytorch")
def test_every_probe_has_faulty_models_to_catch_and_is_documented(workers):
    reference = next(case.reference for case in cases() if case.framework == "pytorch")
    probes = {outcome.probe for outcome in examine(workers, "pytorch", reference).outcomes}
    assert probes == {case.probe for case in cases()}
    assert len(cases()) >= 40
    rows = [line.split("|")[1] for line in DOCUMENT.read_text("utf-8").splitlines() if line.startswith("| ")]
    assert probes <= {name.strip() for row in rows for name in row.split(",")}


@pytest.mark.parametrize(
    ("framework", "reference"),
    [pytest.param(*each, id=each[1].partition(":")[2] + "-" + each[0], marks=group(each[0])) for each in sound()],
)
def test_no_probe_accuses_a_sound_model_for_what_is_meant(workers, framework, reference):
    found = examine(workers, framework, reference).outcomes
    assert not [each for each in found if each.status not in ("passed", "unfit")]
    assert any(each.status == "passed" for each in found)


# ------------------------------------------------------------------------------------------------------- what is asked


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("8x3x32x32", Input((8, 3, 32, 32))),
        ("8x16<1000", Input((8, 16), below=1000)),
        ("8x16=1", Input((8, 16), fill=1.0)),
        ("5", Input((5,))),
    ],
)
def test_an_input_is_a_shape_and_what_it_holds(text, meant):
    assert Input.parse(text) == meant


@pytest.mark.parametrize("text", ["", "8x", "8×3", "0x3", "8x3<", "x", "8x3<4=1", "-1x3"])
def test_what_is_no_input_is_refused_with_an_example(text):
    with pytest.raises(UsageError, match="8x3x32x32"):
        Input.parse(text)


@pytest.mark.parametrize(
    ("text", "framework"),
    [
        ("import torch", "pytorch"),
        ("from torch import nn", "pytorch"),
        ("import keras", "tensorflow"),
        ("import tensorflow as tf\nimport keras", "tensorflow"),
        ("def f():\n    import jax.numpy as jnp", "jax"),
    ],
)
def test_a_module_tells_its_framework_by_what_it_imports(text, framework, tmp_path):
    (tmp_path / "own.py").write_text(text)
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text(text)
    assert framework_of("own", tmp_path) == framework
    assert framework_of("package", tmp_path) == framework


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import numpy", "imports none of the frameworks itself"),
        ("import torch, jax", "imports jax and pytorch"),
        ("import (", "own is no Python"),
        (None, "there is no module 'own'"),
    ],
)
def test_a_module_that_does_not_tell_is_refused_in_one_sentence(text, said, tmp_path):
    if text is not None:
        (tmp_path / "own.py").write_text(text)
    with pytest.raises(UsageError, match=said):
        framework_of("own", tmp_path)


MODELS = """
import os
import torch

class Narrow(torch.nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.layer = torch.nn.Linear(width, width)

    def forward(self, x):
        return self.layer(x)

class Needy(torch.nn.Module):
    def __init__(self, width):
        super().__init__()

def dies():
    class Dying(Narrow):
        calls = 0

        def forward(self, x):
            Dying.calls += 1
            if Dying.calls == 3:
                os._exit(7)
            return super().forward(x)

    return {"model": Dying(), "inputs": torch.ones(3, 4)}

def wrong():
    return {"model": Narrow(), "input": 3}
"""


@pytest.mark.xdist_group("probes-pytorch")
@pytest.mark.parametrize(
    ("name", "inputs", "said"),
    [
        ("Narrow", [], "--input"),
        ("Narrow", ["3x5"], "mat1 and mat2 shapes cannot be multiplied"),
        ("Needy", ["3x4"], r"needs arguments \(width\)"),
        ("Nothing", ["3x4"], "module own has no 'Nothing'"),
        ("wrong", [], "has no 'input'; it has model, inputs"),
    ],
)
def test_what_cannot_be_probed_is_said_in_one_sentence_before_anything_is(workers, name, inputs, said, tmp_path):
    (tmp_path / "own.py").write_text(MODELS)
    drawn = [vars(Input.parse(text)) for text in inputs]
    with pytest.raises(UsageError, match=said) as refusal:
        examine(workers, "pytorch", f"own:{name}", folder=tmp_path, inputs=drawn)
    assert "Unfit" not in str(refusal.value)


@pytest.mark.xdist_group("probes-pytorch")
def test_a_model_that_ends_its_process_fails_one_probe_and_the_others_go_on(workers, tmp_path):
    (tmp_path / "dying.py").write_text(MODELS)
    found = examine(workers, "pytorch", "dying:dies", folder=tmp_path)
    failed = [outcome for outcome in found.outcomes if outcome.status == "failed"]
    assert failed
    assert "exited with code 7" in failed[0].reason
    assert found.outcomes[-1].probe != failed[0].probe
