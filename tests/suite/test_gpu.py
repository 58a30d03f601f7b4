from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from suite import gpu
from suite.gpu import Gpu, State, held_down
from tests.fakes.device import NAME, FakeDevice, FakeNvml


@pytest.fixture
def found(fake_gpu: FakeDevice) -> Gpu:
    (only,) = gpu.find({})
    return only


def state(*reasons: str, **counted: int) -> State:
    return State(1800, frozenset(reasons), counted)


def test_facts_are_plain_and_complete(found: Gpu) -> None:
    facts = found.facts()
    assert facts["name"] == NAME
    assert facts["cuda"] == "13.2"
    assert facts["memory_bytes"] == 8 * 2**30
    assert facts["sharing"] == "shared"
    assert facts["most_clock_mhz"] == 1980
    assert facts["busy"] == 0.0


def test_a_gpu_that_computes_for_others_is_busy(found: Gpu, fake_gpu: FakeDevice) -> None:
    fake_gpu.set(strangers=1)
    assert (found.facts()["busy"], found.facts()["processes"]) == (0.4, 1)


def test_what_the_driver_does_not_tell_is_none(found: Gpu) -> None:
    assert found.facts()["mig"] is None
    assert found.facts()["power_limit_w"] is None


@pytest.mark.parametrize(
    ("visible", "entries"),
    [
        ({}, ["0"]),
        ({"CUDA_VISIBLE_DEVICES": "0"}, ["0"]),
        ({"CUDA_VISIBLE_DEVICES": ""}, []),
        ({"CUDA_VISIBLE_DEVICES": "0,7"}, ["0"]),
        ({"CUDA_VISIBLE_DEVICES": "7,0"}, []),  # CUDA shows none from the first wrong one on
        ({"CUDA_VISIBLE_DEVICES": "GPU-none"}, []),
    ],
)
def test_cuda_visible_devices_decides_what_there_is(
    fake_gpu: FakeDevice, visible: dict[str, str], entries: list[str]
) -> None:
    assert [one.entry for one in gpu.find(visible)] == entries


def test_a_device_that_is_not_there_is_told(fake_gpu: FakeDevice, monkeypatch: pytest.MonkeyPatch) -> None:
    assert gpu.of_device("cpu") is None
    assert gpu.of_device("cuda") is not None
    with pytest.raises(OSError, match="the last GPU is cuda:0"):
        gpu.of_device("cuda:1")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(OSError, match="there is no NVIDIA GPU that CUDA_VISIBLE_DEVICES shows"):
        gpu.of_device("cuda")


def test_throttling_that_came_and_went_is_seen_by_the_drivers_counts() -> None:
    assert held_down(state(power=5, heat=2), state(power=9, heat=2)) == ["power"]


def test_throttling_of_this_moment_is_seen_without_counts() -> None:
    assert held_down(state(), state("heat")) == ["heat"]


def test_what_was_held_down_long_ago_is_nothing() -> None:
    assert held_down(state("heat", power=5), state(power=5)) == []


def test_a_count_that_appears_is_no_throttling() -> None:
    assert held_down(state(), state(power=7)) == []


def test_a_gpu_is_read_again_and_again(fake_gpu: FakeDevice, found: Gpu) -> None:
    assert found.state().clock_mhz == 1800
    fake_gpu.set(throttles=True)
    first, second = found.state(), found.state()
    assert first.clock_mhz == 900
    assert held_down(first, second) == ["heat", "power"]


@pytest.mark.parametrize(("mode", "alone"), [(0, False), (1, True), (2, False), (3, True)])
def test_the_compute_mode_tells_whether_a_second_process_may_come(
    fake_gpu: FakeDevice, found: Gpu, mode: int, alone: bool
) -> None:
    fake_gpu.set(compute_mode=mode)
    assert found.is_for_one_process() is alone


def test_a_driver_that_does_not_work_is_told_in_its_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    import pynvml

    def broken(*_: Any) -> Callable[[], None]:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH)

    monkeypatch.setattr(pynvml, "nvmlInit", broken)
    with pytest.raises(OSError, match=r"RM has detected an NVML/RM version mismatch\."):
        gpu.find({})


def test_the_fake_knows_every_question_that_is_asked_but_some(found: Gpu) -> None:
    """A misspelt question would be answered by None for ever: the real library has them all."""
    import pynvml

    asked: set[str] = set()

    class Noting(FakeNvml):
        def __getattribute__(self, name: str) -> Any:
            if name.startswith("nvml"):
                asked.add(name)
            return super().__getattribute__(name)

    noting = Gpu("0", Noting(found.handle), found.handle)
    noting.facts()
    noting.state()
    assert len(asked) > 10
    assert [name for name in asked if not hasattr(pynvml, name)] == []
