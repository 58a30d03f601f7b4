"""Losses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import special, stats
from scipy.spatial import distance

from tests.truth.outside import Array, Truth, frozen_of, random_cases, reference


def truths() -> Iterator[Truth]:
    yield from softmax_cross_entropy()
    yield from cross_entropy_over_axes()
    yield from cross_entropy()
    yield from bce_with_logits()
    yield from mse_and_mae()
    yield from huber()
    yield from quantile()
    yield from hinge()
    yield from focal()
    yield from kl_div()
    yield from dice()
    yield from triplet()
    yield from info_nce()
    yield from ctc()
    yield from elbo()
    yield from flow_nll()


def _of(workload: str, source: str, name: str, problem: dict[str, float], values: list[Any], y: float) -> Truth:
    """A case in float64, whose result is one number."""
    values = [np.asarray(value) for value in values]
    return Truth(workload, source, name, problem, values, [np.asarray(y)], "float64")


def _keras(workload: str, test: str, problem: dict[str, float], values: list[Any], y: float) -> Truth:
    """What a test of Keras says, to as many digits as float32 has."""
    values = [np.asarray(value, dtype=np.float64) for value in values]
    return Truth(workload, "keras", test, problem, values, [np.asarray(y)], "float32")


def softmax_cross_entropy() -> Iterator[Truth]:
    """The plainest of ONNX's: the mean over rows, without weights and labels to ignore."""
    for case in frozen_of("SoftmaxCrossEntropyLoss"):
        plain = len(case.inputs) == 2 and "ignore_index" not in case.attributes and case.inputs[0].ndim == 2
        if plain and case.attributes.get("reduction", "mean") == "mean":
            yield Truth("softmax_cross_entropy", case.source, case.name, {}, case.inputs, case.outputs[:1], "float32")
    for name, rng in random_cases(5, "SoftmaxCrossEntropyLoss plain"):
        logits, labels = 3 * rng.normal(size=(9, 5)), rng.integers(0, 5, 9)
        (y,) = reference("SoftmaxCrossEntropyLoss", [logits, labels])
        yield _of("softmax_cross_entropy", "onnx reference", name, {}, [logits, labels], y)


def cross_entropy_over_axes() -> Iterator[Truth]:
    """Where each image has many pixels, and each text many tokens."""
    for name, rng in random_cases(5, "SoftmaxCrossEntropyLoss axes"):
        logits, labels = 3 * rng.normal(size=(2, 5, 3, 4)), rng.integers(0, 5, (2, 3, 4))
        (y,) = reference("SoftmaxCrossEntropyLoss", [logits, labels])
        yield _of("pixel_cross_entropy", "onnx reference", name, {}, [logits, labels], y)
        logits, labels = logits[..., 0], labels[..., 0]  # ONNX: the classes before the tokens
        (y,) = reference("SoftmaxCrossEntropyLoss", [logits, labels])
        yield _of("token_cross_entropy", "onnx reference", name, {}, [logits.swapaxes(1, 2), labels], y)


def cross_entropy() -> Iterator[Truth]:
    for case in frozen_of("SoftmaxCrossEntropyLoss"):
        if case.attributes.get("reduction", "mean") != "mean":
            continue
        logits, labels, *weights = case.inputs
        classes = logits.shape[1]
        # Every further axis is one of the batch.
        logits = np.moveaxis(logits, 1, -1).reshape(-1, classes)
        # The oracle, as NumPy, takes an ignored label that is no class from the end; other cases have none that is ignored.
        ignored = case.attributes.get("ignore_index", classes)
        yield Truth(
            "cross_entropy",
            case.source,
            case.name,
            dict(smoothing=0.0, ignore_index=ignored),
            [logits, labels.reshape(-1), weights[0] if weights else np.ones(classes)],
            case.outputs[:1],
            "float32",
        )
    for name, rng in random_cases(5, "SoftmaxCrossEntropyLoss"):
        logits, labels, weight = rng.normal(size=(9, 5)), rng.integers(0, 5, 9), rng.uniform(0.5, 2, 5)
        (y,) = reference("SoftmaxCrossEntropyLoss", [logits, labels, weight], ignore_index=int(labels[2]))
        problem = dict(smoothing=0.0, ignore_index=int(labels[2]))
        yield _of("cross_entropy", "onnx reference", name, problem, [logits, labels, weight], y)
    for name, rng in random_cases(5, "NegativeLogLikelihoodLoss"):
        logits, labels, weight = rng.normal(size=(9, 5)), rng.integers(0, 5, 9), rng.uniform(0.5, 2, 5)
        likelihoods = special.log_softmax(logits, axis=-1)
        (y,) = reference("NegativeLogLikelihoodLoss", [likelihoods, labels, weight], ignore_index=int(labels[2]))
        problem = dict(smoothing=0.0, ignore_index=int(labels[2]))
        yield _of("cross_entropy", "onnx reference", name, problem, [logits, labels, weight], y)
    for name, rng in random_cases(5, "smoothed SoftmaxCrossEntropyLoss"):
        # ONNX knows no smoothing: a mixture of the loss with the label and of the losses with every class in its place.
        logits, labels, weight = rng.normal(size=(9, 5)), rng.integers(0, 5, 9), rng.uniform(0.5, 2, 5)
        ignored, smoothing = int(labels[2]), 0.25

        def single(logits: Array, labels: Array, weight: Array) -> Array:
            return np.asarray(reference("SoftmaxCrossEntropyLoss", [logits, labels, weight], reduction="none")[0])

        hard = single(logits, labels, weight)
        soft = np.mean([single(logits, np.full_like(labels, c), weight) for c in range(5)], axis=0)
        counts = labels != ignored
        y = ((1 - smoothing) * hard + smoothing * soft)[counts].sum() / weight[labels][counts].sum()
        problem = dict(smoothing=smoothing, ignore_index=ignored)
        yield _of("cross_entropy", "onnx reference", name, problem, [logits, labels, weight], y)


