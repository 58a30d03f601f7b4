"""Hugging Face's BERT, GPT-2, ViT and ResNet-50, built from configurations, with the definition's weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    GPT2Config,
    GPT2LMHeadModel,
    ResNetConfig,
    ResNetForImageClassification,
    ViTConfig,
    ViTForImageClassification,
)

from suite.workloads import Problem
from suite.workloads.models.bert import EPS as BERT_EPS
from suite.workloads.models.gpt2 import EPS as GPT2_EPS
from suite.workloads.models.vit import EPS as VIT_EPS

Values = dict[str, np.ndarray]
BLOCKS = (3, 4, 6, 3)


@dataclass(frozen=True)
class Yardstick:
    """A module without weights for a problem; the weights under its names; and the names of its inputs."""

    build: Callable[[Problem], nn.Module]
    weights: Callable[[Problem, Values], Values]
    inputs: dict[str, str]
    """By the definition's names."""

    def module(self, problem: Problem, values: Values, dtype: torch.dtype) -> nn.Module:
        """In inference, with these weights. Raises RuntimeError where one is missing or too many."""
        module = self.build(problem).eval().to(dtype)
        tensors = {name: torch.from_numpy(np.array(array)) for name, array in self.weights(problem, values).items()}
        missing, unexpected = module.load_state_dict(tensors, strict=False)
        # Buffers that follow from the configuration.
        missing = [n for n in missing if not n.endswith(("num_batches_tracked", "position_ids", "token_type_ids"))]
        if missing or unexpected:
            raise RuntimeError(f"missing: {missing}; unexpected: {unexpected}")
        return module

    def call(self, module: nn.Module, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        logits: torch.Tensor = module(**{self.inputs[name]: tensor for name, tensor in inputs.items()}).logits
        return logits


def _pair(found: Values, theirs: str, values: Values, ours: str) -> None:
    """A weight and a bias."""
    for kind in ("weight", "bias"):
        found[f"{theirs}.{kind}"] = values[f"{ours}.{kind}"]


def _attention(found: Values, theirs: str, names: tuple[str, str, str], out: str, values: Values, ours: str) -> None:
    """Query, key and value apart."""
    parts = zip(
        names,
        np.split(values[f"{ours}.in_weight"], 3),
        np.split(values[f"{ours}.in_bias"], 3),
        strict=True,
    )
    for name, weight, bias in parts:
        found[f"{theirs}.{name}.weight"], found[f"{theirs}.{name}.bias"] = weight, bias
    found[f"{out}.weight"], found[f"{out}.bias"] = values[f"{ours}.out_weight"], values[f"{ours}.out_bias"]


def _sizes(p: Problem) -> dict[str, Any]:
    return dict(
        hidden_size=p.features,
        num_hidden_layers=p.depth,
        num_attention_heads=p.heads,
        intermediate_size=4 * p.features,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )


def _bert(p: Problem) -> nn.Module:
    config = BertConfig(
        **_sizes(p),
        vocab_size=p.vocabulary,
        max_position_embeddings=p.positions,
        type_vocab_size=2,
        layer_norm_eps=BERT_EPS,
        num_labels=p.classes,
    )
    return BertForSequenceClassification(config)


def _bert_weights(p: Problem, values: Values) -> Values:
    found = {
        "bert.embeddings.word_embeddings.weight": values["tokens.weight"],
        "bert.embeddings.position_embeddings.weight": values["positions"],
        "bert.embeddings.token_type_embeddings.weight": values["segments_embedding.weight"],
    }
    _pair(found, "bert.embeddings.LayerNorm", values, "norm")
    for number in range(p.depth):
        theirs, ours = f"bert.encoder.layer.{number}", f"blocks.{number}"
        names = ("query", "key", "value")
        out = f"{theirs}.attention.output.dense"
        _attention(found, f"{theirs}.attention.self", names, out, values, f"{ours}.attention")
        _pair(found, f"{theirs}.attention.output.LayerNorm", values, f"{ours}.norm1")
        _pair(found, f"{theirs}.intermediate.dense", values, f"{ours}.fc1")
        _pair(found, f"{theirs}.output.dense", values, f"{ours}.fc2")
        _pair(found, f"{theirs}.output.LayerNorm", values, f"{ours}.norm2")
    _pair(found, "bert.pooler.dense", values, "pooler")
    _pair(found, "classifier", values, "classifier")
    return found


def _gpt2(p: Problem) -> nn.Module:
    config = GPT2Config(
        vocab_size=p.vocabulary,
        n_positions=p.positions,
        n_embd=p.features,
        n_layer=p.depth,
        n_head=p.heads,
        activation_function="gelu_new",
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        layer_norm_epsilon=GPT2_EPS,
        use_cache=False,
        bos_token_id=0,
        eos_token_id=0,
    )
    return GPT2LMHeadModel(config)


def _gpt2_weights(p: Problem, values: Values) -> Values:
    """Their linear layers hold the transposed weight."""
    found = {
        "transformer.wte.weight": values["tokens.weight"],
        "lm_head.weight": values["tokens.weight"],
        "transformer.wpe.weight": values["positions"],
    }
    for number in range(p.depth):
        theirs, ours = f"transformer.h.{number}", f"blocks.{number}"
        _pair(found, f"{theirs}.ln_1", values, f"{ours}.norm1")
        _pair(found, f"{theirs}.ln_2", values, f"{ours}.norm2")
        linear = (
            ("attn.c_attn", "attention.in_"),
            ("attn.c_proj", "attention.out_"),
            ("mlp.c_fc", "fc1."),
            ("mlp.c_proj", "fc2."),
        )
        for there, here in linear:
            found[f"{theirs}.{there}.weight"] = values[f"{ours}.{here}weight"].T
            found[f"{theirs}.{there}.bias"] = values[f"{ours}.{here}bias"]
    _pair(found, "transformer.ln_f", values, "norm")
    return found


def _vit(p: Problem) -> nn.Module:
    config = ViTConfig(**_sizes(p), image_size=p.size, patch_size=p.patch, layer_norm_eps=VIT_EPS, num_labels=p.classes)
    return ViTForImageClassification(config)


def _vit_weights(p: Problem, values: Values) -> Values:
    found = {
        "vit.embeddings.cls_token": values["class_token"],
        "vit.embeddings.position_embeddings": values["positions"],
    }
    _pair(found, "vit.embeddings.patch_embeddings.projection", values, "patches")
    for number in range(p.depth):
        theirs, ours = f"vit.layers.{number}", f"blocks.{number}"
        _pair(found, f"{theirs}.layernorm_before", values, f"{ours}.norm1")
        _pair(found, f"{theirs}.layernorm_after", values, f"{ours}.norm2")
        names = ("q_proj", "k_proj", "v_proj")
        _attention(found, f"{theirs}.attention", names, f"{theirs}.attention.o_proj", values, f"{ours}.attention")
        _pair(found, f"{theirs}.mlp.fc1", values, f"{ours}.fc1")
        _pair(found, f"{theirs}.mlp.fc2", values, f"{ours}.fc2")
    _pair(found, "vit.layernorm", values, "norm")
    _pair(found, "classifier", values, "head")
    return found


def _resnet50(p: Problem) -> nn.Module:
    config = ResNetConfig(
        embedding_size=p.width,
        hidden_sizes=[4 * p.width * 2**stage for stage in range(4)],
        depths=list(BLOCKS),
        layer_type="bottleneck",
        num_labels=p.classes,
    )
    return ResNetForImageClassification(config)


def _resnet50_weights(p: Problem, values: Values) -> Values:
    found: Values = {}

    def layer(theirs: str, convolution: str, norm: str) -> None:
        found[f"{theirs}.convolution.weight"] = values[f"{convolution}.weight"]
        for kind in ("weight", "bias", "running_mean", "running_var"):
            found[f"{theirs}.normalization.{kind}"] = values[f"{norm}.{kind}"]

    layer("resnet.embedder.embedder", "conv1", "bn1")
    for stage, count in enumerate(BLOCKS):
        for number in range(count):
            theirs, ours = f"resnet.encoder.stages.{stage}.layers.{number}", f"layer{stage + 1}.{number}"
            for part in range(3):
                layer(f"{theirs}.layer.{part}", f"{ours}.conv{part + 1}", f"{ours}.bn{part + 1}")
            if number == 0:
                layer(f"{theirs}.shortcut", f"{ours}.downsample.0", f"{ours}.downsample.1")
    _pair(found, "classifier.1", values, "fc")
    return found


YARDSTICKS = {
    "bert_base": Yardstick(_bert, _bert_weights, {"ids": "input_ids", "segments": "token_type_ids"}),
    "gpt2": Yardstick(_gpt2, _gpt2_weights, {"ids": "input_ids"}),
    "vit": Yardstick(_vit, _vit_weights, {"x": "pixel_values"}),
    "resnet50": Yardstick(_resnet50, _resnet50_weights, {"x": "pixel_values"}),
}
