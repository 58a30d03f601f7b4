"""Reductions and indexing."""

from __future__ import annotations

from suite.workloads.definition import Cost, Input, Output, Problem, Tensor, workload
from suite.workloads.distributions import Classes, Distinct, Levels, Mask, Normal, Shifted


def _axis(p: Problem) -> str | None:
    return None if p.axis in (0, 1) else f"the tensor has axes 0 and 1, and no axis {p.axis}"


def _reduced(p: Problem) -> dict[str, Tensor]:
    return {"y": Output("R", (p.rows,)) if p.axis == 1 else Output("C", (p.columns,))}


@workload(family="reductions")
class Sum:
    """Sum over one axis of a matrix.

    y[r] = Σ_c x[r,c] where axis = 1, and y[c] = Σ_r x[r,c] where axis = 0

    Source: Higham 1993, The accuracy of floating point summation, section 1.

    Published shapes: the gradient of the bias of BERT-base's feed-forward layer (Devlin et al. 2019: 8 sequences of 128
    tokens, 3072 features).
    """

    problems = {
        "tiny": dict(rows=3, columns=5, axis=1),
        "tiny.first": dict(rows=3, columns=5, axis=0),
        "small": dict(rows=256, columns=256, axis=1),
        "medium": dict(rows=1024, columns=4096, axis=1),
        "large": dict(rows=4096, columns=16384, axis=1),
        "bert_base.ffn_bias": dict(rows=1024, columns=3072, axis=0),
        "stress.long": dict(rows=4, columns=2**20, axis=1),
    }
    may_be_zero = ("axis",)
    check = staticmethod(_axis)
    outputs = staticmethod(_reduced)

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return {"x": Input("R C", (p.rows, p.columns))}

    @staticmethod
    def cost(p: Problem) -> Cost:
        # The gradient is the cotangent, copied.
        elements = p.rows * p.columns
        return Cost(flops=elements, reduction=p.columns if p.axis == 1 else p.rows, gradient_flops=elements)


@workload(family="reductions")
class Mean:
    """Arithmetic mean over one axis of a matrix.

    y[r] = 1/C Σ_c x[r,c] where axis = 1, and y[c] = 1/R Σ_r x[r,c] where axis = 0

    Source: Goodfellow, Bengio and Courville 2016, Deep Learning, section 5.4.2.
    """

    problems = {
        "tiny": dict(rows=3, columns=5, axis=1),
        "tiny.first": dict(rows=3, columns=5, axis=0),
        "small": dict(rows=256, columns=256, axis=1),
        "medium": dict(rows=1024, columns=4096, axis=1),
        "large": dict(rows=4096, columns=16384, axis=1),
        "stress.long": dict(rows=4, columns=2**20, axis=1),
    }
    may_be_zero = ("axis",)
    check = staticmethod(_axis)
    outputs = staticmethod(_reduced)

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return {"x": Input("R C", (p.rows, p.columns))}

    @staticmethod
    def cost(p: Problem) -> Cost:
        elements = p.rows * p.columns
        return Cost(flops=elements, reduction=p.columns if p.axis == 1 else p.rows, gradient_flops=2 * elements)


@workload(family="reductions")
class Variance:
    """Variance of each row.

    y[b] = 1/(D − correction) Σ_d (x[b,d] − m[b])², where m[b] = 1/D Σ_d x[b,d]

    Biased where `correction` is 0, unbiased where it is 1. Source: Chan, Golub and LeVeque 1983, Algorithms for computing
    the sample variance, equations 1.1 and 1.3.

    The rows are normal numbers around `mean`. Where that is large, E[x²] − E[x]² cancels.
    """

    problems = {
        "tiny": dict(batch=3, features=5, correction=0, mean=0.0),
        "tiny.unbiased": dict(batch=3, features=5, correction=1, mean=0.0),
        "small": dict(batch=256, features=256, correction=0, mean=0.0),
        "medium": dict(batch=1024, features=4096, correction=0, mean=0.0),
        "large": dict(batch=4096, features=16384, correction=0, mean=0.0),
        "stress.mean_1e4": dict(batch=256, features=256, correction=0, mean=1e4),
    }
    may_be_zero = ("correction", "mean")

    @staticmethod
    def check(p: Problem) -> str | None:
        if p.correction > 1:
            return f"correction must be 0 (biased) or 1 (unbiased), not {p.correction}"
        return "a single feature has no variance" if p.features == 1 else None

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return {"x": Input("B D", (p.batch, p.features), Shifted(p.mean, 1.0))}

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("B", (p.batch,))}

    @staticmethod
    def cost(p: Problem) -> Cost:
        # Mean, difference, square, sum. The condition is √(1 + mean² / variance): Chan, Golub and LeVeque, section 3.
        elements = p.batch * p.features
        return Cost(4 * elements, reduction=p.features, gradient_flops=5 * elements, condition=(1 + p.mean**2) ** 0.5)


