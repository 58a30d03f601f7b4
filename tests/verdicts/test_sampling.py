"""Each tool really samples a slowed framework, and what comes back is a call's time."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.verdicts import rivals, sampling
from tests.verdicts.sampling import SAMPLERS


@pytest.mark.usefixtures("outside_xdist")
@pytest.mark.parametrize("tool", SAMPLERS)
def test_a_tool_samples_every_workload(tool: str) -> None:
    found = rivals._sample(tool, "numpy", ["linear", "rms_norm"], 1, 0.05, 0.05)
    assert list(found) == ["linear", "rms_norm"]
    assert all(samples and min(samples) > 0 for samples in found.values())


def test_samples_of_blocks_are_written_in_seconds_a_call(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = {"linear": (lambda: None, 4), "softmax": (lambda: None, 2)}
    monkeypatch.setattr(sampling, "blocks", lambda *asked: made)
    monkeypatch.setitem(SAMPLERS, "a tool", lambda blocks, seconds: {name: [8.0, seconds] for name in blocks})
    file = tmp_path / "samples.json"
    asked = {"tool": "a tool", "framework": "numpy", "workloads": list(made), "share": 0.0, "seconds": 6.0}
    sampling.main(json.dumps({**asked, "cpus": sorted(os.sched_getaffinity(0)), "file": str(file)}))
    assert json.loads(file.read_text("utf-8")) == {"linear": [2.0, 1.5], "softmax": [4.0, 3.0]}


def test_a_block_makes_its_calls_and_waits_once_for_the_last_outputs() -> None:
    events: list[object] = []

    class Work:
        arguments = [3]
        function = staticmethod(lambda x: events.append("call") or (x,))  # type: ignore[func-returns-value]
        synchronize = staticmethod(events.append)

    sampling._block(Work, 5)()
    assert events == ["call"] * 5 + [(3,)]