def bce_with_logits() -> Iterator[Truth]:
    for name, rng in random_cases(5, "log_expit"):
        logits, targets = 5 * rng.normal(size=(3, 4)), rng.random((3, 4))
        y = -(targets * special.log_expit(logits) + (1 - targets) * special.log_expit(-logits)).mean()
        yield _of("bce_with_logits", "scipy", name, {}, [logits, targets], y)
    probabilities = np.array([[0.9, 0.1, 0.2], [0.3, 0.8, 0.1], [0.1, 0.2, 0.7]])
    values = [special.logit(probabilities), np.eye(3)]
    yield _keras("bce_with_logits", "BinaryCrossentropyTest.test_unweighted", {}, values, 0.20046903)


def mse_and_mae() -> Iterator[Truth]:
    predictions, targets = np.array([[4.0, 8, 12], [8, 1, 3]]), np.array([[1.0, 9, 2], [-5, -2, 6]])
    yield _keras("mse", "MeanSquaredErrorTest.test_unweighted", {}, [predictions, targets], 49.5)
    yield _keras("mae", "MeanAbsoluteErrorTest.test_unweighted", {}, [predictions, targets], 5.5)
    for name, rng in random_cases(5, "minkowski"):
        predictions, targets = rng.normal(size=(3, 4)), rng.normal(size=(3, 4))
        y = distance.sqeuclidean(predictions.ravel(), targets.ravel()) / 12
        yield _of("mse", "scipy", name, {}, [predictions, targets], y)
        y = distance.cityblock(predictions.ravel(), targets.ravel()) / 12
        yield _of("mae", "scipy", name, {}, [predictions, targets], y)


def huber() -> Iterator[Truth]:
    for name, rng in random_cases(5, "huber"):
        predictions, targets = rng.normal(size=(3, 4)), rng.normal(size=(3, 4))
        y = special.huber(0.75, predictions - targets).mean()
        yield _of("huber", "scipy", name, dict(delta=0.75), [predictions, targets], y)


def quantile() -> Iterator[Truth]:
    targets = np.arange(50.0)[None]
    for name, predictions, q, y in (
        ("too high", targets + 1, 0.5, 0.5),
        ("too low", targets - 1, 0.5, 0.5),
        ("too high, 0.4", targets + 1, 0.4, 0.6),
        ("too low, 0.4", targets - 1, 0.4, 0.4),
    ):
        yield _of("quantile", "scikit-learn", f"test_regression_metrics {name}", dict(q=q), [predictions, targets], y)
    predictions = np.array([[0.5, -1.25, 2.0], [-0.75, 0.25, 1.5]])
    targets = np.array([[1.0, -2.0, 2.25], [-0.5, -1.25, 3.5]])
    for q, y in ((0.1, 0.3875), (0.25, 0.40625), (0.9, 0.4875)):
        yield _of("quantile", "scikit-learn", f"mean_pinball_loss {q}", dict(q=q), [predictions, targets], y)


def hinge() -> Iterator[Truth]:
    # Keras makes −1 of a target of 0.
    scores, targets = np.array([[0.6, 0.4], [0.4, 0.6]]), np.array([[-1.0, 1], [-1, -1]])
    yield _keras("hinge", "HingeTest.test_unweighted", {}, [scores, targets], 1.3)
    yield _keras("hinge", "HingeTest.test_unweighted first row", {}, [scores[:1], targets[:1]], 1.1)
    yield _keras("hinge", "HingeTest.test_unweighted second row", {}, [scores[1:], targets[1:]], 1.5)


