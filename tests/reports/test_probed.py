from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from reports import probed
from suite.fault import Fault
from suite.probing import Examination, Outcome

FAULT = Fault("layers.1 (own.py:7)", "the gradient is off by 0.3 of its size", 0.3, 1e-5, "derive it again")


def examination(*outcomes: Outcome) -> Examination:
    return Examination("own:Model", "jax", 12345, ["float32 8×4"], ["float32 8×2"], list(outcomes))


def shown(found: Examination, width: int = 100) -> str:
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(probed.table(found))
    return console.export_text()


def test_a_fault_is_shown_with_where_figure_threshold_and_remedy():
    text = shown(examination(Outcome("gradient check", "fault", "", [FAULT])))
    assert "own:Model: jax, 12,345 parameters, float32 8×4 → float32 8×2" in text
    assert "gradient check: layers.1 (own.py:7)" in text
    assert "the gradient is off by 0.3 of its size (threshold 1e-05)" in text
    assert "to mend it: derive it again" in text


def test_what_does_not_fit_or_failed_is_told_with_its_reason():
    text = shown(
        examination(
            Outcome("causality", "unfit", "it does not claim to be causal", []),
            Outcome("padding", "failed", "RuntimeError: no", []),
            Outcome("token mixing", "passed", "", []),
        )
    )
    assert "it does not claim to be causal" in text
    assert "RuntimeError: no" in text
    assert "0 of 3 probes found a fault; 1 failed; 1 does not fit this model" in text


@pytest.mark.parametrize("word", ["\x1b[31mred", "a\x00b"])
def test_what_a_model_says_of_itself_commands_no_terminal(word):
    text = shown(examination(Outcome("padding", "failed", word, [])))
    assert "\x1b[31m" not in text
    assert "\x00" not in text


def test_json_has_everything():
    found = json.loads(json.dumps(probed.as_json(examination(Outcome("gradient check", "fault", "", [FAULT])))))
    assert found["outcomes"][0]["faults"][0]["threshold"] == 1e-5
