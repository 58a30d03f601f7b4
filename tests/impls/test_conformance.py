"""What every registered backend must do, over every framework, mode, variant and workload; no code for any one of them.
Models, which are made of workloads, are in `test_models.py`.

Each framework is imported once, in a worker that all tests share.
"""

from __future__ import annotations

from typing import Any

import pytest

from suite import correctness, sources
from suite.cases import CUDA_MODES, FRAMEWORK_MODES, Case, Column
from suite.checking import Checker
from suite.conventions import load, same
from suite.records import Check
from suite.workers import CellFailed, Workers
from suite.workloads import TRANSFORMS, WORKLOADS
from tests.impls.conftest import THREADS
from tests.impls.modes import PROVING
from tests.impls.problems import OPERATIONS

IN_EVERY_MODE = ("conv2d", "layer_norm", "linear", "softmax", "softmax_cross_entropy")
"""Workloads of which everything is tried in every mode; of the others, the gradient, which holds the value too."""
PROBLEMS = [(name, problem) for name, w in OPERATIONS.items() for problem in w.problems if problem.startswith("tiny")]


def _is_tried(framework: str, mode: str, variant: str, problem: str) -> bool:
    """Compiling takes seconds, so what is no default is compiled for one problem; JAX without jit compiles every operation
    by itself, which takes longer still."""
    if mode == PROVING[framework]:
        return True
    default, tiny = variant == "default", problem == "tiny"
    return default and tiny if (framework, mode) == ("jax", "eager") else default or tiny


COLUMNS = [
    (workload, problem, Column(framework, framework, mode, source.variant))
    for framework, modes in FRAMEWORK_MODES.items()
    for workload, problem in PROBLEMS
    for source in sources.sources(f"impls.{framework}")
    if source.workload == workload
    for mode in modes
    if _is_tried(framework, mode, source.variant, problem)
]

# Everything that a framework cannot do in float32 and float64, with words of the reason; nothing else may be unsupported.
CANNOT = {
    ("tensorflow", "conv2d", "default"): "no CPU kernel for the gradient",
    ("tensorflow", "conv2d", "split"): "no CPU kernel for the gradient",
    ("jax", "attention", "default"): "computes its softmax in float32",
    ("jax", "grouped_query_attention", "default"): "computes its softmax in float32",
    ("jax", "masked_attention", "default"): "computes its softmax in float32",
    ("jax", "sliding_window_attention", "default"): "computes its softmax in float32",
    ("jax", "decode_attention", "default"): "computes its softmax in float32",
    ("pytorch", "lstm", "default"): "pack_padded_sequence",
    ("pytorch", "lstm", "scan"): "torch's scan is a prototype",
    ("pytorch", "gru", "default"): "pack_padded_sequence",
    ("pytorch", "rnn_tanh", "default"): "pack_padded_sequence",
    ("pytorch", "rnn_tanh", "scan"): "torch's scan is a prototype",
    ("pytorch", "ctc", "default"): "cannot keep F.ctc_loss in one graph",
    ("pytorch", "avg_pool2d", "default"): "has the wrong divisor",
    ("tensorflow", "resize_bilinear", "default"): "bilinear results",
    ("tensorflow", "resize_nearest", "default"): "no XLA kernel for the gradient",
    ("tensorflow", "eigh", "default"): "XLA stops short of float64",
    ("tensorflow", "svdvals", "default"): "XLA stops short of float64",
    ("tensorflow", "logdet", "default"): "unsupported operations",
    ("tensorflow", "batch_norm", "fused"): "FusedBatchNormV3 has no float64",
    ("tensorflow", "local_response_norm", "default"): "has no float64",
    ("tensorflow", "leaky_relu", "default"): "rounds alpha to float32",
    ("tensorflow", "gelu", "default"): "rounds its constants to float32",
    ("tensorflow", "gelu_tanh", "default"): "rounds its constants to float32",
    ("tensorflow", "ctc", "default"): "tf.nn.ctc_loss",
    ("tensorflow", "ctc", "dense"): "computes in float32 only",
}