@workload(family="reductions")
class Logsumexp:
    """Logarithm of the sum of exponentials of each row.

    y[b] = log Σ_d exp x[b,d]

    Source: Blanchard, Higham and Higham 2021, Accurately computing the log-sum-exp and softmax functions, equation 1.1.

    The rows are normal numbers around `mean`. Where that is large, exponentials overflow unless the maximum is taken off.

    Published shapes: GPT-2 small (Radford et al. 2019: 256 tokens, vocabulary 50,257).
    """

    problems = {
        "tiny": dict(batch=3, features=5, mean=0.0),
        "small": dict(batch=256, features=256, mean=0.0),
        "medium": dict(batch=1024, features=4096, mean=0.0),
        "large": dict(batch=4096, features=16384, mean=0.0),
        "gpt2.lm": dict(batch=256, features=50257, mean=0.0),
        "stress.mean_1e4": dict(batch=256, features=256, mean=1e4),
    }
    may_be_zero = ("mean",)

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return {"x": Input("B D", (p.batch, p.features), Shifted(p.mean, 1.0))}

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("B", (p.batch,))}

    @staticmethod
    def cost(p: Problem) -> Cost:
        # Maximum, difference, exponential, sum. In the gradient exp(x − y) magnifies the rounding of y by |y|: section 4.
        elements = p.batch * p.features
        return Cost(4 * elements, reduction=p.features, gradient_flops=7 * elements, condition=max(1.0, p.mean))


@workload(family="reductions")
class Cumsum:
    """Sums of the entries so far, along each row.

    y[b,d] = Σ_{e ≤ d} x[b,e]

    Each entry is in its own sum. Source: Blelloch 1990, Prefix sums and their applications, section 1.
    """

    problems = {
        "tiny": dict(batch=3, features=5),
        "small": dict(batch=256, features=256),
        "medium": dict(batch=1024, features=4096),
        "large": dict(batch=4096, features=16384),
    }

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return {"x": Input("B D", (p.batch, p.features))}

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("B D", (p.batch, p.features))}

    @staticmethod
    def cost(p: Problem) -> Cost:
        elements = p.batch * p.features
        return Cost(flops=elements, reduction=p.features, gradient_flops=2 * elements)


@workload(family="reductions")
class Max:
    """Largest entry of each row.

    y[b] = max_d x[b,d]

    The gradient at a tie is split evenly among the largest: the mean of the subgradients. Source: Boyd and Vandenberghe
    2004, Convex Optimization, section 3.2.3 (the function).

    No two entries of x are equal where `levels` is 0; else they are whole numbers below `levels`, with many ties, at which
    differences say nothing.
    """

    smooth = False
    problems = {
        "tiny": dict(batch=3, features=5, levels=0),
        "small": dict(batch=256, features=256, levels=0),
        "medium": dict(batch=1024, features=4096, levels=0),
        "large": dict(batch=4096, features=16384, levels=0),
        "stress.ties": dict(batch=256, features=64, levels=5),
    }
    may_be_zero = ("levels",)

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return {"x": Input("B D", (p.batch, p.features), Levels(p.levels) if p.levels else Distinct())}

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("B", (p.batch,))}

    @staticmethod
    def cost(p: Problem) -> Cost:
        # A comparison counts as one operation; the gradient compares again and counts the ties.
        elements = p.batch * p.features
        return Cost(flops=elements, reduction=1, gradient_flops=3 * elements)


@workload(family="reductions")
class Topk:
    """The k largest entries of each row, the largest first.

    y[b,j] = x[b, order[b,j]] for j < k, where order[b] sorts row b from the largest to the smallest

    Source: Knuth 1998, The Art of Computer Programming, volume 3, section 5.3.3.

    Published shapes: the 40 tokens that OpenAI's samples of GPT-2 are drawn from (`top_k 40` in the README of openai/gpt-2),
    of a vocabulary of 50,257.
    """

    smooth = False
    problems = {
        "tiny": dict(batch=3, features=5, k=2),
        "small": dict(batch=64, features=256, k=8),
        "medium": dict(batch=128, features=4096, k=16),
        "large": dict(batch=256, features=16384, k=64),
        "gpt2.sampling": dict(batch=8, features=50257, k=40),
    }

    @staticmethod
    def check(p: Problem) -> str | None:
        return f"k={p.k} is more than the {p.features} features" if p.k > p.features else None

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return {"x": Input("B D", (p.batch, p.features), Distinct())}

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("B K", (p.batch, p.k))}

    @staticmethod
    def cost(p: Problem) -> Cost:
        return Cost(flops=p.batch * p.features, reduction=1, gradient_flops=p.batch * p.features)