def focal() -> Iterator[Truth]:
    for name, rng in random_cases(5, "focal"):
        logits, targets = 3 * rng.normal(size=(3, 4)), rng.integers(0, 2, (3, 4)).astype(float)
        margins = np.where(targets == 1, logits, -logits)
        weights = np.where(targets == 1, 0.25, 0.75)
        y = -(weights * special.expit(-margins) ** 1.5 * special.log_expit(margins)).mean()
        yield _of("focal", "scipy", name, dict(alpha=0.25, gamma=1.5), [logits, targets], y)


def kl_div() -> Iterator[Truth]:
    for name, rng in random_cases(5, "rel_entr"):
        targets, found = rng.dirichlet(np.ones(5), 4), rng.dirichlet(np.ones(5), 4)
        targets[1] = [0, 0.5, 0, 0.25, 0.25]
        y = special.rel_entr(targets, found).sum() / 4
        yield _of("kl_div", "scipy", name, {}, [np.log(found), targets], y)


def dice() -> Iterator[Truth]:
    # eps is the 1e-7 that Keras has for it. The last two are given image by image.
    truth = np.array([[1, 0, 1, 0], [0, 1, 0, 1], [1, 0, 1, 0], [0, 1, 0, 1]]).reshape(1, -1)
    found = np.array([[0, 1, 0, 1], [1, 0, 1, 1], [0, 1, 0, 1], [1, 0, 1, 1]]).reshape(1, -1)
    for test, values, y in (
        ("test_binary_segmentation", [found, truth], 0.77777773),
        ("test_correctness", [[[4, 1, 6, 1]], [[1, 2, 1, 2]]], -0.55555546),
        ("test_binary_segmentation_with_axis first image", [[[0, 1, 0, 1]], [[1, 1, 0, 0]]], 0.5),
        ("test_binary_segmentation_with_axis second image", [[[0.4, 0, 0, 0.9]], [[1, 1, 0, 0]]], 0.75757575),
    ):
        yield _keras("dice", f"DiceTest.{test}", dict(eps=1e-7), values, y)
    for name, rng in random_cases(5, "dice"):
        # Without eps, and of sets, it is the Dice dissimilarity.
        targets, found = rng.integers(0, 2, (3, 9)), rng.integers(0, 2, (3, 9))
        targets[:, 0] = 1
        y = np.mean([distance.dice(a.astype(bool), b.astype(bool)) for a, b in zip(found, targets, strict=True)])
        yield _of("dice", "scipy", name, dict(eps=0.0), [found.astype(float), targets.astype(float)], y)


def triplet() -> Iterator[Truth]:
    for name, rng in random_cases(5, "euclidean"):
        anchor, positive, negative = rng.normal(size=(3, 6, 4))
        eps = 0.125  # as much as moves the anchor
        near = np.diagonal(distance.cdist(anchor + eps, positive, "euclidean"))
        far = np.diagonal(distance.cdist(anchor + eps, negative, "euclidean"))
        y = np.maximum(0, near - far + 0.5).mean()
        yield _of("triplet", "scipy", name, dict(margin=0.5, eps=eps), [anchor, positive, negative], y)


def info_nce() -> Iterator[Truth]:
    for name, rng in random_cases(5, "InfoNCE"):
        queries, keys = rng.normal(size=(2, 6, 4))
        (y,) = reference("SoftmaxCrossEntropyLoss", [queries @ keys.T / 0.25, np.arange(6)])
        yield _of("info_nce", "onnx reference", name, dict(temperature=0.25), [queries, keys], y)


def ctc() -> Iterator[Truth]:
    yield from graves()
    yield from warp_ctc()
    yield from nnlib()
    # Keras's test has a blank among its labels, which it counts by those that are not 0.
    logits, labels = (np.arange(24.0).reshape(2, 4, 3) - 12) / 100, np.array([[1, 2, 1, 0], [1, 2, 0, 2]])
    given = [logits, labels, np.array([4, 4]), np.array([3, 3])]
    yield Truth("ctc", "keras", "CTCTest.test_correctness", {}, given, [np.asarray(2.448645)], "float32")


