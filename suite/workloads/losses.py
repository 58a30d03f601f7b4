"""Losses: each is a mean, over the batch or over all entries as its definition says."""

from __future__ import annotations

import math

from suite.workloads.definition import Cost, Input, Output, Problem, Tensor, workload
from suite.workloads.distributions import (
    Apart,
    Classes,
    Integers,
    Labels,
    Levels,
    Normal,
    Probabilities,
    Shifted,
    Signs,
    Uniform,
)


@workload(family="losses")
class SoftmaxCrossEntropy:
    """Mean negative log-likelihood of the labels under the softmax of the logits.

    y = 1/B Σ_b (log Σ_c exp logits[b,c] − logits[b, labels[b]])

    No class weights, no smoothing, no ignored label. Source: Goodfellow, Bengio and Courville 2016, Deep Learning,
    section 6.2.2.3.

    Published shapes: ResNet-50 on ImageNet (256 images, 1000 classes), the masked-token loss of BERT-base (8 sequences
    with 20 masked tokens each, vocabulary 30,522), GPT-2 small (256 tokens, vocabulary 50,257).
    """

    problems = {
        "tiny": dict(batch=4, classes=5),
        "small": dict(batch=128, classes=10),
        "medium": dict(batch=256, classes=1000),
        "large": dict(batch=2048, classes=10000),
        "resnet50.imagenet": dict(batch=256, classes=1000),
        "bert_base.mlm": dict(batch=160, classes=30522),
        "gpt2.lm": dict(batch=256, classes=50257),
    }

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return {
            "logits": Input("B C", (p.batch, p.classes), Normal(2.0)),
            "labels": Input("B", (p.batch,), Classes(p.classes)),
        }

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("", ())}

    @staticmethod
    def cost(p: Problem) -> Cost:
        # Per logit: maximum, subtract, exponential, sum; backward: subtract, exponential and scale again.
        elements = p.batch * p.classes
        return Cost(flops=4 * elements, reduction=max(p.batch, p.classes), gradient_flops=7 * elements)


@workload(family="losses")
class TokenCrossEntropy:
    """Mean negative log-likelihood of a label for every position of every sequence.

    y = 1/(B·T) Σ_{b,t} (log Σ_c exp logits[b,t,c] − logits[b,t,labels[b,t]])

    No position is ignored. Source: Bengio, Ducharme, Vincent and Jauvin 2003, A neural probabilistic language model,
    section 3.

    Published shape: GPT-2 small (Radford et al. 2019: 1 sequence of 256 tokens, vocabulary 50,257).
    """

    problems = {
        "tiny": dict(batch=2, seq=3, classes=5),
        "small": dict(batch=8, seq=32, classes=100),
        "medium": dict(batch=8, seq=128, classes=1000),
        "large": dict(batch=16, seq=256, classes=10000),
        "gpt2.lm": dict(batch=1, seq=256, classes=50257),
    }

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return {
            "logits": Input("B T C", (p.batch, p.seq, p.classes), Normal(2.0)),
            "labels": Input("B T", (p.batch, p.seq), Classes(p.classes)),
        }

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("", ())}

    @staticmethod
    def cost(p: Problem) -> Cost:
        elements = p.batch * p.seq * p.classes
        return Cost(flops=4 * elements, reduction=max(p.batch * p.seq, p.classes), gradient_flops=7 * elements)


@workload(family="losses")
class PixelCrossEntropy:
    """Mean negative log-likelihood of a label for every pixel.

    y = 1/(N·H·W) Σ_{n,h,w} (log Σ_c exp logits[n,c,h,w] − logits[n,labels[n,h,w],h,w])

    No pixel is ignored or weighted. Source: Long, Shelhamer and Darrell 2015, Fully convolutional networks for semantic
    segmentation, section 3.

    Published shape: the result of U-Net on one image (Ronneberger et al. 2015, figure 1: 388 × 388 pixels, 2 classes).
    """

    problems = {
        "tiny": dict(batch=2, classes=3, size=4),
        "small": dict(batch=4, classes=4, size=28),
        "medium": dict(batch=8, classes=21, size=56),
        "large": dict(batch=8, classes=21, size=224),
        "unet": dict(batch=1, classes=2, size=388),
    }

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return {
            "logits": Input("N C H W", (p.batch, p.classes, p.size, p.size), Normal(2.0)),
            "labels": Input("N H W", (p.batch, p.size, p.size), Classes(p.classes)),
        }

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("", ())}

    @staticmethod
    def cost(p: Problem) -> Cost:
        pixels = p.batch * p.size**2
        return Cost(
            flops=4 * pixels * p.classes, reduction=max(pixels, p.classes), gradient_flops=7 * pixels * p.classes
        )


