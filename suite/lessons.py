"""What models learn in earnest, once for each family: real data that a package ships or that a rule makes, split in three.

The digits are scikit-learn's (1,797 images of 8 × 8, from Alpaydin and Kaynak's optical recognition of handwritten
digits); the text is `data/text.txt`. Everything else follows from a rule and a seed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from suite.errors import UsageError, unknown
from suite.workloads import WORKLOADS, Problem, Workload

Array = np.ndarray
Examples = dict[str, Array]
"""By the names of the model's inputs and targets, one example after the other along the first axis."""
TEXT = Path(__file__).with_name("data") / "text.txt"
PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Lesson:
    """A model, the problem that it is for this data, and for how many passes over the training examples it is trained."""

    model: str
    summary: str
    problem: Mapping[str, Any]
    epochs: int
    make: Callable[[Problem], Examples]
    """All examples, in an order that may be split."""

    @property
    def workload(self) -> Workload:
        return WORKLOADS[self.model]

    @property
    def parameters(self) -> Problem:
        return self.workload.problem(None, **self.problem)

    def parts(self) -> dict[str, Examples]:
        """Three fifths to train with, a fifth to watch over-fitting, and a fifth for the test."""
        examples = self.make(self.parameters)
        count = len(next(iter(examples.values())))
        ends = 0, count * 3 // 5, count * 4 // 5, count
        return {
            part: {name: array[start:end] for name, array in examples.items()}
            for part, (start, end) in zip(PARTS, pairwise(ends), strict=True)
        }


def lessons(names: list[str]) -> list[Lesson]:
    """Those of these models, or all. Raises UsageError for a name that has none."""
    known = {lesson.model: lesson for lesson in LESSONS}
    for name in names:
        if name not in known:
            raise unknown("lesson", name, known)
    return [known[name] for name in dict.fromkeys(names)] if names else list(LESSONS)


def _digits(p: Problem) -> Examples:
    images, labels = _images()
    return {"x": images.reshape(len(images), -1), "labels": labels}


def _large_digits(p: Problem) -> Examples:
    """Every pixel four by four: the 32 × 32 that LeNet-5 takes."""
    images, labels = _images()
    return {"x": np.kron(images, np.ones((4, 4)))[:, None], "labels": labels}


def _reconstructed_digits(p: Problem) -> Examples:
    images, _ = _images()
    flat = images.reshape(len(images), -1)
    noise = np.random.default_rng(1).standard_normal((len(flat), p.code))
    return {"x": flat, "noise": noise, "targets": flat}


def _images() -> tuple[Array, Array]:
    """Shuffled, with pixels from 0 to 1: 1797 8 8, and their classes."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise UsageError(
            "the digits come with scikit-learn, which is not installed: pip install scikit-learn"
        ) from None
    found = load_digits()
    order = np.random.default_rng(0).permutation(len(found.target))
    return found.images[order] / 16, found.target[order].astype(np.int64)


def _waves(p: Problem) -> Examples:
    """Noisy sine waves of random phase; the class is the number of periods, less one."""
    rng = np.random.default_rng(2)
    labels = rng.integers(p.classes, size=1500)
    phases = rng.uniform(0, 2 * np.pi, size=(1500, 1))
    angles = 2 * np.pi * (labels[:, None] + 1) * np.arange(p.seq) / p.seq + phases
    waves = np.sin(angles) + 0.3 * rng.standard_normal(angles.shape)
    return {"x": waves[:, :, None], "labels": labels}


def _copies(p: Problem) -> Examples:
    """Sequences to be repeated: the target's inputs are the tokens before, after a 0 to begin with."""
    source = np.random.default_rng(3).integers(1, p.vocabulary, size=(2500, p.source_seq))
    before = np.concatenate([np.zeros((2500, 1), np.int64), source[:, :-1]], axis=1)
    return {"source": source, "target": before, "labels": source}


def _text(p: Problem) -> Examples:
    """Stretches of the text, and the letter that follows each."""
    letters = TEXT.read_text(encoding="ascii").replace("\n", " ")
    numbers = {letter: number for number, letter in enumerate(sorted(set(letters)))}
    if len(numbers) > p.vocabulary:
        raise UsageError(f"the text has {len(numbers)} letters, and the vocabulary {p.vocabulary}")
    ids = np.array([numbers[letter] for letter in letters])
    starts = np.arange(0, len(ids) - p.seq, 4)
    # In the order of the text: only at the seams does a stretch overlap with one of another part.
    return {
        "ids": np.stack([ids[start : start + p.seq] for start in starts]),
        "labels": np.stack([ids[start + 1 : start + 1 + p.seq] for start in starts]),
    }


def _graphs(p: Problem) -> Examples:
    """Graphs of groups, within which nodes are linked more often (Holland et al. 1983, Stochastic blockmodels), and whose
    features say little of the group; the adjacency has loops, and is normalised symmetrically (Kipf and Welling 2017)."""
    rng = np.random.default_rng(4)
    count = 100
    means = 0.5 * rng.standard_normal((p.classes, p.features))
    labels = rng.integers(p.classes, size=(count, p.nodes))
    features = means[labels] + rng.standard_normal((count, p.nodes, p.features))
    same = labels[:, :, None] == labels[:, None, :]
    linked = np.triu(rng.random(same.shape) < np.where(same, 0.25, 0.02), 1)
    linked = linked + linked.transpose(0, 2, 1) + np.eye(p.nodes)
    scale = linked.sum(axis=2) ** -0.5
    return {"x": features, "adjacency": linked * scale[:, :, None] * scale[:, None, :], "labels": labels}


LESSONS = (
    Lesson(
        "deep_mlp",
        "digits, as rows of pixels",
        dict(batch=32, inputs=64, width=64, classes=10, dropout=0.25, learning_rate=0.05),
        30,
        _digits,
    ),
    Lesson("lenet5", "digits, as images", dict(batch=32, classes=10, learning_rate=0.02), 12, _large_digits),
    Lesson(
        "gru_classifier",
        "the period of a noisy sine wave",
        dict(batch=30, seq=32, inputs=1, hidden=24, classes=5, optimizer="adamw"),
        12,
        _waves,
    ),
    Lesson(
        "seq2seq_attention",
        "repeating a sequence of eight tokens",
        dict(batch=50, source_seq=8, target_seq=8, vocabulary=12, features=24, hidden=24, optimizer="adamw"),
        12,
        _copies,
    ),
    Lesson(
        "gpt2",
        "the next letter of an English text",
        dict(
            batch=32,
            seq=32,
            new_tokens=16,
            positions=48,
            vocabulary=64,
            features=48,
            heads=4,
            depth=2,
            optimizer="adamw",
            learning_rate=0.003,
        ),
        20,
        _text,
    ),
    Lesson(
        "vae",
        "digits, written anew from a code of eight numbers",
        dict(batch=32, inputs=64, hidden=64, code=8, optimizer="adamw", learning_rate=0.002),
        30,
        _reconstructed_digits,
    ),
    Lesson(
        "gcn",
        "the groups of nodes in a graph",
        dict(nodes=64, features=16, hidden=16, classes=4, optimizer="adamw"),
        12,
        _graphs,
    ),
)
