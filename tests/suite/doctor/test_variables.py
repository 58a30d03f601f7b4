"""Variables are told from each other by what a comparison would be worth with them."""

from __future__ import annotations

import pytest

from suite.doctor import judge
from suite.doctor.variables import VARIABLES
from suite.environment import variables
from tests.suite.doctor.planting import GPU, found, planted

MISLEADING = {
    "TF_XLA_FLAGS": "--tf_xla_auto_jit=2",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "XLA_FLAGS": "--xla_dump_to=x --xla_cpu_max_isa=AVX2",
    "XLA_PYTHON_CLIENT_ALLOCATOR": "platform",
    "PYTHONMALLOC": "malloc_debug",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
}
"""Values, where not any value misleads."""
WARNED = {name for name, variable in VARIABLES.items() if not variable.misleads}


@pytest.mark.parametrize("name", sorted(VARIABLES))
def test_every_variable_is_named_with_its_value_and_effect(name):
    value = MISLEADING.get(name, "1")
    finding = found(name, variables={name: value}, gpus=[GPU])
    assert finding.level == ("warning" if name in WARNED else "failure")
    assert (finding.found, finding.remedy) == (f"set to '{value}'", f"unset {name}")
    assert finding.why == f"it {VARIABLES[name].effect}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JAX_DISABLE_JIT", "False"),
        ("JAX_DISABLE_JIT", "0"),
        ("TORCH_COMPILE_DISABLE", ""),
        ("TF_ENABLE_ONEDNN_OPTS", "1"),
        ("ONEDNN_MAX_CPU_ISA", "ALL"),
        ("ONEDNN_DEFAULT_FPMATH_MODE", "STRICT"),
        ("PYTHONMALLOC", "default"),
        ("OMP_NUM_THREADS", "64"),
        ("JAX_ENABLE_X64", "1"),
    ],
)
def test_a_value_that_changes_nothing_is_no_finding(name, value):
    assert found("environment", variables={name: value}).level == "ok"


@pytest.mark.parametrize(
    ("name", "value"), [("TF_XLA_FLAGS", "--tf_xla_auto_jit=-1"), ("XLA_FLAGS", "--xla_dump_to=x")]
)
def test_flags_that_only_may_matter_are_a_warning(name, value):
    assert found(name, variables={name: value}).level == "warning"


def test_what_concerns_gpus_is_no_matter_without_one():
    subjects = [finding.subject for finding in judge(planted(variables={"NVIDIA_TF32_OVERRIDE": "1"}))]
    assert "NVIDIA_TF32_OVERRIDE" not in subjects


def test_every_variable_is_among_those_that_are_recorded():
    assert set(variables(dict.fromkeys(VARIABLES, "1"))) == set(VARIABLES)