@workload(family="losses")
class CrossEntropy:
    """Cross-entropy with class weights, label smoothing and one class that is ignored.

    y = Σ_b n_b Σ_c q[b,c] weight[c] (log Σ_k exp logits[b,k] − logits[b,c]) / Σ_b n_b weight[labels[b]]

    where q[b,c] = (1 − smoothing) [c = labels[b]] + smoothing / C, and n_b = 0 where labels[b] = ignore_index, else 1. The
    ignored class keeps its logit in the softmax and its share of the smoothing. The divisor is the sum of the labels'
    weights, not their number; were all labels ignored, there would be no loss, so the first is drawn from the others.
    Source: Szegedy et al. 2016, Rethinking the Inception architecture for computer vision, section 7 (smoothing); weights
    and ignored label as in PyTorch and ONNX.

    Published shape: ImageNet with smoothing 0.1 as in that paper (its batch of 32, 1000 classes).
    """

    problems = {
        "tiny": dict(batch=7, classes=5, smoothing=0.2, ignore_index=2),
        "small": dict(batch=128, classes=10, smoothing=0.1, ignore_index=0),
        "medium": dict(batch=256, classes=1000, smoothing=0.1, ignore_index=0),
        "large": dict(batch=2048, classes=10000, smoothing=0.1, ignore_index=0),
        "inception.imagenet": dict(batch=32, classes=1000, smoothing=0.1, ignore_index=0),
    }
    may_be_zero = ("smoothing", "ignore_index")

    @staticmethod
    def check(p: Problem) -> str | None:
        if p.smoothing > 1:
            return f"smoothing={p.smoothing} leaves the label less than nothing"
        if p.ignore_index >= p.classes:
            return f"ignore_index={p.ignore_index} is none of the {p.classes} classes"
        return None if p.classes > 1 else "the only class is ignored"

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return {
            "logits": Input("B C", (p.batch, p.classes), Normal(2.0)),
            "labels": Input("B", (p.batch,), Labels(p.classes, p.ignore_index)),
            "weight": Input("C", (p.classes,), Uniform(0.5, 2.0), fixed=True),
        }

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("", ())}

    @staticmethod
    def cost(p: Problem) -> Cost:
        # Per logit: maximum, subtract, exponential, sum; weigh and sum for the smoothing. Backward: as much again.
        elements = p.batch * p.classes
        return Cost(flops=6 * elements, reduction=max(p.batch, p.classes), gradient_flops=11 * elements)


@workload(family="losses")
class BceWithLogits:
    """Binary cross-entropy of independent probabilities under the sigmoid of the logits.

    y = 1/(B C) Σ_bc (log(1 + exp logits[b,c]) − targets[b,c] logits[b,c])

    The mean over all entries; no weights. Targets are probabilities. Source: Bishop 2006, Pattern Recognition and Machine
    Learning, equation 4.90.
    """

    problems = {
        "tiny": dict(batch=4, classes=5),
        "small": dict(batch=128, classes=10),
        "medium": dict(batch=256, classes=1000),
        "large": dict(batch=2048, classes=10000),
    }

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return {
            "logits": Input("B C", (p.batch, p.classes), Normal(2.0)),
            "targets": Input("B C", (p.batch, p.classes), Uniform(0.0, 1.0), fixed=True),
        }

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("", ())}

    @staticmethod
    def cost(p: Problem) -> Cost:
        # Per entry: exponential, logarithm, two sums, a product, the mean's sum; backward: a sigmoid, subtract, scale.
        elements = p.batch * p.classes
        return Cost(flops=6 * elements, reduction=elements, gradient_flops=11 * elements)


@workload(family="losses")
class Mse:
    """Mean squared error.

    y = 1/(B D) Σ_bd (predictions[b,d] − targets[b,d])²

    The mean over all entries, with no factor of one half. Source: Goodfellow, Bengio and Courville 2016, Deep Learning,
    equation 5.4.
    """

    problems = {
        "tiny": dict(batch=4, features=5),
        "small": dict(batch=256, features=16),
        "medium": dict(batch=1024, features=256),
        "large": dict(batch=4096, features=4096),
    }

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        shape = (p.batch, p.features)
        return {"predictions": Input("B D", shape), "targets": Input("B D", shape, fixed=True)}

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("", ())}

    @staticmethod
    def cost(p: Problem) -> Cost:
        elements = p.batch * p.features
        return Cost(flops=3 * elements, reduction=elements, gradient_flops=4 * elements)