@workload(family="reductions")
class Gather:
    """Entries of each row, by their places in it.

    y[b,j] = x[b, index[b,j]]

    An entry may be taken several times; its cotangents are then added. Source: Blelloch 1990, Vector Models for
    Data-Parallel Computing, section 4.1.
    """

    problems = {
        "tiny": dict(batch=3, features=5, taken=4),
        "small": dict(batch=256, features=256, taken=64),
        "medium": dict(batch=1024, features=4096, taken=1024),
        "large": dict(batch=4096, features=8192, taken=2048),
    }

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return {
            "x": Input("B D", (p.batch, p.features)),
            "index": Input("B J", (p.batch, p.taken), Classes(p.features)),
        }

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("B J", (p.batch, p.taken))}

    @staticmethod
    def cost(p: Problem) -> Cost:
        return Cost(flops=0, reduction=1, gradient_flops=p.batch * p.taken)


@workload(family="reductions")
class ScatterAdd:
    """Rows added to those rows of a matrix whose numbers they carry.

    y[r,d] = x[r,d] + Σ_{n: index[n] = r} updates[n,d]

    Source: Gilmer et al. 2017, Neural message passing for quantum chemistry, equation 1 (the sum of messages at a node).

    Published shapes: the messages of a graph convolution on Cora (Kipf and Welling 2017, tables 1 and 2: 2708 nodes, 5429
    edges in both directions, 16 hidden features).
    """

    problems = {
        "tiny": dict(rows=4, updates=7, features=3),
        "small": dict(rows=256, updates=1024, features=32),
        "medium": dict(rows=2048, updates=16384, features=64),
        "large": dict(rows=16384, updates=131072, features=128),
        "gcn.cora": dict(rows=2708, updates=10858, features=16),
    }

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return {
            "x": Input("R D", (p.rows, p.features)),
            "index": Input("N", (p.updates,), Classes(p.rows)),
            "updates": Input("N D", (p.updates, p.features)),
        }

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("R D", (p.rows, p.features))}

    @staticmethod
    def cost(p: Problem) -> Cost:
        # The gradient only moves rows.
        flops = p.updates * p.features
        return Cost(flops=flops, reduction=-(-p.updates // p.rows) + 1, gradient_flops=flops)


@workload(family="reductions")
class Where:
    """Entries of one tensor where a condition holds, of another elsewhere.

    y[b,d] = a[b,d] where condition[b,d], else c[b,d]

    Source: Iverson 1962, A Programming Language, section 1.8 (the mask of two vectors).
    """

    problems = {
        "tiny": dict(batch=3, features=5),
        "small": dict(batch=256, features=256),
        "medium": dict(batch=1024, features=4096),
        "large": dict(batch=4096, features=16384),
    }

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        shape = (p.batch, p.features)
        return {
            "condition": Input("B D", shape, Mask(0.5)),
            "a": Input("B D", shape, Normal()),
            "c": Input("B D", shape, Normal()),
        }

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("B D", (p.batch, p.features))}

    @staticmethod
    def cost(p: Problem) -> Cost:
        return Cost(flops=0, reduction=1)


@workload(family="reductions")
class Sort:
    """The entries of each row, from the smallest to the largest.

    y[b,j] = x[b, order[b,j]], where y[b,0] ≤ y[b,1] ≤ …

    Stable: equal entries keep their order, and each has the cotangent of its own place. Source: Knuth 1998, The Art of
    Computer Programming, volume 3, chapter 5.
    """

    smooth = False
    problems = {
        "tiny": dict(batch=3, features=5),
        "small": dict(batch=64, features=256),
        "medium": dict(batch=128, features=4096),
        "large": dict(batch=256, features=16384),
    }

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return {"x": Input("B D", (p.batch, p.features), Distinct())}

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("B D", (p.batch, p.features))}

    @staticmethod
    def cost(p: Problem) -> Cost:
        # Comparisons depend on the algorithm and are not counted.
        return Cost(flops=0, reduction=1)
