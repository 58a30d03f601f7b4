"""Attention."""

from __future__ import annotations

from suite.workloads.definition import Cost, Input, Output, Parameter, Problem, Tensor, workload
from suite.workloads.distributions import Normal, Valid


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


def _attending(batch: int, heads: int, queries: int, keys: int, head_dim: int) -> Cost:
    """The two products, masked pairs included, and no softmax: as in `Attention`."""
    return Cost(flops=4 * batch * heads * queries * keys * head_dim, reduction=max(keys, head_dim))


@workload(family="attention")
class GroupedQueryAttention:
    """Scaled dot-product attention in which several query heads share a key and value head.

    y[b,h,t,:] = Σ_s softmax_s(query[b,h,t,:] · key[b,k,s,:] / √head_dim) · value[b,k,s,:],
    k = ⌊h · kv_heads / heads⌋

    so neighbouring query heads form a group. With `causal`, position t sees only positions s ≤ t. Source: Ainslie et al.
    2023, GQA: training generalized multi-query transformer models from multi-head checkpoints, section 2.2.

    Published shapes: Llama 3 8B (Grattafiori et al. 2024, table 3: 32 query heads on 8, of 128), and multi-query
    attention as in Falcon 7B (Almazrouei et al. 2023: 71 query heads on 1, of 64).
    """

    problems = {
        "tiny": dict(batch=2, heads=6, kv_heads=3, seq=5, head_dim=4, causal=False),
        "tiny.causal": dict(batch=2, heads=4, kv_heads=2, seq=5, head_dim=3, causal=True),
        "small": dict(batch=2, heads=4, kv_heads=2, seq=64, head_dim=32, causal=True),
        "medium": dict(batch=4, heads=8, kv_heads=2, seq=256, head_dim=64, causal=True),
        "large": dict(batch=4, heads=16, kv_heads=4, seq=1024, head_dim=64, causal=True),
        "llama3_8b.512": dict(batch=1, heads=32, kv_heads=8, seq=512, head_dim=128, causal=True),
        "llama3_8b.1024": dict(batch=1, heads=32, kv_heads=8, seq=1024, head_dim=128, causal=True),
        "falcon_7b.512": dict(batch=1, heads=71, kv_heads=1, seq=512, head_dim=64, causal=True),
    }

    @staticmethod
    def check(p: Problem) -> str | None:
        return None if p.heads % p.kv_heads == 0 else "the query heads must be a multiple of the key and value heads"

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        shared = (p.batch, p.kv_heads, p.seq, p.head_dim)
        return {
            "query": Input("B H T D", (p.batch, p.heads, p.seq, p.head_dim)),
            "key": Input("B K T D", shared),
            "value": Input("B K T D", shared),
        }

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("B H T D", (p.batch, p.heads, p.seq, p.head_dim))}

    @staticmethod
    def cost(p: Problem) -> Cost:
        return _attending(p.batch, p.heads, p.seq, p.seq, p.head_dim)


@workload(family="attention")
class MaskedAttention:
    """Scaled dot-product attention over the valid keys of each sequence, from as many queries as one likes.

    y[b,h,t,:] = Σ_s softmax_s(query[b,h,t,:] · key[b,h,s,:] / √head_dim, over s with mask[b,s]) · value[b,h,s,:]

    Where a sequence has no valid key, y is 0 and its gradients are 0. `valid` is the probability with which a key is; the
    first two keys of the first sequence always are, so that some scores count. Queries and keys may differ in number, as in
    the attention of a decoder to an encoder. Source: Vaswani et al. 2017, Attention is all you need, section 3.2; rows
    without a key as in the ONNX operator Attention (version 23).
    """

    problems = {
        "tiny": dict(batch=2, heads=3, query_seq=5, key_seq=7, head_dim=4, valid=0.7),
        "tiny.empty": dict(batch=7, heads=1, query_seq=3, key_seq=2, head_dim=4, valid=0.25),
        "small": dict(batch=2, heads=4, query_seq=64, key_seq=64, head_dim=32, valid=0.8),
        "medium": dict(batch=4, heads=8, query_seq=256, key_seq=256, head_dim=64, valid=0.8),
        "large": dict(batch=4, heads=16, query_seq=512, key_seq=1024, head_dim=64, valid=0.8),
        "bert_base.128": dict(batch=8, heads=12, query_seq=128, key_seq=128, head_dim=64, valid=0.8),
        "transformer_base.cross": dict(batch=8, heads=8, query_seq=32, key_seq=128, head_dim=64, valid=0.8),
        "stress.empty": dict(batch=16, heads=4, query_seq=64, key_seq=4, head_dim=32, valid=0.1),
    }

    @staticmethod
    def check(p: Problem) -> str | None:
        if p.valid > 1:
            return f"valid={p.valid} is a probability, at most 1"
        return None if p.key_seq > 1 else "a single key has no other to be weighed against"

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return {
            "query": Input("B H T D", (p.batch, p.heads, p.query_seq, p.head_dim)),
            "key": Input("B H S D", (p.batch, p.heads, p.key_seq, p.head_dim)),
            "value": Input("B H S D", (p.batch, p.heads, p.key_seq, p.head_dim)),
            "mask": Input("B S", (p.batch, p.key_seq), Valid(p.valid)),
        }

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("B H T D", (p.batch, p.heads, p.query_seq, p.head_dim))}

    @staticmethod
    def cost(p: Problem) -> Cost:
        return _attending(p.batch, p.heads, p.query_seq, p.key_seq, p.head_dim)