@workload(family="losses")
class Elbo:
    """Negative evidence lower bound of a variational autoencoder with a normal code and Bernoulli data.

    y = 1/B Σ_b [Σ_i (log(1 + exp logits[b,i]) − targets[b,i] logits[b,i])
                 + ½ Σ_d (mean[b,d]² + exp log_variance[b,d] − 1 − log_variance[b,d])]

    The cross-entropy of the data, and the divergence of the code from a standard normal one. Source: Kingma and Welling
    2014, Auto-encoding variational Bayes, equation 10 and appendices B and C.1.

    Published shape: MNIST with a code of 20 (that paper, section 5: batches of 100).
    """

    problems = {
        "tiny": dict(batch=4, inputs=6, code=3),
        "small": dict(batch=128, inputs=784, code=20),
        "medium": dict(batch=512, inputs=784, code=64),
        "large": dict(batch=1024, inputs=12288, code=128),
        "vae.mnist": dict(batch=100, inputs=784, code=20),
    }

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return {
            "logits": Input("B I", (p.batch, p.inputs), Normal(2.0)),
            "mean": Input("B D", (p.batch, p.code)),
            "log_variance": Input("B D", (p.batch, p.code)),
            "targets": Input("B I", (p.batch, p.inputs), Uniform(0.0, 1.0), fixed=True),
        }

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("", ())}

    @staticmethod
    def cost(p: Problem) -> Cost:
        # Per datum: exponential, sum, logarithm, product, difference, sum; per entry of the code: square, exponential,
        # three sums.
        data, code = p.batch * p.inputs, p.batch * p.code
        return Cost(flops=6 * (data + code), reduction=data + code, gradient_flops=10 * (data + code))


@workload(family="losses")
class FlowNll:
    """Mean negative log-likelihood of a normalising flow with a standard normal code.

    y = 1/B Σ_b [½ Σ_d code[b,d]² + D/2 · log 2π − logdet[b]]

    where logdet is the logarithm of the determinant of the flow's Jacobian. Source: Dinh, Sohl-Dickstein and Bengio
    2017, Density estimation using Real NVP, equations 2 and 3.
    """

    problems = {
        "tiny": dict(batch=4, features=3),
        "small": dict(batch=256, features=16),
        "medium": dict(batch=1024, features=256),
        "large": dict(batch=4096, features=3072),
    }

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return {"code": Input("B D", (p.batch, p.features)), "logdet": Input("B", (p.batch,))}

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("", ())}

    @staticmethod
    def cost(p: Problem) -> Cost:
        elements = p.batch * p.features
        return Cost(flops=2 * elements, reduction=elements, gradient_flops=3 * elements)


@workload(family="losses")
class Mae:
    """Mean absolute error.

    y = 1/(B D) Σ_bd |predictions[b,d] − targets[b,d]|

    The mean over all entries. The numbers are drawn so that no difference is near the kink at 0. Source: Hastie, Tibshirani
    and Friedman 2009, The Elements of Statistical Learning, section 10.6.
    """

    problems = {
        "tiny": dict(batch=4, features=5),
        "small": dict(batch=256, features=16),
        "medium": dict(batch=1024, features=256),
        "large": dict(batch=4096, features=4096),
    }
    smooth = False

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        shape = (p.batch, p.features)
        return {
            "predictions": Input("B D", shape, Apart((0.0, 1.0, 2.0), scale=2.0)),
            "targets": Input("B D", shape, Levels(3), fixed=True),
        }

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("", ())}

    @staticmethod
    def cost(p: Problem) -> Cost:
        elements = p.batch * p.features
        return Cost(flops=3 * elements, reduction=elements, gradient_flops=5 * elements)