FUSED_ATTENTION = (
    "attention",
    "decode_attention",
    "grouped_query_attention",
    "masked_attention",
    "multi_head_attention",
    "sliding_window_attention",
)
MOMENTS = ("batch_norm", "group_norm", "instance_norm", "layer_norm")
PADDED = ("conv2d", "conv_transpose2d")
RECURRENT = ("gru", "gru_reset_before", "lstm", "rnn_tanh")
# Likewise for the transforms of default variants.
CANNOT_TRANSFORM = {
    **{("pytorch", name, task): "forward AD with _scaled_dot" for name in FUSED_ATTENTION for task in ("jvp", "hvp")},
    ("pytorch", "mse", "hvp"): "has no derivative by forward over reverse",
    ("pytorch", "huber", "hvp"): "forward AD with huber_loss_backward",
    ("pytorch", "ctc", "jvp"): "forward AD with _ctc_loss",
    ("pytorch", "ctc", "hvp"): "forward AD with _ctc_loss",
    ("pytorch", "batch_norm", "per_example_gradient"): "refuses torch.vmap",
    **{("tensorflow", name, "hvp"): "takes the mean for a constant" for name in MOMENTS},
    **{
        ("tensorflow", name, task): "explicit padding"
        for name in PADDED
        for task in ("jacobian", "per_example_gradient")
    },
    **{("tensorflow", name, "per_example_gradient"): "cannot map the gradient of tf.scan" for name in RECURRENT},
    ("tensorflow", "decode_attention", "hvp"): "cannot pass the gradient of tf.tensor_scatter_nd_update",
    ("tensorflow", "resize_nearest", "jvp"): "ResizeNearestNeighborGrad",
    ("tensorflow", "resize_nearest", "hvp"): "ResizeNearestNeighborGrad",
}
# What has a gradient but no forward mode to compare it with.
NO_FORWARD_MODE = {
    *(("pytorch", name, "default") for name in FUSED_ATTENTION),
    ("pytorch", "multi_head_attention", "composed"),
    ("pytorch", "ctc", "default"),
    ("tensorflow", "resize_nearest", "default"),
}


def _id(value: Any) -> str:
    return value.name.replace(" ", "-") if isinstance(value, Column) else str(value)


def _grouped(columns: list[tuple[str, str, Column]]) -> list[Any]:
    """The tests of one framework run in one process, since importing a framework takes seconds; `make test` has several."""
    return [pytest.param(*entry, marks=pytest.mark.xdist_group(entry[2].framework)) for entry in columns]


FRAMEWORKS = [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in FRAMEWORK_MODES]


def _proves(column: Column) -> bool:
    return column.mode == PROVING[column.framework]


def _checks(workers: Workers, column: Column, workload: str, problem: str, task: str, precision: str) -> list[Check]:
    """What the cell's checks found, empty where it is unsupported for a reason in `CANNOT`.

    The float64 checks run at `tiny` in the proving mode only: what others compute is held against the oracle, whose gradient
    `tests/impls/numpy/test_oracle.py` holds against differences over every element.
    """
    case = Case(workload, problem, WORKLOADS[workload].problem(problem), task, precision, "cpu", THREADS)
    checker = Checker(case, workers, seed=0, columns=[])
    try:
        if _proves(column) and (problem == "tiny" or column.framework == "numpy"):
            checks = checker.build_and_check(column)[1]
        else:
            folder = workers.scratch.arrays("results")
            reply = checker.build(column, folder)
            checks = checker.check_results(column, reply["names"], folder, reply["types"])
    except CellFailed as failure:
        known = [CANNOT.get((column.framework, workload, column.variant))]
        if task in TRANSFORMS and column.variant == "default":
            known.append(CANNOT_TRANSFORM.get((column.framework, workload, task)))
        assert failure.status == "unsupported", str(failure)
        assert any(words is not None and words in str(failure) for words in known), str(failure)
        return []
    assert correctness.reason(checks) == ""
    return checks


@pytest.mark.parametrize(("workload", "problem", "column"), _grouped(COLUMNS), ids=_id)
def test_values_and_gradients_agree_with_the_oracle(
    workers: Workers, workload: str, problem: str, column: Column
) -> None:
    if _proves(column) or workload in IN_EVERY_MODE:
        _checks(workers, column, workload, problem, "forward", "float32")
    if "gradient" not in WORKLOADS[workload].tasks:
        _checks(workers, column, workload, problem, "forward", "float64")
        return
    found = {check.name for check in _checks(workers, column, workload, problem, "gradient", "float64")}
    if _proves(column):
        wanted = {"value", "gradient", "gradient.differences"}
        if (column.framework, workload, column.variant) not in NO_FORWARD_MODE and column.framework != "numpy":
            wanted |= {"gradient.adjoint"}
        assert problem != "tiny" or found in (wanted, set())
        _checks(workers, column, workload, problem, "gradient", "float32")
    else:
        assert found in ({"value", "gradient"}, set())