@workload(family="attention")
class SlidingWindowAttention:
    """Scaled dot-product attention of each position to itself and to those just before it.

    y[b,h,t,:] = Σ_s softmax_s(query[b,h,t,:] · key[b,h,s,:] / √head_dim, over t − window < s ≤ t) · value[b,h,s,:]

    so a position sees at most `window` positions, its own among them. Source: Jiang et al. 2023, Mistral 7B, section 2;
    after Beltagy, Peters and Cohan 2020, Longformer, section 3.1.
    """

    problems = {
        "tiny": dict(batch=2, heads=3, seq=7, head_dim=4, window=3),
        "small": dict(batch=2, heads=4, seq=64, head_dim=32, window=16),
        "medium": dict(batch=4, heads=8, seq=256, head_dim=64, window=64),
        "large": dict(batch=4, heads=16, seq=1024, head_dim=64, window=256),
    }

    @staticmethod
    def check(p: Problem) -> str | None:
        return None if min(p.seq, p.window) > 1 else "a position that sees itself only has nothing to weigh"

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        shape = (p.batch, p.heads, p.seq, p.head_dim)
        return {name: Input("B H T D", shape) for name in ("query", "key", "value")}

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("B H T D", (p.batch, p.heads, p.seq, p.head_dim))}

    @staticmethod
    def cost(p: Problem) -> Cost:
        # All pairs: none of the frameworks leaves out what lies outside the window.
        return _attending(p.batch, p.heads, p.seq, p.seq, p.head_dim)


@workload(family="attention")
class RotaryEmbedding:
    """Rotation of pairs of features by angles that grow with the position.

    With a = x[b,h,t,i] and c its partner, and the angle φ = t · base^(−2i / head_dim), i = 0 … head_dim/2 − 1:
    y[b,h,t,·] = a cos φ − c sin φ in the place of a, a sin φ + c cos φ in the place of c.

    `pairs` says which are partners: `halves`, features i and i + head_dim/2 (GPT-NeoX, Llama as in Hugging Face's
    Transformers); `neighbours`, features 2i and 2i + 1 (the paper, GPT-J). The angles are computed in float32 at least, then
    rounded. Source: Su et al. 2021, RoFormer: enhanced transformer with rotary position embedding, equation 34.

    Published shapes: Llama 3 8B (Grattafiori et al. 2024, table 3: 32 heads of 128, base 500000).
    """

    choices = {"pairs": ("halves", "neighbours")}
    problems = {
        "tiny": dict(batch=2, heads=3, seq=5, head_dim=4, base=100.0, pairs="halves"),
        "tiny.neighbours": dict(batch=2, heads=3, seq=5, head_dim=8, base=100.0, pairs="neighbours"),
        "small": dict(batch=2, heads=4, seq=64, head_dim=32, base=10000.0, pairs="halves"),
        "medium": dict(batch=4, heads=8, seq=256, head_dim=64, base=10000.0, pairs="halves"),
        "large": dict(batch=4, heads=16, seq=1024, head_dim=128, base=10000.0, pairs="halves"),
        "large.neighbours": dict(batch=4, heads=16, seq=1024, head_dim=128, base=10000.0, pairs="neighbours"),
        "llama3_8b.1024": dict(batch=1, heads=32, seq=1024, head_dim=128, base=500000.0, pairs="halves"),
    }

    @staticmethod
    def check(p: Problem) -> str | None:
        return None if p.head_dim % 2 == 0 else "features are turned in pairs, so their number must be even"

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return {"x": Input("B H T D", (p.batch, p.heads, p.seq, p.head_dim))}

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("B H T D", (p.batch, p.heads, p.seq, p.head_dim))}

    @staticmethod
    def cost(p: Problem) -> Cost:
        # Two products and a sum an element, and the same back. An angle is the position times a frequency, whose
        # relative error it keeps: its sine and cosine are off by up to the position times that.
        elements = p.batch * p.heads * p.seq * p.head_dim
        return Cost(flops=3 * elements, reduction=2, gradient_flops=6 * elements, condition=p.seq)


