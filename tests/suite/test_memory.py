from __future__ import annotations

import pytest

from suite import memory
from suite.workloads import WORKLOADS

VGG = WORKLOADS["vgg16"]


def test_a_model_needs_its_parameters_gradients_and_what_the_optimizer_keeps() -> None:
    sizes = dict(inputs=1000, hidden=1000, code=1000, batch=1)
    linear = WORKLOADS["autoencoder"]
    problem = linear.problem("small", **sizes)
    parameters = 8.0 * linear.parameter_count(problem)
    momentum = memory.least_bytes(linear, problem, "train_step", "float64")
    adamw = memory.least_bytes(linear, linear.problem("small", **sizes, optimizer="adamw"), "train_step", "float64")
    assert momentum == pytest.approx(3 * parameters, rel=0.02)
    assert adamw == pytest.approx(4 * parameters, rel=0.02)


def test_the_parts_add_up_to_what_is_least() -> None:
    problem = VGG.problem("large", optimizer="adamw")
    parts = memory.parts(VGG, problem, "train_step", "float32")
    assert sum(parts.values()) == memory.least_bytes(VGG, problem, "train_step", "float32")
    assert parts["parameters"] == parts["gradients"] == parts["optimizer"] / 2 == 4 * VGG.parameter_count(problem)
    assert list(memory.parts(VGG, problem, "forward", "float32")) == ["data", "parameters", "results"]


def test_training_keeps_every_layers_result_and_inference_none() -> None:
    small, large = (VGG.problem("large", batch=batch) for batch in (1, 3))

    def of_two_images(task: str) -> float:
        return (memory.least_bytes(VGG, large, task, "float32") - memory.least_bytes(VGG, small, task, "float32")) / 4

    # VGG-16's feature maps and those after each ReLU: 27 million numbers an image, beside the image itself.
    assert 2 * 26e6 < of_two_images("gradient") < 2 * 30e6
    assert of_two_images("forward") == 2 * (3 * 224 * 224 + 1000)


def test_halving_the_precision_halves_the_memory() -> None:
    problem = VGG.problem("tiny")
    wide, narrow = (memory.least_bytes(VGG, problem, "forward", precision) for precision in ("float64", "float32"))
    assert wide == 2 * narrow


def test_the_largest_power_of_two_that_fits_is_named() -> None:
    problem = VGG.problem("large", batch=100)
    limit = memory.TAKEN * memory.least_bytes(VGG, VGG.problem("large", batch=16), "train_step", "float64")
    assert memory.largest_batch(VGG, problem, "train_step", limit) == 16
    assert memory.largest_batch(VGG, problem, "train_step", limit - 1) == 8
    assert "batch=16 would fit" in memory.advice(VGG, problem, "train_step", limit)


def test_a_batch_that_is_a_power_of_two_itself_is_not_named_again() -> None:
    assert memory.largest_batch(VGG, VGG.problem("large", batch=64), "forward", 1e15) == 32


def test_where_not_even_one_example_fits_that_is_said() -> None:
    problem = VGG.problem("large", batch=4)
    assert memory.largest_batch(VGG, problem, "train_step", 1e6) == 0
    assert "not even one example would fit" in memory.advice(VGG, problem, "train_step", 1e6)


def test_what_has_no_batch_is_told_its_size_only() -> None:
    workload = WORKLOADS["eigh"]
    problem = workload.problem("small")
    words = memory.advice(workload, problem, "forward", 1e9)
    assert ("fit" in words) is ("batch" in problem)
    assert "GiB at least" in words
