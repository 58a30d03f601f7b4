"""Every cause, planted in the facts, is found, said and mended; and what is healthy raises no alarm."""

from __future__ import annotations

from dataclasses import replace

import pytest

from suite.doctor import judge, machine
from tests.suite.doctor.planting import (
    CALIBRATED,
    CAUSES,
    GIB,
    GPU,
    HEALTHY,
    NUMPY,
    PYTORCH,
    found,
    on_gpu,
    planted,
    telling,
)


def test_nothing_is_off_on_a_healthy_machine():
    findings = judge(HEALTHY)
    assert {finding.level for finding in findings} == {"ok"}
    assert len({finding.subject for finding in findings}) == len(findings)
    assert all(finding.why for finding in findings)


@pytest.mark.parametrize(("subject", "level", "cause", "said", "remedy"), CAUSES)
def test_what_is_off_is_found_and_can_be_mended(subject, level, cause, said, remedy):
    finding = found(subject, **cause)
    assert finding.level == level
    assert said in finding.found
    assert remedy in finding.remedy
    assert finding.why


def test_a_gpu_is_told_with_its_driver_and_clocks():
    finding = found("device cuda", gpus=[GPU])
    assert finding.level == "ok"
    assert finding.found == "Some GPU, 80.0 GiB, 345 of 1980 MHz now, driver 580.1, CUDA 13.0 or older"
    assert found("device cuda:1", gpus=[GPU, GPU]).level == "ok"
    assert found("cuDNN", gpus=[GPU], cudnn="nvidia-cudnn-cu13 9.1").found == "nvidia-cudnn-cu13 9.1"


def test_what_frameworks_did_on_a_gpu_is_told_where_all_is_well():
    assert found("float32 on cuda", **on_gpu()).found == "not rounded in pytorch, by computing"
    assert found("memory at start on cuda", **on_gpu(device_bytes=GIB)).found == "pytorch 1.0 GiB"


def test_frameworks_are_told_with_version_and_build():
    assert found("numpy").found == "2.4, CPU build, gcc 14"
    assert found("pytorch").found == "2.13+cpu, CPU build, GCC 13.3 -O2 -mavx2, Release"


def test_kernels_are_told_by_library():
    words = "own AVX512; oneDNN 3.12.0 with Intel AVX-512 with Intel DL Boost; MKL for Intel AVX"
    assert (found("pytorch kernels").level, found("pytorch kernels").found) == ("ok", words)


@pytest.mark.parametrize("flags", [None, ["asimd", "sve"], ["avx2"]])
def test_narrow_kernels_are_right_for_a_processor_without_wide_instructions(flags):
    narrow = {
        "numpy": replace(NUMPY, build={}, chosen={"openblas_kernels": "Haswell"}),
        "pytorch": replace(PYTORCH, build={"instructions": "AVX2"}, chosen={"onednn_instructions": "Intel AVX2"}),
    }
    for name in narrow:
        assert found(f"{name} kernels", reports=narrow, cpu__flags=flags).level == "ok"


def test_amx_is_for_halves_and_nobody_is_blamed_for_avx512():
    assert found("pytorch kernels", cpu__flags=["avx2", "avx512f", "amx_tile"]).level == "ok"


def test_more_threads_than_asked_for_may_hand_out_work():
    assert found("threads at work", reports=telling(threads_at_work=5)).level == "ok"


def test_who_flushes_denormals_of_itself_is_not_blamed():
    reports = {"numpy": NUMPY, "jax": replace(NUMPY, settings={"flush_denormals": True})}
    finding = found("denormals", reports=reports)
    assert (finding.level, finding.found) == ("ok", "kept in numpy; flushed in jax")


def test_a_reason_without_a_command_is_its_own_remedy():
    finding = found("numpy", frameworks={"numpy": "/no/python cannot be started: No such file"})
    assert finding.remedy == "/no/python cannot be started: No such file"


def test_the_compiler_is_no_matter_where_pytorch_is_not_installed():
    facts = planted(frameworks={"pytorch": "pytorch is not installed (pip install torch)"}, compiler=None)
    assert "C++ compiler" not in [finding.subject for finding in judge(facts)]


def test_fewer_allowed_cpus_than_there_are_is_said_without_alarm():
    finding = found("threads", cpu__allowed=[0, 1])
    assert (finding.level, finding.found) == ("ok", "2 of 4 CPUs may be used")
    assert found("threads", cpu__allowed=[0], cpu__logical_cores=1).found == "1 CPU"


def test_one_hardware_thread_a_core_is_no_hyper_threading():
    finding = found("hyper-threads", cpu__siblings=["0,2", "1,3"], cpu__allowed=[0, 1])
    assert (finding.level, finding.found) == ("ok", "one thread a core")


def test_a_load_of_exactly_the_limit_is_not_off():
    assert found("load", load=[2.0, 0, 0]).level == "ok"


def test_a_wide_memory_limit_is_said_without_alarm():
    assert found("memory limit", limits__memory_bytes=16 * GIB).level == "ok"
    assert found("memory limit", limits__memory_bytes=64 * GIB).found == "none by control group"


def test_a_virtual_machine_and_turbo_are_said_without_alarm():
    assert found("virtual machine", cpu__hypervisor="unknown").found == "yes"
    assert found("turbo", cpu__turbo=True).level == "ok"


def test_what_the_machine_does_not_tell_is_no_alarm():
    untold = dict(model=None, governor=None, turbo=None, idle_cores=None)
    names = ("model", "logical_cores", "siblings", "flags", "governor", "turbo", "idle_cores", "frequency_mhz")
    facts = planted(
        calibration=replace(CALIBRATED, conditions=CALIBRATED.conditions | untold),
        python__optimised=None,
        **{f"cpu__{name}": None for name in names},
        **{f"memory__{name}": None for name in ("total_bytes", "available_bytes", "swap_used_bytes")},
        reports={"numpy": replace(NUMPY, settings={}, build={}, chosen={}, threads_at_work=None, rounding=None)},
        load=None,
    )
    assert {finding.level for finding in judge(facts)} == {"ok"}


def test_cpu_lists_are_read_with_ranges():
    assert machine._numbers("0-2,5,8-8") == {0, 1, 2, 5, 8}
