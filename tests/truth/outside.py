"""The outside sources: ONNX's frozen test data and its reference evaluator, NumPy's and SciPy's high-precision tables, and
numbers that stand in a family's module with the place where they come from.

A family's module turns what they say into `Truth` records: the oracle's arguments by name, and what must come out.
"""

from __future__ import annotations

import csv
import glob
import os
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray

TOLERANCE = {"float32": 3e-6, "float64": 1e-12}
"""|found − expected| / max(1, |expected|), by the precision that the truth is known in: seven times the worst that float32
rounding of the expected file leaves, and what two float64 computations may differ by."""


SOURCES = {
    "onnx node": "onnx 1.22.0, `backend/test/data/node`: frozen results of one operator, most in float32",
    "onnx converted": "onnx 1.22.0, `backend/test/data/pytorch-converted`: the same, of a PyTorch of 2017",
    "onnx reference": "onnx 1.22.0, `ReferenceEvaluator`: one operator or a few, on random float64 arguments",
    "numpy table": "NumPy, `_core/tests/data/umath-validation-set-*.csv`: correctly rounded values",
    "scipy table": "SciPy, `special/tests/data/boost.npz`: values of high precision",
    "scipy": "functions of SciPy, on random float64 arguments",
    "allennlp": "allenai/allennlp 6081fa1, `additive_attention_test.py` of `modules/attention`: numbers in a test",
    "keras": "Keras 3.15.1, `keras/src/losses/losses_test.py`: numbers in tests",
    "kerashub": "computed with KerasHub 0.32.0 on the NumPy backend of Keras 3.15.1, in float32",
    "nnlib": "FluxML/NNlib.jl 023cd3d, `test/ctc.jl`: numbers in a test, calculated by hand",
    "optax": "computed with optax 0.2.8, in float64",
    "scikit-learn": "scikit-learn 1.9.1: numbers in `sklearn/metrics/tests/test_regression.py`, and computed with it",
    "tensorflow": "TensorFlow 08b198b, `tensorflow/python/kernel_tests/nn_ops/ctc_loss_op_test.py`: of Graves's program",
    "warp-ctc": "SeanNaren/warp-ctc eea79cb, `pytorch_binding/tests/test.py`: numbers of Baidu's tests for Torch 7",
}
"""Where each source is to be found; the hexadecimal numbers are commits."""


@dataclass(frozen=True)
class Truth:
    """One outside case: `workload` of `problem`'s parameters, applied to `values`, gives `expected`."""

    workload: str
    source: str
    """One of `SOURCES`."""
    name: str
    """Which case of the source, so that anybody can find it."""
    problem: Mapping[str, Any]
    """The parameters that the oracle takes as keyword-only arguments."""
    values: Sequence[Any]
    """The arguments of the workload, in the definition's order and axes."""
    expected: Sequence[Any]
    """The first results, in the definition's order and axes."""
    precision: str
    """In which the truth is known: float32 or float64."""

    def __str__(self) -> str:
        return f"{self.workload}-{self.name}"


@dataclass(frozen=True)
class Frozen:
    """One single-node case of the test data that onnx 1.22.0 carries."""

    name: str
    source: str
    op: str
    attributes: Mapping[str, Any]
    inputs: Sequence[Any] = field(repr=False)
    """By position; None where an optional input is left out."""
    outputs: Sequence[Any] = field(repr=False)


