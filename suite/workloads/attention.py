"""Attention."""

from __future__ import annotations

from suite.workloads.definition import Cost, Input, Output, Problem, Tensor, workload


@workload(family="attention")
class Attention:
    """Scaled dot-product attention of several heads, causal or not.

    y[b,h,t,:] = Σ_s softmax_s(query[b,h,t,:] · key[b,h,s,:] / √head_dim) · value[b,h,s,:]

    With `causal`, position t sees only positions s ≤ t. No dropout, no projections. Source: Vaswani et al. 2017,
    Attention is all you need, equation 1.

    Published shapes: BERT-base (Devlin et al. 2019: 12 heads of 64, 128 and 512 tokens) and GPT-2 small (Radford et al.
    2019: 12 heads of 64, 1024 tokens, causal).
    """

    problems = {
        "tiny": dict(batch=2, heads=2, seq=5, head_dim=3, causal=True),
        "small": dict(batch=2, heads=4, seq=64, head_dim=32, causal=False),
        "medium": dict(batch=4, heads=8, seq=256, head_dim=64, causal=False),
        "large": dict(batch=4, heads=16, seq=1024, head_dim=64, causal=True),
        "bert_base.128": dict(batch=8, heads=12, seq=128, head_dim=64, causal=False),
        "bert_base.512": dict(batch=2, heads=12, seq=512, head_dim=64, causal=False),
        "gpt2.1024": dict(batch=1, heads=12, seq=1024, head_dim=64, causal=True),
    }

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        shape = (p.batch, p.heads, p.seq, p.head_dim)
        return {name: Input("B H T D", shape) for name in ("query", "key", "value")}

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("B H T D", (p.batch, p.heads, p.seq, p.head_dim))}

    @staticmethod
    def cost(p: Problem) -> Cost:
        # The two products, masked half included: what a dense implementation computes. The softmax is left out, as in
        # the published counts.
        return Cost(
            flops=4 * p.batch * p.heads * p.seq**2 * p.head_dim,
            reduction=max(p.seq, p.head_dim),
        )