@workload(family="attention")
class SinusoidalPositions:
    """Embeddings, scaled, plus sines and cosines of their positions.

    y[b,t,2i] = √features · x[b,t,2i] + sin φ, y[b,t,2i+1] = √features · x[b,t,2i+1] + cos φ,
    φ = t · base^(−2i / features)

    The angles are computed in float32 at least, then rounded. Source: Vaswani et al. 2017, Attention is all you need,
    sections 3.4 and 3.5.

    Published shapes: the base Transformer (512 features).
    """

    problems = {
        "tiny": dict(batch=2, seq=5, features=4, base=100.0),
        "small": dict(batch=4, seq=64, features=128, base=10000.0),
        "medium": dict(batch=8, seq=256, features=512, base=10000.0),
        "large": dict(batch=16, seq=1024, features=1024, base=10000.0),
        "transformer_base": dict(batch=8, seq=128, features=512, base=10000.0),
    }

    @staticmethod
    def check(p: Problem) -> str | None:
        return (
            None if p.features % 2 == 0 else "sines and cosines come in pairs, so the features must be even in number"
        )

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return {"x": Input("B T D", (p.batch, p.seq, p.features))}

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("B T D", (p.batch, p.seq, p.features))}

    @staticmethod
    def cost(p: Problem) -> Cost:
        # A product and a sum an element, a product back; the condition as in RotaryEmbedding.
        elements = p.batch * p.seq * p.features
        return Cost(flops=2 * elements, reduction=1, gradient_flops=3 * elements, condition=p.seq)


@workload(family="attention")
class AdditiveAttention:
    """Attention whose scores come from a layer of tanh units.

    y[b,t,:] = Σ_s softmax_s(Σ_a v[a] · tanh(Σ_q W[a,q] query[b,t,q] + Σ_k U[a,k] key[b,s,k])) · key[b,s,:]

    No bias, and the keys are the values: the states of an encoder. Source: Bahdanau, Cho and Bengio 2015, Neural machine
    translation by jointly learning to align and translate, section 3.1 and appendix A.1.2.

    Published shapes: the paper's RNNsearch-50 (decoder states of 1000, encoder states of 2000, 1000 tanh units, sentences
    of up to 50 words), with 8 sentences instead of 80.
    """

    problems = {
        "tiny": dict(batch=2, query_seq=3, key_seq=7, query_dim=4, key_dim=5, units=6),
        "small": dict(batch=4, query_seq=16, key_seq=32, query_dim=32, key_dim=64, units=32),
        "medium": dict(batch=8, query_seq=32, key_seq=64, query_dim=128, key_dim=256, units=128),
        "large": dict(batch=8, query_seq=64, key_seq=128, query_dim=512, key_dim=512, units=256),
        "rnnsearch_50": dict(batch=8, query_seq=50, key_seq=50, query_dim=1000, key_dim=2000, units=1000),
    }

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return {
            "query": Input("B T Q", (p.batch, p.query_seq, p.query_dim)),
            "key": Input("B S K", (p.batch, p.key_seq, p.key_dim)),
            "query_weight": Parameter("A Q", (p.units, p.query_dim), Normal(p.query_dim**-0.5)),
            "key_weight": Parameter("A K", (p.units, p.key_dim), Normal(p.key_dim**-0.5)),
            "score_weight": Parameter("A", (p.units,), Normal(1.0)),
        }

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("B T K", (p.batch, p.query_seq, p.key_dim))}

    @staticmethod
    def cost(p: Problem) -> Cost:
        # The two projections; for each pair of positions a sum, a tanh (counted as one) and a multiply-add for each unit;
        # the weighted sum of the keys.
        projections = 2 * p.units * p.batch * (p.query_seq * p.query_dim + p.key_seq * p.key_dim)
        pairs = p.batch * p.query_seq * p.key_seq * (4 * p.units + 2 * p.key_dim)
        return Cost(flops=projections + pairs, reduction=max(p.query_dim, p.key_dim, p.units, p.key_seq))