def graves() -> Iterator[Truth]:
    """CTCLossTest.testBasic of TensorFlow: to 6 digits, and blank is the last class."""
    first = [
        [0.633766, 0.221185, 0.0917319, 0.0129757, 0.0142857, 0.0260553],
        [0.111121, 0.588392, 0.278779, 0.0055756, 0.00569609, 0.010436],
        [0.0357786, 0.633813, 0.321418, 0.00249248, 0.00272882, 0.0037688],
        [0.0663296, 0.643849, 0.280111, 0.00283995, 0.0035545, 0.00331533],
        [0.458235, 0.396634, 0.123377, 0.00648837, 0.00903441, 0.00623107],
    ]
    second = [
        [0.30176, 0.28562, 0.0831517, 0.0862751, 0.0816851, 0.161508],
        [0.24082, 0.397533, 0.0557226, 0.0546814, 0.0557528, 0.19549],
        [0.230246, 0.450868, 0.0389607, 0.038309, 0.0391602, 0.202456],
        [0.280884, 0.429522, 0.0326593, 0.0339046, 0.0326856, 0.190345],
        [0.423286, 0.315517, 0.0338439, 0.0393744, 0.0339315, 0.154046],
    ]
    logits = np.log(np.roll(np.array([first, second]), 1, axis=-1))
    targets, lengths = np.array([[1, 2, 3, 2, 1], [1, 2, 2, 1, 0]]), np.array([5, 4])
    given = [logits, targets, np.array([5, 5]), lengths]
    losses = [3.34211, 5.42262]
    yield Truth("ctc", "tensorflow", "testBasic", {}, given, [np.asarray(np.mean(losses))], "float32")
    for n, name in enumerate(("testBasic first", "testBasic second")):
        part = [value[n : n + 1] for value in given]
        yield Truth("ctc", "tensorflow", name, {}, part, [np.asarray(losses[n])], "float32")


def warp_ctc() -> Iterator[Truth]:
    """Sums over the batch. Its test_medium_stability is left out: the 199.966 there is 200 in float64."""
    first = [[0.1, 0.6, 0.1, 0.1, 0.1], [0.6, 0.1, 0.1, 0.1, 0.1]]
    second = [[0.1, 0.1, 0.6, 0.1, 0.1], [0.1, 0.1, 0.5, 0.2, 0.1]]
    single, both = np.array([[first[0], second[0]]]), np.array([first, second])
    labels, two = np.array([[1, 2], [1, 2]]), np.array([2, 2])
    for test, given, total in (
        ("test_simple", [single, labels[:1], two[:1], two[:1]], 2.4628584384918),
        ("test_medium", [both, labels, two, two], 6.0165174007416),
        ("test_empty_label", [both, labels, two, np.array([2, 0])], 6.416517496109),
    ):
        yield Truth("ctc", "warp-ctc", test, {}, given, [np.asarray(total / len(given[0]))], "float32")


def nnlib() -> Iterator[Truth]:
    """Classes by time, and blank is the last class. There are several alignments each."""
    labels, two = np.array([[1, 2]]), np.array([2])
    for name, columns, loss in (
        ("three steps", [[1, 2, 3], [2, 1, 1], [3, 3, 2]], 3.6990738275138035),
        ("four steps", [[-3, 12, 8, 15], [4, 20, -2, 20], [8, -33, 6, 5]], 8.02519869363453),
    ):
        logits = np.roll(np.array(columns, dtype=np.float64), 1, axis=0).T[None]
        steps = np.array([logits.shape[1]])
        yield _of("ctc", "nnlib", name, {}, [logits, labels, steps, two], loss)
        # The same with steps and labels that are not to count.
        longer, more = np.concatenate([logits, logits[:, :2]], axis=1), np.array([[1, 2, 2]])
        yield _of("ctc", "nnlib", f"{name}, padded", {}, [longer, more, steps, two], loss)


def elbo() -> Iterator[Truth]:
    """What the code costs is its divergence from the standard normal: cross-entropy less entropy."""
    for name, rng in random_cases(5, "elbo"):
        logits, targets = 3 * rng.normal(size=(3, 4)), rng.integers(0, 2, (3, 4))
        mean, log_variance = rng.normal(size=(2, 3, 2))
        deviation = np.exp(log_variance / 2)
        data = -stats.bernoulli.logpmf(targets, special.expit(logits)).sum()
        squares = stats.norm.moment(2, loc=mean, scale=deviation)
        code = squares / 2 - stats.norm.logpdf(0.0) - stats.norm.entropy(loc=mean, scale=deviation)
        values = [logits, mean, log_variance, targets.astype(float)]
        yield _of("elbo", "scipy", name, {}, values, (data + code.sum()) / 3)


def flow_nll() -> Iterator[Truth]:
    for name, rng in random_cases(5, "norm.logpdf"):
        code, logdet = rng.normal(size=(3, 4)), rng.normal(size=3)
        y = -(stats.norm.logpdf(code).sum(axis=1) + logdet).mean()
        yield _of("flow_nll", "scipy", name, {}, [code, logdet], y)