@workload(family="losses")
class Huber:
    """Huber's loss: squared where the error is small, absolute where it is large.

    y = 1/(B D) Σ_bd ρ(|predictions[b,d] − targets[b,d]|), with ρ(r) = r²/2 where r ≤ delta, else delta (r − delta/2)

    The mean over all entries; not divided by delta, as "smooth L1" is. The numbers are drawn so that no error is near
    delta, where the second derivative jumps. Source: Huber 1964, Robust estimation of a location parameter, section 3.
    """

    problems = {
        "tiny": dict(batch=4, features=5, delta=0.75),
        "small": dict(batch=256, features=16, delta=1.0),
        "medium": dict(batch=1024, features=256, delta=1.0),
        "large": dict(batch=4096, features=4096, delta=1.0),
    }
    smooth = False

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        shape = (p.batch, p.features)
        corners = tuple(sorted({level + side * p.delta for level in (0, 1, 2) for side in (-1, 1)}))
        return {
            "predictions": Input("B D", shape, Apart(corners, scale=2.0)),
            "targets": Input("B D", shape, Levels(3), fixed=True),
        }

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("", ())}

    @staticmethod
    def cost(p: Problem) -> Cost:
        # Subtract, absolute value, both branches of two operations each, choose, sum; backward: clip and scale.
        elements = p.batch * p.features
        return Cost(flops=7 * elements, reduction=elements, gradient_flops=10 * elements)


@workload(family="losses")
class Quantile:
    """Quantile (pinball) loss, whose minimum is the q-quantile of the targets.

    y = 1/(B D) Σ_bd max(q r, (q − 1) r), with r = targets[b,d] − predictions[b,d]

    The mean over all entries. The numbers are drawn so that no r is near the kink at 0. Source: Koenker and Bassett 1978,
    Regression quantiles, equation 3.1.
    """

    problems = {
        "tiny": dict(batch=4, features=5, q=0.3),
        "small": dict(batch=256, features=16, q=0.9),
        "medium": dict(batch=1024, features=256, q=0.9),
        "large": dict(batch=4096, features=4096, q=0.9),
    }
    smooth = False

    @staticmethod
    def check(p: Problem) -> str | None:
        return None if p.q < 1 else f"q={p.q} is no quantile between 0 and 1"

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        shape = (p.batch, p.features)
        return {
            "predictions": Input("B D", shape, Apart((0.0, 1.0, 2.0), scale=2.0)),
            "targets": Input("B D", shape, Levels(3), fixed=True),
        }

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("", ())}

    @staticmethod
    def cost(p: Problem) -> Cost:
        elements = p.batch * p.features
        return Cost(flops=5 * elements, reduction=elements, gradient_flops=7 * elements)


@workload(family="losses")
class Hinge:
    """Hinge loss of the support vector machine.

    y = 1/(B C) Σ_bc max(0, 1 − targets[b,c] scores[b,c])

    with targets −1 or 1. The mean over all entries. No score is drawn near the kinks at −1 and 1. Source: Cortes and Vapnik
    1995, Support-vector networks, section 3.
    """

    problems = {
        "tiny": dict(batch=4, classes=5),
        "small": dict(batch=256, classes=16),
        "medium": dict(batch=1024, classes=256),
        "large": dict(batch=4096, classes=4096),
    }
    smooth = False

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        shape = (p.batch, p.classes)
        return {
            "scores": Input("B C", shape, Apart((-1.0, 1.0), scale=1.5)),
            "targets": Input("B C", shape, Signs(), fixed=True),
        }

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("", ())}

    @staticmethod
    def cost(p: Problem) -> Cost:
        elements = p.batch * p.classes
        return Cost(flops=4 * elements, reduction=elements, gradient_flops=6 * elements)


@workload(family="losses")
class Focal:
    """Sigmoid focal loss: cross-entropy that gives little weight to what is already classified well.

    y = −1/(B C) Σ_bc a (1 − p)^gamma log p

    where for targets[b,c] = 1: p = sigmoid(logits[b,c]), a = alpha; for targets[b,c] = 0: p = sigmoid(−logits[b,c]),
    a = 1 − alpha. The mean over all entries, where the paper divides by the number of anchors assigned to an object.
    Source: Lin et al. 2017, Focal loss for dense object detection, equation 5.

    Published settings: RetinaNet's alpha 0.25 and gamma 2, over 80 classes.
    """

    problems = {
        "tiny": dict(batch=4, classes=5, alpha=0.25, gamma=1.5),
        "small": dict(batch=128, classes=10, alpha=0.25, gamma=2.0),
        "medium": dict(batch=4096, classes=80, alpha=0.25, gamma=2.0),
        "large": dict(batch=65536, classes=80, alpha=0.25, gamma=2.0),
    }
    may_be_zero = ("gamma",)

    @staticmethod
    def check(p: Problem) -> str | None:
        return None if p.alpha < 1 else f"alpha={p.alpha} leaves the class 0 no weight"

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        shape = (p.batch, p.classes)
        return {"logits": Input("B C", shape, Normal(2.0)), "targets": Input("B C", shape, Levels(2), fixed=True)}

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("", ())}

    @staticmethod
    def cost(p: Problem) -> Cost:
        # Per entry: cross-entropy 5, sigmoid 3, p and a 6, power 1, two products, sum; backward: about as much again.
        elements = p.batch * p.classes
        return Cost(flops=18 * elements, reduction=elements, gradient_flops=36 * elements)