@workload(family="attention")
class DecodeAttention:
    """One step of generation: a key and a value enter the cache, and one position attends to all that are in it.

    key_cache[b,h,filled,:] ← key[b,h,:], value_cache[b,h,filled,:] ← value[b,h,:], and then
    y[b,h,:] = Σ_s softmax_s(query[b,h,:] · key_cache[b,h,s,:] / √head_dim, over s ≤ filled) · value_cache[b,h,s,:]

    What lies behind position `filled` is left as it is and not seen. The results are y and both caches; the arguments are
    not changed. Source: Shazeer 2019, Fast transformer decoding: one write-head is all you need, section 2.4.

    Published shapes: Llama 2 7B (Touvron et al. 2023: 32 heads of 128) in the middle of its 4096 positions, and GPT-2 small
    (12 heads of 64) at the end of its 1024.
    """

    problems = {
        "tiny": dict(batch=2, heads=3, cache=7, filled=4, head_dim=5),
        "small": dict(batch=2, heads=4, cache=128, filled=100, head_dim=32),
        "medium": dict(batch=8, heads=8, cache=512, filled=400, head_dim=64),
        "large": dict(batch=8, heads=16, cache=2048, filled=1600, head_dim=64),
        "llama2_7b.4096": dict(batch=1, heads=32, cache=4096, filled=2047, head_dim=128),
        "gpt2.1024": dict(batch=1, heads=12, cache=1024, filled=1023, head_dim=64),
    }

    @staticmethod
    def check(p: Problem) -> str | None:
        return None if p.filled < p.cache else "there is no place left in the cache"

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        one, all_ = (p.batch, p.heads, p.head_dim), (p.batch, p.heads, p.cache, p.head_dim)
        return {
            "query": Input("B H D", one),
            "key": Input("B H D", one),
            "value": Input("B H D", one),
            "key_cache": Input("B H S D", all_),
            "value_cache": Input("B H S D", all_),
        }

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        caches = (p.batch, p.heads, p.cache, p.head_dim)
        return {
            "y": Output("B H D", (p.batch, p.heads, p.head_dim)),
            "new_key_cache": Output("B H S D", caches),
            "new_value_cache": Output("B H S D", caches),
        }

    @staticmethod
    def cost(p: Problem) -> Cost:
        return _attending(p.batch, p.heads, 1, p.filled + 1, p.head_dim)


@workload(family="attention")
class MultiHeadAttention:
    """Self-attention of several heads, with its projections.

    y[b,t,o] = out_bias[o] + Σ_i out_weight[o,i] · joined[b,t,i], where `joined` are the heads side by side, each
    Σ_s softmax_s(q_t · k_s / √head_dim) · v_s, and q, k and v are the thirds of x · in_weightᵀ + in_bias, in this order.

    Head h takes features h · head_dim … (h + 1) · head_dim − 1 of each third; head_dim = features / heads. With `causal`,
    position t sees only positions s ≤ t. No dropout. Weights have their output axis first. Source: Vaswani et al. 2017,
    Attention is all you need, section 3.2.2.

    Published shapes: BERT-base (768 features, 12 heads, 8 sequences of 128 tokens) and GPT-2 small (768 features, 12 heads,
    1024 tokens, causal).
    """

    problems = {
        "tiny": dict(batch=2, seq=5, features=6, heads=3, causal=False),
        "tiny.causal": dict(batch=3, seq=4, features=6, heads=2, causal=True),
        "small": dict(batch=2, seq=64, features=128, heads=4, causal=False),
        "medium": dict(batch=4, seq=256, features=512, heads=8, causal=False),
        "large": dict(batch=4, seq=512, features=1024, heads=16, causal=True),
        "bert_base.128": dict(batch=8, seq=128, features=768, heads=12, causal=False),
        "gpt2.1024": dict(batch=1, seq=1024, features=768, heads=12, causal=True),
    }

    @staticmethod
    def check(p: Problem) -> str | None:
        return None if p.features % p.heads == 0 else "the features must divide into heads"

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        scale = Normal(p.features**-0.5)
        return {
            "x": Input("B T D", (p.batch, p.seq, p.features)),
            "in_weight": Parameter("O I", (3 * p.features, p.features), scale),
            "in_bias": Parameter("O", (3 * p.features,)),
            "out_weight": Parameter("O I", (p.features, p.features), scale),
            "out_bias": Parameter("O", (p.features,)),
        }

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("B T D", (p.batch, p.seq, p.features))}

    @staticmethod
    def cost(p: Problem) -> Cost:
        projections = 8 * p.batch * p.seq * p.features**2
        attending = 4 * p.batch * p.seq**2 * p.features
        return Cost(flops=projections + attending, reduction=max(p.seq, p.features))
