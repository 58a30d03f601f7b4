"""Environment variables that change what is measured.

Not among them are those that a worker sets itself, whatever they were: thread counts, compiler caches, how a GPU's memory is
taken, JAX_ENABLE_X64, JAX_DEFAULT_MATMUL_PRECISION and TORCH_ALLOW_TF32_CUBLAS_OVERRIDE.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from suite.doctor.facts import Facts
from suite.doctor.finding import Finding

OFF = r"|0|false|no|off"
"""Values that switch a switch off, as a pattern."""
ANY = r".*"


@dataclass(frozen=True)
class Variable:
    """`effect` completes `it …`. Both patterns are of whole values, in whatever case."""

    effect: str
    misleads: str = ANY
    """Values with which a comparison would mislead; with others figures change, and the verdict holds."""
    harmless: str = OFF
    """Values that change nothing."""
    gpu: bool = False
    """It concerns GPUs alone."""


VARIABLES = {
    # Not what the cell's name says.
    "JAX_DISABLE_JIT": Variable("makes JAX run op by op what is measured as jit"),
    "JAX_DISABLE_MOST_OPTIMIZATIONS": Variable("makes XLA compile without its optimisations"),
    "TORCH_COMPILE_DISABLE": Variable("makes torch.compile do nothing"),
    "TORCHDYNAMO_DISABLE": Variable("makes torch.compile do nothing"),
    "TORCHDYNAMO_SUPPRESS_ERRORS": Variable("makes torch.compile run eagerly what it cannot compile"),
    "TF_FUNCTION_JIT_COMPILE_DEFAULT": Variable("makes XLA compile what is measured as graph"),
    "TF_XLA_FLAGS": Variable(
        "can make XLA compile what is measured as eager or graph", misleads=r".*auto_jit=(?!-1|0).*", harmless=""
    ),
    "NVIDIA_TF32_OVERRIDE": Variable(
        "forces TF32 on or off in every CUDA library, whatever precision is asked for", harmless="", gpu=True
    ),
    "ONEDNN_DEFAULT_FPMATH_MODE": Variable(
        "lets oneDNN compute float32 products in bfloat16 or TF32, where the processor can",
        misleads="",
        harmless="|strict",
    ),
    "DNNL_DEFAULT_FPMATH_MODE": Variable(
        "lets oneDNN compute float32 products in bfloat16 or TF32, where the processor can",
        misleads="",
        harmless="|strict",
    ),
    "TF_SET_ONEDNN_FPMATH_MODE": Variable(
        "lets TensorFlow compute float32 products in bfloat16, where the processor can", misleads="", harmless="|strict"
    ),
    # One framework is held back, and the others are not.
    "TF_ENABLE_ONEDNN_OPTS": Variable(
        "switches TensorFlow's oneDNN kernels, which are its fast ones on this kind of CPU",
        misleads="0|false",
        harmless="|1|true",
    ),
    "TF_DETERMINISTIC_OPS": Variable("makes TensorFlow choose deterministic, often slower kernels"),
    "TF_CUDNN_DETERMINISTIC": Variable("makes TensorFlow choose deterministic, often slower kernels", gpu=True),
    "ONEDNN_MAX_CPU_ISA": Variable("keeps oneDNN from the CPU's widest instructions", harmless="|all|default"),
    "DNNL_MAX_CPU_ISA": Variable("keeps oneDNN from the CPU's widest instructions", harmless="|all|default"),
    "MKL_ENABLE_INSTRUCTIONS": Variable("keeps MKL, and so PyTorch, from the CPU's widest instructions", harmless=""),
    "MKL_CBWR": Variable("keeps MKL, and so PyTorch, to kernels that round alike everywhere", harmless="|off"),
    "ATEN_CPU_CAPABILITY": Variable("keeps PyTorch from the CPU's widest instructions", harmless=""),
    "NPY_DISABLE_CPU_FEATURES": Variable("keeps NumPy from the CPU's widest instructions", harmless=""),
    "OMP_THREAD_LIMIT": Variable("gives PyTorch fewer threads than it tells", harmless=""),
    "OMP_DYNAMIC": Variable("lets PyTorch use fewer threads than it tells"),
    "CUDA_LAUNCH_BLOCKING": Variable("makes the host wait for every kernel", gpu=True),
    "XLA_PYTHON_CLIENT_ALLOCATOR": Variable(
        "can make JAX ask the driver for every array", misleads="platform", harmless="|default|bfc", gpu=True
    ),
    # What is timed does something else as well.
    "JAX_DEBUG_NANS": Variable("makes JAX look at every result"),
    "JAX_DEBUG_INFS": Variable("makes JAX look at every result"),
    "JAX_CHECK_TRACER_LEAKS": Variable("makes JAX trace anew what it has traced before"),
    "JAX_ENABLE_CHECKS": Variable("makes JAX check itself"),
    "ONEDNN_VERBOSE": Variable("makes oneDNN print a line for each operation, while it is timed"),
    "DNNL_VERBOSE": Variable("makes oneDNN print a line for each operation, while it is timed"),
    "MKL_VERBOSE": Variable("makes MKL print a line for each call, while it is timed"),
    "PYTHONDEVMODE": Variable(
        "makes Python check itself, so that what frameworks do in Python takes longer", harmless=""
    ),
    "PYTHONTRACEMALLOC": Variable("makes Python note every allocation, while it is timed", harmless="|0"),
    "PYTHONMALLOC": Variable("changes how Python allocates", misleads=".*debug", harmless="|default|pymalloc"),
    # Figures change for all, or may change: what can be computed is judged by that.
    "XLA_FLAGS": Variable(
        "changes how JAX and TensorFlow compile",
        misleads=r".*(xla_cpu_max_isa|optimization_level=[01]|xla_disable_hlo_passes).*",
        harmless="",
    ),
    "OPENBLAS_CORETYPE": Variable("makes NumPy's OpenBLAS use the kernels of another CPU", misleads="", harmless=""),
    "TORCHINDUCTOR_MAX_AUTOTUNE": Variable("makes torch.compile try several kernels", misleads=""),
    "OMP_PROC_BIND": Variable("binds PyTorch's threads to CPUs, and no other framework's", misleads=""),
    "GOMP_CPU_AFFINITY": Variable(
        "binds PyTorch's threads to CPUs, and no other framework's", misleads="", harmless=""
    ),
    "OMP_WAIT_POLICY": Variable("changes how PyTorch's idle threads wait", misleads="", harmless=""),
    "PYTORCH_CUDA_ALLOC_CONF": Variable("changes how PyTorch takes a GPU's memory", misleads="", harmless="", gpu=True),
    "PYTORCH_ALLOC_CONF": Variable("changes how PyTorch takes a GPU's memory", misleads="", harmless="", gpu=True),
    "TF_GPU_ALLOCATOR": Variable("changes how TensorFlow takes a GPU's memory", misleads="", harmless="", gpu=True),
    "LD_PRELOAD": Variable("puts a library before all others, often another allocator", misleads="", harmless=""),
    "MALLOC_ARENA_MAX": Variable("changes how glibc allocates", misleads="", harmless=""),
    "MALLOC_PERTURB_": Variable("makes glibc write every allocation once", misleads="", harmless="|0"),
}
"""By name."""


def variables(facts: Facts) -> list[Finding]:
    """No environment variable changes what is measured."""
    findings = []
    for name, value in facts.environment["variables"].items():
        variable = VARIABLES.get(name)
        if (
            variable is None
            or _matches(variable.harmless, value)
            or (variable.gpu and not facts.environment.get("gpus"))
        ):
            continue
        misleads = _matches(variable.misleads, value)
        why = f"it {variable.effect}"
        findings.append(Finding("failure" if misleads else "warning", name, f"set to '{value}'", why, f"unset {name}"))
    why = "what a variable changes is in no figure's name"
    return findings or [Finding("ok", "environment", "no variable that changes what is measured", why)]


def _matches(pattern: str, value: str) -> bool:
    return re.fullmatch(pattern, value.strip(), re.IGNORECASE) is not None


CHECKS = (variables,)