@workload(family="losses")
class KlDiv:
    """Kullback-Leibler divergence of given logarithms of probabilities from target probabilities.

    y = 1/B Σ_bc targets[b,c] (log targets[b,c] − log_probabilities[b,c])

    with 0 log 0 = 0. The sum over classes and the mean over the batch. Source: Kullback and Leibler 1951, On information
    and sufficiency, equation 2.4.

    Published shape: the distillation loss of DistilBERT (40 tokens of a vocabulary of 30,522).
    """

    problems = {
        "tiny": dict(batch=4, classes=5),
        "small": dict(batch=128, classes=10),
        "medium": dict(batch=256, classes=1000),
        "large": dict(batch=2048, classes=10000),
        "distilbert": dict(batch=40, classes=30522),
    }

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        shape = (p.batch, p.classes)
        # Low enough to lie under the logarithms of the targets, so that the terms do not cancel.
        return {
            "log_probabilities": Input("B C", shape, Shifted(mean=-15.0, scale=1.0)),
            "targets": Input("B C", shape, Probabilities(), fixed=True),
        }

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("", ())}

    @staticmethod
    def cost(p: Problem) -> Cost:
        elements = p.batch * p.classes
        return Cost(flops=4 * elements, reduction=elements, gradient_flops=5 * elements)


@workload(family="losses")
class Dice:
    """Soft Dice loss of a segmentation.

    y = 1/B Σ_b (1 − (2 Σ_p probabilities[b,p] targets[b,p] + eps) / (Σ_p probabilities[b,p] + Σ_p targets[b,p] + eps))

    The ratio is taken image by image; the sums below are plain, not squared; eps above and below makes an empty image that
    is found empty cost nothing. Source: Milletari, Navab and Ahmadi 2016, V-Net, section 3 (there with squares); with plain
    sums in Sudre et al. 2017, Generalised Dice overlap, section 2.1.

    Published shape: V-Net's volumes (2 of 128 × 128 × 64 voxels).
    """

    problems = {
        "tiny": dict(batch=3, pixels=7, eps=0.5),
        "small": dict(batch=8, pixels=1024, eps=1.0),
        "medium": dict(batch=16, pixels=65536, eps=1.0),
        "large": dict(batch=32, pixels=262144, eps=1.0),
        "v_net": dict(batch=2, pixels=1048576, eps=1.0),
    }

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        shape = (p.batch, p.pixels)
        return {
            "probabilities": Input("B P", shape, Uniform(0.0, 1.0)),
            "targets": Input("B P", shape, Levels(2), fixed=True),
        }

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("", ())}

    @staticmethod
    def cost(p: Problem) -> Cost:
        elements = p.batch * p.pixels
        return Cost(flops=4 * elements, reduction=p.pixels, gradient_flops=6 * elements)


@workload(family="losses")
class Triplet:
    """Triplet margin loss: the positive must be nearer than the negative by a margin.

    y = 1/B Σ_b max(0, |anchor[b] − positive[b]| − |anchor[b] − negative[b]| + margin), with |v| = √Σ_d (v[d] + eps)²

    eps is added to each difference before it is squared, and not to the sum of squares. Euclidean distances; the anchor is
    never swapped with the positive. Source: Balntas et al. 2016, Learning local feature descriptors with triplets and
    shallow convolutional neural networks, section 3; eps as in PyTorch.

    Published shape: FaceNet's embeddings (1800 faces, 128 wide, margin 0.2), three to a triplet.
    """

    problems = {
        "tiny": dict(batch=4, features=7, margin=0.5, eps=1e-2),
        "small": dict(batch=64, features=32, margin=0.2, eps=1e-6),
        "medium": dict(batch=1024, features=128, margin=0.2, eps=1e-6),
        "large": dict(batch=8192, features=1024, margin=0.2, eps=1e-6),
        "facenet": dict(batch=600, features=128, margin=0.2, eps=1e-6),
    }
    smooth = False

    @staticmethod
    def check(p: Problem) -> str | None:
        return None if p.features > 1 else "over a single feature the slopes of both distances are 1 or -1, and cancel"

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        shape = (p.batch, p.features)
        # About unit length, as embeddings are; all three alike, so that some triplets are within the margin, some not.
        embeddings = Normal(p.features**-0.5)
        return {name: Input("B D", shape, embeddings) for name in ("anchor", "positive", "negative")}

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("", ())}

    @staticmethod
    def cost(p: Problem) -> Cost:
        # Two distances of four operations an entry; backward: two products and two sums an entry of either.
        elements = p.batch * p.features
        return Cost(flops=8 * elements, reduction=max(p.batch, p.features), gradient_flops=14 * elements)