@cache
def frozen() -> tuple[Frozen, ...]:
    """Every case of one node, not the expanded duplicates; models of several nodes prove no single operation."""
    import onnx
    from onnx import helper, numpy_helper

    root = os.path.join(os.path.dirname(onnx.__file__), "backend/test/data")
    found = []
    for folder, source in (("node", "onnx node"), ("pytorch-converted", "onnx converted")):
        for path in sorted(glob.glob(f"{root}/{folder}/test_*")):
            if "expanded" in path:
                continue
            model = onnx.load(f"{path}/model.onnx")
            if len(model.graph.node) != 1:
                continue
            node = model.graph.node[0]
            weights = {i.name: numpy_helper.to_array(i) for i in model.graph.initializer}
            try:
                fed = [i.name for i in model.graph.input if i.name not in weights]
                values = weights | {name: _tensor(f"{path}/test_data_set_0/input_{n}.pb") for n, name in enumerate(fed)}
                made = [o.name for o in model.graph.output]
                results = {name: _tensor(f"{path}/test_data_set_0/output_{n}.pb") for n, name in enumerate(made)}
            except (OSError, TypeError, ValueError, AttributeError):
                continue  # sequences, optionals, and types that NumPy lacks
            found.append(
                Frozen(
                    name=os.path.basename(path),
                    source=source,
                    op=node.op_type,
                    attributes={a.name: _attribute(helper.get_attribute_value(a)) for a in node.attribute},
                    inputs=[values.get(name) for name in node.input],
                    outputs=[results.get(name) for name in node.output],
                )
            )
    return tuple(found)


def frozen_of(*ops: str) -> list[Frozen]:
    return [case for case in frozen() if case.op in ops]


def reference(op: str, inputs: Sequence[Any], outputs: int = 1, opset: int = 22, **attributes: Any) -> list[Any]:
    """What onnx's reference evaluator makes of one node; None among `inputs` leaves an optional one out.

    It computes in the type of its inputs. Attributes are float32: give numbers that float32 holds exactly.
    """
    import onnx
    from onnx import TensorProto, helper
    from onnx.reference import ReferenceEvaluator

    names = [f"x{n}" if array is not None else "" for n, array in enumerate(inputs)]
    fed = {name: np.asarray(array) for name, array in zip(names, inputs, strict=True) if name}
    made = [f"y{n}" for n in range(outputs)]
    node = helper.make_node(op, names, made, **attributes)
    graph = helper.make_graph(
        [node],
        op,
        [helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape) for n, a in fed.items()],
        [helper.make_tensor_value_info(n, TensorProto.UNDEFINED, None) for n in made],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    assert isinstance(model, onnx.ModelProto)
    return list(ReferenceEvaluator(model).run(None, fed))


def rng(name: str) -> np.random.Generator:
    """A generator of its own for each case, so that cases can be added without changing others."""
    return np.random.default_rng(list(name.encode()))


def numpy_table(function: str, precision: str) -> tuple[Array, Array]:
    """Arguments and correctly rounded results of one of NumPy's umath validation sets, `exp` or `tanh` for example.

    Rows whose result is not a finite normal number are left out.
    """
    width, code = {"float32": (4, "I"), "float64": (8, "Q")}[precision]
    folder = Path(np.__file__).parent / "_core/tests/data"
    rows = []
    with open(folder / f"umath-validation-set-{function}.csv") as file:
        for row in csv.reader(line for line in file if not line.startswith("#")):
            if row and row[0] == f"np.{precision}":
                packed = b"".join(struct.pack(f"<{code}", int(text, 16)) for text in row[1:3])
                rows.append(np.frombuffer(packed, dtype=f"<f{width}"))
    table = np.array(rows, dtype=precision).T
    usable = np.isfinite(table).all(axis=0) & (np.abs(table[1]) >= np.finfo(table.dtype).tiny)
    return table[0][usable], table[1][usable]


def scipy_table(file: str, key: str) -> Array:
    """One array of SciPy's special-function tables, `boost.npz` for example: columns of arguments and results."""
    from scipy import special

    with np.load(Path(special.__file__).parent / "tests/data" / file, allow_pickle=False) as tables:
        return np.asarray(tables[key])


def random_cases(count: int, name: str) -> Iterator[tuple[str, np.random.Generator]]:
    for number in range(count):
        yield f"{name} {number}", rng(f"{name} {number}")


def _tensor(path: str) -> Array:
    import onnx
    from onnx import numpy_helper

    tensor = onnx.TensorProto()
    tensor.ParseFromString(Path(path).read_bytes())
    return np.asarray(numpy_helper.to_array(tensor))


def _attribute(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value
