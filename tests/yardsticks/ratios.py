"""Triptych's models against the yardsticks of the same framework, timed in turns in one process: `make selfbench
ARGS=yardsticks`.

Forward and the gradient of the loss, in float32, on all CPUs; PyTorch eagerly, TensorFlow as a graph, as their users
run them. What is timed of the yardstick goes through Triptych's own clock and criterion, so that nothing but the models
differs.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from suite.timing import Timed, calls_per_sample, no_garbage_collection, time_block, warm_up
from suite.workers import environment

ROOT = Path(__file__).resolve().parents[2]
MODES = {"pytorch": "eager", "tensorflow": "graph"}
TASKS = ("forward", "gradient")
TURNS = 30
SAMPLE_S = 0.2
WARM_UP_S = 3.0
SIZES: dict[str, dict[str, dict[str, Any]]] = {
    "pytorch": {
        "bert_base": dict(batch=4, seq=128, positions=512, vocabulary=5000, features=384, heads=6, depth=6, classes=2),
        "gpt2": dict(batch=2, seq=128, positions=512, vocabulary=5000, features=384, heads=6, depth=6, new_tokens=16),
        "vit": dict(batch=4, size=112, patch=16, features=384, heads=6, depth=6, classes=100),
        "resnet50": dict(batch=2, size=96, width=64, classes=100),
    },
    "tensorflow": {
        "resnet50": dict(batch=2, size=97, width=64, classes=100),
        "vgg16": dict(batch=2, size=64, width=64, hidden=4096, classes=100),
        "densenet121": dict(batch=2, size=96, growth=32, classes=100),
        "mobilenet_v2": dict(batch=4, size=97, divisor=1, classes=100, squeeze_excite=False),
    },
}
"""Large enough for the layers to count, small enough for a sample of a fraction of a second."""


def ratios() -> Iterator[tuple[str, float]]:
    """`FRAMEWORK_MODEL_TASK`, and the median of Triptych's time over the yardstick's, turn by turn."""
    threads = len(os.sched_getaffinity(0))
    for framework in MODES:
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(
                [sys.executable, "-m", "tests.yardsticks.ratios", framework, str(threads), f"{folder}/found.json"],
                cwd=ROOT,
                env=environment(threads, Path(folder)),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
            if done.returncode:
                raise RuntimeError(f"the models of {framework} were not timed: {done.stderr.strip()[-200:]}")
            yield from json.loads(Path(folder, "found.json").read_text("utf-8")).items()


def compare(framework: str, threads: int) -> Iterator[tuple[str, float]]:
    """Likewise, of one framework in this process."""
    from suite.worker import Worker
    from suite.workloads import WORKLOADS
    from suite.workloads.draw import draw, round_to

    worker = Worker(f"impls.{framework}", threads)
    for model, sizes in SIZES[framework].items():
        workload = WORKLOADS[model]
        problem = workload.problem("small", **sizes)
        values = {name: round_to(array, "float32") for name, array in draw(workload, problem, seed=0).items()}
        criterion = worker.implementations[workload.loss or "", "default"].bind(problem)
        for task in TASKS:
            mode = MODES[framework]
            own = worker._program(workload, problem, task, mode, "default", "float32", "cpu", values).timed()
            make = _of_hugging_face if framework == "pytorch" else _of_keras
            function, arguments = make(model, problem, values, task, criterion, own.arguments)
            theirs = Timed(function, arguments, worker.backend.synchronize)
            yield f"{framework}_{model}_{task}", ratio(own, theirs)


def ratio(own: Timed, theirs: Timed) -> float:
    """The median of the quotients of samples taken in turns; which comes first alternates."""
    with no_garbage_collection():
        both = [own, theirs]
        calls = [calls_per_sample(work, warm_up(work, WARM_UP_S).call_ns, SAMPLE_S) for work in both]
        quotients = []
        for turn in range(TURNS):
            order = (0, 1) if turn % 2 else (1, 0)
            times = {number: time_block(both[number], calls[number]) / calls[number] for number in order}
            quotients.append(times[0] / times[1])
    return statistics.median(quotients)


def _of_hugging_face(
    model: str, problem: Any, values: dict[str, np.ndarray], task: str, criterion: Any, data: list[Any]
) -> tuple[Any, list[Any]]:
    import torch

    from tests.yardsticks.hugging_face import YARDSTICKS

    yardstick = YARDSTICKS[model]
    module = yardstick.module(problem, values, torch.float32)
    names = list(yardstick.inputs)

    def forward(*tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        with torch.inference_mode():
            return (yardstick.call(module, dict(zip(names, tensors, strict=True))),)

    if task == "forward":
        return forward, data
    module.train()
    parameters = list(module.parameters())

    def gradient(*tensors: torch.Tensor) -> tuple[Any, ...]:
        for parameter in parameters:
            parameter.grad = None
        logits = yardstick.call(module, dict(zip(names, tensors, strict=False)))
        loss = criterion(logits, *tensors[len(names) :])
        loss.backward()
        return (loss, *(parameter.grad for parameter in parameters))

    return gradient, data


def _of_keras(
    model: str, problem: Any, values: dict[str, np.ndarray], task: str, criterion: Any, data: list[Any]
) -> tuple[Any, list[Any]]:
    import tensorflow as tf

    from tests.yardsticks.keras_applications import YARDSTICKS

    yardstick = YARDSTICKS[model].model(problem, values, "float32")

    @tf.function
    def forward(images: tf.Tensor) -> tuple[tf.Tensor, ...]:
        return (yardstick(images, training=False),)

    if task == "forward":
        return forward, data

    # What lies between images and targets are masks of dropout, which Keras draws by itself where it has any.
    @tf.function
    def gradient(images: tf.Tensor, *rest: tf.Tensor) -> tuple[tf.Tensor, ...]:
        with tf.GradientTape() as tape:
            loss = criterion(yardstick(images, training=True), rest[-1])
        return (loss, *tape.gradient(loss, yardstick.trainable_variables))

    return gradient, data


def main(framework: str, threads: str, file: str) -> None:
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(threads)])
    Path(file).write_text(json.dumps(dict(compare(framework, int(threads)))), "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