@workload(family="losses")
class InfoNce:
    """InfoNCE: each query must pick its own key among all keys of the batch.

    y = 1/B Σ_b (log Σ_c exp s[b,c] − s[b,b]), with s[b,c] = Σ_d queries[b,d] keys[c,d] / temperature

    The other keys of the batch are the negatives. Query to key only; the embeddings are taken as they come, without
    normalisation. Source: van den Oord, Li and Vinyals 2018, Representation learning with contrastive predictive coding,
    equation 4; the temperature as in He et al. 2020, Momentum contrast, equation 1.

    Published shape: SimCLR (4096 images, embeddings 128 wide, temperature 0.1).
    """

    problems = {
        "tiny": dict(batch=5, features=3, temperature=0.5),
        "small": dict(batch=64, features=32, temperature=0.1),
        "medium": dict(batch=512, features=128, temperature=0.1),
        "large": dict(batch=2048, features=512, temperature=0.1),
        "simclr": dict(batch=4096, features=128, temperature=0.1),
    }

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        shape, embeddings = (p.batch, p.features), Normal(p.features**-0.5)
        return {"queries": Input("B D", shape, embeddings), "keys": Input("C D", shape, embeddings)}

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("", ())}

    @staticmethod
    def cost(p: Problem) -> Cost:
        # One product; five operations a score. Backward: two products and three operations a score.
        scores = p.batch * p.batch
        return Cost(
            flops=scores * (2 * p.features + 5),
            reduction=max(p.batch, p.features),
            gradient_flops=scores * (6 * p.features + 8),
        )


@workload(family="losses")
class Ctc:
    """Connectionist temporal classification: the likelihood of a label sequence over all its alignments.

    y = −1/B Σ_b log Σ_a Π_t softmax(logits[b,t])[a_t]

    over the alignments a of input_lengths[b] steps that become the first target_lengths[b] labels of targets[b] when
    repeats are merged and then blanks removed. Blank is class 0. The mean over the batch, not divided by the number of
    labels. Later steps and labels count for nothing. Inputs have at least twice as many steps as there are labels, so that
    there always is an alignment. Source: Graves et al. 2006, Connectionist temporal classification, equations 3 to 8.
    """

    problems = {
        "tiny": dict(batch=3, time=9, classes=4, labels=3),
        "small": dict(batch=8, time=50, classes=20, labels=10),
        "medium": dict(batch=16, time=200, classes=29, labels=40),
        "large": dict(batch=32, time=500, classes=100, labels=100),
    }

    @staticmethod
    def check(p: Problem) -> str | None:
        if p.classes < 2:
            return "the blank alone spells nothing"
        if p.time < 2 * p.labels:
            return f"{p.labels} labels, if all the same, need {2 * p.labels - 1} steps and may have as few as {p.time}"
        return None

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return {
            "logits": Input("B T C", (p.batch, p.time, p.classes)),
            "targets": Input("B L", (p.batch, p.labels), Integers(1, p.classes - 1)),
            "input_lengths": Input("B", (p.batch,), Integers(2 * p.labels, p.time)),
            "target_lengths": Input("B", (p.batch,), Integers(1, p.labels)),
        }

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("", ())}

    @staticmethod
    def cost(p: Problem) -> Cost:
        # Four operations a logit for its softmax; a sum of three exponentials and its logarithm, ten, a state and step.
        logits, states = p.batch * p.time * p.classes, p.batch * p.time * (2 * p.labels + 1)
        return Cost(
            flops=4 * logits + 10 * states,
            reduction=max(p.classes, 3 * p.time, p.batch),
            gradient_flops=7 * logits + 25 * states,
            # The gradient is an exponential of logarithms, of the order of t log C after t steps, and rounded at each:
            # T log C / √3 in the root mean square. Another √3, since a step counts as three terms of the reduction.
            gradient_condition=max(1.0, p.time * math.log(p.classes) / 3),
        )
