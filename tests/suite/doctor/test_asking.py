"""Causes planted where they arise, in a worker or its environment, and what the doctor makes of them."""

from __future__ import annotations

import platform

import pytest

from suite import gpu
from suite.doctor import frameworks
from suite.doctor.asking import CHOSEN, Report, ask
from suite.doctor.finding import Finding
from suite.progress import Silent
from suite.targets import Target, default_targets
from tests.fakes.device import FakeDevice
from tests.fakes.running import NUMPY, fake
from tests.suite.doctor.planting import planted


def told(target: Target, threads: int = 1, on: gpu.Gpu | None = None) -> Report:
    report = ask([target], threads, on, Silent())[target.name]
    assert isinstance(report, Report), report
    return report


def kernels(report: Report, **variables: str) -> Finding:
    """What is made of a report of NumPy or PyTorch on a processor that has AVX-512."""
    facts = planted(reports={"it": report}, cpu__flags=["avx2", "avx512f"], variables=variables)
    (found,) = frameworks.instructions(facts)
    return found


@pytest.fixture(scope="module")
def held_back() -> Report:
    """PyTorch, kept from wide instructions and from its second thread by variables."""
    (pytorch,) = default_targets(["pytorch"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
        patch.setenv("ATEN_CPU_CAPABILITY", "default")
        patch.setenv("OMP_THREAD_LIMIT", "1")
        return told(pytorch, threads=2)  # with one thread it would convolve without oneDNN


def test_numpy_tells_its_build_and_what_it_computes_by() -> None:
    report = told(NUMPY)
    assert report.versions["numpy"]
    assert report.build["device"] == "CPU"
    assert report.build["compiler"]
    assert report.threads_at_work == 1
    assert report.rounding == {
        "passed": True,
        "sentence": "asked for float32, rounded to TF32: linear is not, conv2d is not",
    }


def test_openblas_made_to_use_the_kernels_of_another_processor_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    if "openblas_kernels" not in told(NUMPY).chosen:
        pytest.skip("this NumPy has another BLAS")
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    found = kernels(told(NUMPY), OPENBLAS_CORETYPE="Haswell")
    assert (found.level, "OpenBLAS for Haswell" in found.found) == ("failure", True)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the variables are those of x86 processors")
def test_pytorch_kept_from_wide_instructions_is_seen_by_what_its_libraries_say(held_back: Report) -> None:
    assert held_back.build["instructions"] == "DEFAULT"
    assert held_back.chosen["onednn_instructions"] == "Intel AVX2"
    assert kernels(held_back).level == "failure"


def test_threads_that_a_framework_tells_and_does_not_have_are_seen_by_counting(held_back: Report) -> None:
    assert (held_back.settings["threads"], held_back.threads_at_work) == (2, 1)
    (found,) = frameworks.threads(planted(threads=2, reports={"pytorch": held_back}))
    assert (found.level, found.found) == ("failure", "2 asked for; at work: pytorch 1")


def test_pytorch_tells_how_it_was_built(held_back: Report) -> None:
    assert held_back.build["type"] == "Release"
    assert "-O" in held_back.build["flags"]
    assert held_back.build["compiler"]


def test_a_framework_that_takes_more_threads_than_it_was_given_is_a_failure() -> None:
    target = fake("overthreaded")
    reason = ask([target], 1, None, Silent())["overthreaded"]
    facts = planted(frameworks={"overthreaded": None}, versions={"overthreaded": "1"}, reports={"overthreaded": reason})
    (found,) = frameworks.installed(facts)
    assert (found.level, "it uses 64 threads where 1 were asked for" in found.found) == ("failure", True)


def test_a_gpu_that_rounds_to_tf32_unasked_is_seen_by_computing(fake_gpu: FakeDevice) -> None:
    fake_gpu.set(always_tf32=True, context=2**30)
    report = told(fake("gpu"), on=gpu.of_device("cuda"))
    (found,) = frameworks.rounding_on("cuda", {"gpu": report})
    assert (found.level, "linear is" in found.found) == ("failure", True)
    assert report.device_bytes == 2**30


def test_what_libraries_print_is_read() -> None:
    log = "\n".join(
        [
            "Core: SkylakeX",
            "onednn_verbose,v1,info,oneDNN v3.12.0 (commit 80afa71)",
            "onednn_verbose,v1,info,cpu,isa:Intel AVX-512 with Intel DL Boost",
            "MKL_VERBOSE oneMKL 2024.0 Update 2 Product build 20240605 for Intel(R) 64 architecture "
            "Intel(R) Architecture processors, Lnx 2.60GHz lp64 gnu_thread",
        ]
    )
    said = {name: pattern.search(log) for name, pattern in CHOSEN.items()}
    assert {name: match[1] for name, match in said.items() if match} == {
        "onednn": "3.12.0",
        "onednn_instructions": "Intel AVX-512 with Intel DL Boost",
        "mkl": "2024.0 Update 2",
        "mkl_instructions": "Intel(R) Architecture processors",
        "openblas_kernels": "SkylakeX",
    }
