"""Products of matrices and tensors, and lookup in a table."""

from __future__ import annotations

from suite.workloads.definition import Cost, Input, Output, Parameter, Problem, Tensor, workload
from suite.workloads.distributions import Classes, Normal


@workload(family="linear")
class Linear:
    """Affine map of each row.

    y[b,o] = bias[o] + Σ_i x[b,i] · weight[o,i]

    The weight has its output axis first. Source: Goodfellow, Bengio and Courville 2016, Deep Learning, section 6.1.

    Published shapes: the feed-forward layer of BERT-base (8 sequences of 128 tokens, 768 → 3072), the joint
    query-key-value projection of GPT-2 small (1 sequence of 1024 tokens, 768 → 2304), the classifier of ResNet-50
    (32 images, 2048 → 1000).
    """

    bound = "product"
    problems = {
        "tiny": dict(batch=3, in_features=5, out_features=4),
        "small": dict(batch=32, in_features=128, out_features=128),
        "medium": dict(batch=64, in_features=1024, out_features=1024),
        "large": dict(batch=256, in_features=4096, out_features=4096),
        "bert_base.ffn": dict(batch=1024, in_features=768, out_features=3072),
        "gpt2.qkv": dict(batch=1024, in_features=768, out_features=2304),
        "resnet50.fc": dict(batch=32, in_features=2048, out_features=1000),
    }

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return {
            "x": Input("B I", (p.batch, p.in_features)),
            "weight": Parameter("O I", (p.out_features, p.in_features), Normal(p.in_features**-0.5)),
            "bias": Parameter("O", (p.out_features,)),
        }

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("B O", (p.batch, p.out_features))}

    @staticmethod
    def cost(p: Problem) -> Cost:
        return Cost(flops=2 * p.batch * p.in_features * p.out_features, reduction=p.in_features)


@workload(family="linear")
class Matmul:
    """Product of two matrices.

    y[m,n] = Σ_k a[m,k] · b[k,n]

    Source: Golub and Van Loan 2013, Matrix Computations, section 1.1.

    Published shapes: of the training problems of Baidu's DeepBench (2016, gemm_problems.h: m, n, k, neither transposed).
    """

    bound = "product"
    problems = {
        "tiny": dict(m=3, n=4, k=5),
        "small": dict(m=64, n=64, k=64),
        "medium": dict(m=512, n=512, k=512),
        "large": dict(m=2048, n=2048, k=2048),
        "deepbench.1760x16x1760": dict(m=1760, n=16, k=1760),
        "deepbench.1760x128x1760": dict(m=1760, n=128, k=1760),
        "deepbench.2560x64x2560": dict(m=2560, n=64, k=2560),
        "deepbench.7680x32x2560": dict(m=7680, n=32, k=2560),
        "deepbench.3072x128x1024": dict(m=3072, n=128, k=1024),
        "deepbench.35x8457x1760": dict(m=35, n=8457, k=1760),
        "deepbench.1024x700x512": dict(m=1024, n=700, k=512),
        "deepbench.1760x7000x1760": dict(m=1760, n=7000, k=1760),
        "deepbench.512x8x500000": dict(m=512, n=8, k=500000),
    }

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return {"a": Input("M K", (p.m, p.k)), "b": Input("K N", (p.k, p.n))}

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("M N", (p.m, p.n))}

    @staticmethod
    def cost(p: Problem) -> Cost:
        return Cost(flops=2 * p.m * p.n * p.k, reduction=p.k)


@workload(family="linear")
class BatchedMatmul:
    """Products of many pairs of matrices.

    y[b,m,n] = Σ_k a[b,m,k] · c[b,k,n]

    Source: Golub and Van Loan 2013, Matrix Computations, section 1.1, for each b.

    Published shapes: the scores of BERT-base's attention (Devlin et al. 2019: 8 sequences of 128 tokens, 12 heads of 64)
    and of GPT-2 small's (Radford et al. 2019: 1 sequence of 1024 tokens, 12 heads of 64).
    """

    bound = "product"
    problems = {
        "tiny": dict(batch=2, m=3, n=4, k=5),
        "small": dict(batch=16, m=32, n=32, k=32),
        "medium": dict(batch=64, m=128, n=128, k=64),
        "large": dict(batch=128, m=256, n=256, k=256),
        "bert_base.scores": dict(batch=96, m=128, n=128, k=64),
        "gpt2.scores": dict(batch=12, m=1024, n=1024, k=64),
    }

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return {"a": Input("B M K", (p.batch, p.m, p.k)), "c": Input("B K N", (p.batch, p.k, p.n))}

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("B M N", (p.batch, p.m, p.n))}

    @staticmethod
    def cost(p: Problem) -> Cost:
        return Cost(flops=2 * p.batch * p.m * p.n * p.k, reduction=p.k)


@workload(family="linear")
class Einsum:
    """Contraction of tensors of three and four indices over one, with one in common: bij,bjkl->bikl.

    y[b,i,k,l] = Σ_j a[b,i,j] · c[b,j,k,l]

    It is written in the frameworks' own notation of indices, so that they choose transpositions and products.
    Source: Einstein 1916, Die Grundlage der allgemeinen Relativitätstheorie, section 5 (the convention of summation).
    """

    bound = "product"
    problems = {
        "tiny": dict(b=2, i=3, j=5, k=4, l=2),
        "small": dict(b=4, i=16, j=16, k=8, l=8),
        "medium": dict(b=8, i=64, j=64, k=16, l=32),
        "large": dict(b=16, i=128, j=256, k=32, l=64),
    }

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return {"a": Input("B I J", (p.b, p.i, p.j)), "c": Input("B J K L", (p.b, p.j, p.k, p.l))}

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("B I K L", (p.b, p.i, p.k, p.l))}

    @staticmethod
    def cost(p: Problem) -> Cost:
        return Cost(flops=2 * p.b * p.i * p.j * p.k * p.l, reduction=p.j)


@workload(family="linear")
class Embedding:
    """Rows of a table, by their numbers.

    y[b,t,d] = table[ids[b,t], d]

    The gradient is dense: of the table's shape, summed where a row was taken several times. No row stands for padding.
    Source: Bengio, Ducharme, Vincent and Jauvin 2003, A neural probabilistic language model, section 2.

    Published shapes: BERT-base (Devlin et al. 2019: 8 sequences of 128 tokens, vocabulary 30,522, width 768) and GPT-2
    small (Radford et al. 2019: 1 sequence of 1024 tokens, vocabulary 50,257, width 768).
    """

    problems = {
        "tiny": dict(batch=2, seq=5, vocabulary=4, features=3),
        "small": dict(batch=8, seq=32, vocabulary=1000, features=64),
        "medium": dict(batch=16, seq=128, vocabulary=10000, features=256),
        "large": dict(batch=32, seq=512, vocabulary=50000, features=512),
        "bert_base": dict(batch=8, seq=128, vocabulary=30522, features=768),
        "gpt2": dict(batch=1, seq=1024, vocabulary=50257, features=768),
    }

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return {
            "ids": Input("B T", (p.batch, p.seq), Classes(p.vocabulary)),
            "table": Parameter("V D", (p.vocabulary, p.features), Normal()),
        }

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("B T D", (p.batch, p.seq, p.features))}

    @staticmethod
    def cost(p: Problem) -> Cost:
        # Rows are moved, and their cotangents added.
        return Cost(flops=0, reduction=1, gradient_flops=p.batch * p.seq * p.features)