@pytest.mark.parametrize(
    ("workload", "task", "column"),
    _grouped(
        [
            (workload, task, column)
            for workload, problem, column in COLUMNS
            if problem == "tiny" and column.variant in ("default", "written_out")
            for task in WORKLOADS[workload].tasks
            if task in TRANSFORMS and (_proves(column) or workload in IN_EVERY_MODE)
        ]
    ),
    ids=_id,
)
def test_transforms_agree_with_the_oracle(workers: Workers, workload: str, task: str, column: Column) -> None:
    checks = {check.name for check in _checks(workers, column, workload, "tiny", task, "float64")}
    of_loss = {"value"} if task == "per_example_gradient" else set()
    of_itself = {"hvp.symmetry"} if task == "hvp" and _proves(column) and column.framework != "numpy" else set()
    assert checks in ({task} | of_loss | of_itself, set())
    if workload in IN_EVERY_MODE and _proves(column):
        checks = {check.name for check in _checks(workers, column, workload, "tiny", task, "float32")}
        assert f"{task}.oracle" in checks or not checks


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_synchronisation_waits_for_all_outputs(workers: Workers, framework: str) -> None:
    # Other programs may disturb one proof; a backend that does not wait fails every one.
    proofs = [workers.ask(framework, "prove_clock", 120.0, device="cpu") for _ in range(3)]
    assert any(proof["passed"] for proof in proofs), proofs


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_float32_is_not_rounded_to_less(workers: Workers, framework: str) -> None:
    proof = workers.ask(framework, "prove_precision", 120.0, precision="float32", device="cpu")
    assert proof["passed"], proof["sentence"]


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_backend_says_who_it_is_and_what_it_was_given(workers: Workers, framework: str) -> None:
    hello = workers.get(framework).hello
    assert tuple(hello["modes"]) == FRAMEWORK_MODES[framework]
    assert tuple(hello["cuda_modes"]) == CUDA_MODES.get(framework, ())
    assert hello["versions"][framework]
    assert hello["settings"]["threads"] == THREADS
    assert hello["import_s"] > 0
    assert workers.ask(framework, "describe_build", 60.0)["device"]


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_framework_computes_with_the_threads_that_it_was_given(workers: Workers, framework: str) -> None:
    assert workers.ask(framework, "count_threads", 60.0, count=THREADS)["threads"] in (THREADS, None)


@pytest.mark.parametrize("framework", FRAMEWORK_MODES)
def test_every_workload_is_implemented_with_the_same_module_name(framework: str) -> None:
    for workload in OPERATIONS.values():
        source = sources.implementation(f"impls.{framework}", workload.name)
        assert source is not None, f"{framework} lacks {workload.name}"
        assert source.path.endswith(f"/{workload.family}.py")


@pytest.mark.parametrize("framework", FRAMEWORKS[1:])
def test_a_program_is_not_traced_again_when_it_is_called_again(workers: Workers, framework: str) -> None:
    case = Case("mlp", "tiny", WORKLOADS["mlp"].problem("tiny"), "gradient", "float32", "cpu", THREADS)
    for mode in FRAMEWORK_MODES[framework][1:]:
        column = Column(framework, framework, mode)
        Checker(case, workers, seed=0, columns=[]).build(column)
        warmed = workers.ask(framework, "warm_up", 60.0, key=column.name, limit_s=0.01, sample_s=1e-4)
        finished = workers.ask(framework, "finish", 60.0, key=column.name, latency_calls=3, memory=True)
        assert finished["traces"] == warmed["traces"]
        assert all(value > 0 for value in finished["latency_ns"])


@pytest.mark.parametrize("framework", FRAMEWORKS[1:])
def test_the_pinned_versions_answer_the_conventions_as_written_down(workers: Workers, framework: str) -> None:
    found = workers.ask(framework, "probe_conventions", 120.0)["found"]
    expected = {c.name: c.expected[framework] for c in load() if framework in c.expected}
    assert {name for name in found if not same(found[name], expected[name])} == set()
    assert set(found) == set(expected)
