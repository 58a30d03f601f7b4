from __future__ import annotations

import json
import math
import os
import shlex
import sys

import pytest

from suite import gpu
from suite import plan as planning
from suite.errors import UsageError
from suite.plan import Plan, command, load_profiles, make_plan, parse_duration, parse_percent
from suite.records import RunRecord
from suite.workloads import WORKLOADS

PROFILE = """
[short]
summary = "short"
selectors = ["linear[tiny]"]
tasks = ["forward"]
modes = ["all"]
launches = 1
most_launches = 3
rounds = 2
sample_s = 0.01
warmup_s = 1
budget_s = 10.0
case_s = 5
precision_goal = 0.02
margin = 0.05
"""


@pytest.fixture(autouse=True)
def four_cpus(monkeypatch):
    monkeypatch.setattr(planning, "allowed_cpus", lambda: [0, 1, 2, 3])


def columns(plan: Plan) -> list[str]:
    return [column.name for column in plan.columns]


def refusal(*selectors: str, **choices: object) -> str:
    with pytest.raises(UsageError) as error:
        make_plan(list(selectors), **choices)
    assert "\n" not in str(error.value)
    return str(error.value)


# What a plan holds


def test_every_profile_makes_a_plan_of_its_own_selection():
    for name, profile in load_profiles().items():
        plan = make_plan([], profile=name)
        assert plan.profile == profile
        assert {case.workload for case in plan.cases} == {text.partition("[")[0] for text in profile.selectors}
        assert {target.framework for target in plan.targets} == {"numpy", "pytorch", "tensorflow", "jax"}


def test_the_cases_are_selectors_by_those_tasks_that_each_has_by_precisions():
    plan = make_plan(["linear[tiny]", "mlp[tiny]"], precisions=["float32", "float64"])
    assert [(case.workload, case.task, case.precision) for case in plan.cases] == [
        ("linear", "forward", "float32"),
        ("linear", "forward", "float64"),
        ("linear", "gradient", "float32"),
        ("linear", "gradient", "float64"),
        ("mlp", "forward", "float32"),
        ("mlp", "forward", "float64"),
        ("mlp", "gradient", "float32"),
        ("mlp", "gradient", "float64"),
        ("mlp", "train_step", "float32"),
        ("mlp", "train_step", "float64"),
    ]


def test_tasks_of_a_selector_take_the_place_of_the_profiles_and_are_narrowed_by_those_asked_for():
    def found(*selectors: str, **choices: object) -> list[tuple[str, str]]:
        return [(case.workload, case.task) for case in make_plan(list(selectors), **choices).cases]

    assert found("mlp[tiny] train_step forward", "linear[tiny]") == [
        ("mlp", "train_step"),
        ("mlp", "forward"),
        ("linear", "forward"),
        ("linear", "gradient"),
    ]
    assert found("mlp[tiny] train_step", "linear[tiny]", tasks=["forward"]) == [("linear", "forward")]


def test_all_modes_give_a_column_each():
    assert columns(make_plan(["linear"], modes=["all"])) == [
        "numpy eager",
        "pytorch eager",
        "pytorch compile",
        "tensorflow eager",
        "tensorflow graph",
        "tensorflow xla",
        "jax eager",
        "jax jit",
    ]


def test_modes_keep_those_frameworks_that_have_them():
    plan = make_plan(["linear"], modes=["jit", "compile"])
    assert columns(plan) == ["pytorch compile", "jax jit"]
    assert [target.name for target in plan.targets] == ["pytorch", "jax"]


def test_modes_of_a_profile_that_a_framework_lacks_are_left_out_without_complaint():
    assert columns(make_plan([], profile="smoke", frameworks=["pytorch"])) == ["pytorch eager"]


def test_a_variant_adds_a_column_beside_the_default_one():
    plan = make_plan(["attention"], frameworks=["pytorch"], modes=["eager"], variants=["written_out", "default"])
    assert columns(plan) == ["pytorch eager", "pytorch eager (written_out)"]


def test_what_is_asked_twice_is_done_once():
    plan = make_plan(["linear"], frameworks=["jax", "jax"], modes=["jit", "jit"], tasks=["forward"] * 2)
    assert (len(plan.cases), columns(plan)) == (1, ["jax jit"])


def test_options_take_the_place_of_the_profiles_settings():
    plan = make_plan(["linear"], profile="smoke", launches=7, rounds=8, budget_s=9.0, precision_goal=0.1, margin=0.2)
    found = plan.profile
    assert (found.launches, found.rounds, found.budget_s, found.precision_goal, found.margin) == (7, 8, 9.0, 0.1, 0.2)
    assert (found.name, found.selectors) == ("smoke", ["linear"])
    assert found.sample_s == load_profiles()["smoke"].sample_s


def test_threads_are_all_allowed_cpus_where_none_are_named():
    assert {case.threads for case in make_plan(["linear"]).cases} == {4}
    assert {case.threads for case in make_plan(["linear"], threads=3).cases} == {3}


def test_the_targets_run_in_this_interpreter():
    assert {target.python for target in make_plan(["linear"]).targets} == {sys.executable}


# What is refused


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"frameworks": ["torch"]}, "there is no framework 'torch'; did you mean 'pytorch'?"),
        ({"tasks": ["foward"]}, "there is no task 'foward'; did you mean 'forward'?"),
        ({"modes": ["jitt"]}, "there is no mode 'jitt'; did you mean 'jit'?"),
        ({"precisions": ["fp32"]}, "there is no precision 'fp32'"),
        ({"profile": "quik"}, "there is no profile 'quik'; did you mean 'quick'?"),
        ({"device": "gpu"}, "there is no device 'gpu'"),
        ({"device": "cuda:x"}, "there is no device 'cuda:x'"),
        (
            {"modes": ["max-autotune"]},
            "mode 'max-autotune' means something on a GPU only; ask for it with --device cuda",
        ),
        ({"variants": ["chanels_last"]}, "there is no variant 'chanels_last'; did you mean 'channels_last'?"),
        ({"threads": 0}, "threads must be 1 or more, not 0"),
        ({"threads": 5}, "threads=5 is more than the 4 CPUs that this process may use; choose at most 4"),
        ({"seed": -1}, "seed must be 0 or more, not -1"),
        ({"launches": 0}, "launches must be 1 or more, not 0"),
        ({"rounds": -3}, "rounds must be 1 or more, not -3"),
        ({"budget_s": 0.0}, "budget must be a number above 0, not 0 s"),
        ({"budget_s": math.nan}, "budget must be a number above 0, not nan s"),
        ({"budget_s": math.inf}, "budget must be a number above 0, not inf s"),
        ({"precision_goal": -0.1}, "precision goal must be a number above 0, not -0.1"),
        ({"margin": math.nan}, "margin must be a number above 0, not nan"),
        ({"margin": 1.0}, "margin must be below 1 (100 %), not 1"),
        ({"tasks": ["train_step"]}, "none of the selected workloads has the task 'train_step': linear"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_sentence(choices, words):
    assert words in refusal("linear", **choices)


def test_a_jacobian_that_would_not_fit_is_refused_with_its_size():
    words = refusal("linear[small]", tasks=["jacobian"])
    assert words == (
        "the Jacobian of linear[small] has 84,410,368 entries, more than 1,000,000;"
        " choose a smaller problem, such as 'linear[tiny]'"
    )
    assert make_plan(["linear[tiny]"], tasks=["jacobian"]).cases


def test_a_mode_of_a_framework_that_is_not_selected_is_refused_with_its_owner():
    words = refusal("linear", frameworks=["pytorch", "jax"], modes=["xla"])
    assert words == "mode 'xla' belongs to tensorflow, not to what is selected (pytorch, jax)"


def test_a_framework_that_was_asked_for_and_has_none_of_the_modes_is_refused():
    words = refusal("linear", frameworks=["numpy", "jax"], modes=["jit"])
    assert words == "numpy has no mode jit; its modes: eager"


# GPUs


def test_a_gpu_that_is_not_there_is_refused_in_one_sentence(monkeypatch):
    def missing():
        raise OSError("NVML Shared Library Not Found")

    monkeypatch.setattr(gpu, "library", missing)
    words = refusal("linear", device="cuda:1")
    assert words == "device 'cuda:1' cannot be measured: NVML Shared Library Not Found; leave --device out for the CPU"


def test_builds_that_cannot_use_the_gpu_are_refused_in_one_sentence(fake_gpu, monkeypatch):
    monkeypatch.setattr(planning, "lacks_cuda", lambda target: f"{target.name} is built for the CPU only")
    monkeypatch.setattr(planning, "missing", lambda target: None)
    assert refusal("linear", device="cuda", frameworks=["jax", "pytorch"]) == (
        "there is a GPU, but nothing here can use it: jax is built for the CPU only; pytorch is built for the CPU only"
    )


@pytest.fixture
def cuda_builds(fake_gpu, monkeypatch):
    monkeypatch.setattr(planning, "lacks_cuda", lambda target: None)
    monkeypatch.setattr(planning, "missing", lambda target: None)


def test_on_a_gpu_there_are_more_modes_but_the_slow_one_must_be_asked_for(cuda_builds):
    plan = make_plan(["linear"], device="cuda", frameworks=["pytorch"])
    assert columns(plan) == ["pytorch eager", "pytorch compile", "pytorch reduce-overhead"]
    assert columns(make_plan(["linear"], device="cuda", modes=["max-autotune"])) == ["pytorch max-autotune"]


def test_numpy_is_left_out_on_a_gpu(cuda_builds):
    assert [target.name for target in make_plan(["linear"], device="cuda:0").targets] == [
        "pytorch",
        "tensorflow",
        "jax",
    ]


def test_a_plan_knows_its_gpu(cuda_builds):
    assert make_plan(["linear"], device="cuda").gpu() is not None
    assert make_plan(["linear"]).gpu() is None


# Profiles


def profiles_from(tmp_path, text: str):
    path = tmp_path / "profiles.toml"
    path.write_text(text)
    return load_profiles(path)


def test_a_profile_is_read_as_it_stands(tmp_path):
    profile = profiles_from(tmp_path, PROFILE)["short"]
    assert (profile.name, profile.rounds, profile.warmup_s, profile.selectors) == ("short", 2, 1, ["linear[tiny]"])


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("rounds = 2", "rouns = 2", "there is no setting of profile short 'rouns'; did you mean 'rounds'?"),
        ("rounds = 2\n", "", "profile 'short' lacks the setting 'rounds'"),
        ("rounds = 2", "rounds = 2.5", "'rounds' of profile 'short' must be a whole number, not 2.5"),
        ("rounds = 2", "rounds = true", "'rounds' of profile 'short' must be a whole number, not True"),
        ("rounds = 2", "rounds = 0", "rounds must be 1 or more, not 0"),
        ('modes = ["all"]', 'modes = "all"', "'modes' of profile 'short' must be a list of texts, not 'all'"),
        ("margin = 0.05", "margin = nan", "margin must be a number above 0, not nan"),
        ("margin = 0.05", "margin = ", "profiles.toml is broken"),
    ],
)
def test_a_profile_that_is_not_as_it_must_be_is_refused(tmp_path, old, new, words):
    assert old in PROFILE
    with pytest.raises(UsageError) as error:
        profiles_from(tmp_path, PROFILE.replace(old, new))
    assert words in str(error.value)


# Storing and repeating


def test_a_plan_survives_json_whole():
    plan = make_plan(["attention[seq=9,causal=true]", "mlp"], seed=5, warm_caches=True, variants=["written_out"])
    assert Plan.from_dict(json.loads(json.dumps(plan.as_dict()))) == plan


def test_a_plan_survives_a_record_whole():
    import msgspec

    plan = make_plan(["conv2d[tiny]"], margin=0.03)
    record = RunRecord(1, "id", "now", "0", "", selection=plan.as_dict(), environment={}, targets=[])
    read = msgspec.json.decode(msgspec.json.encode(record), type=RunRecord)
    assert Plan.from_dict(read.selection) == plan


def test_a_stored_plan_names_no_interpreter_by_its_path():
    assert sys.executable not in json.dumps(make_plan(["linear"]).as_dict())


@pytest.mark.parametrize("change", [{"columns": None}, {"cases": [{"workload": "linear"}]}, {"profile": {"x": 1}}])
def test_a_stored_plan_that_is_none_is_refused(change):
    stored = make_plan(["linear"]).as_dict() | change
    with pytest.raises(UsageError, match="not one that this version understands"):
        Plan.from_dict(stored)


def test_a_stored_plan_of_an_unknown_workload_is_refused():
    stored = make_plan(["linear"]).as_dict()
    stored["cases"][0]["workload"] = "linar"
    with pytest.raises(UsageError, match="there is no workload 'linar'; did you mean 'linear'"):
        Plan.from_dict(stored)


def test_the_command_is_as_short_as_the_plan_is_plain():
    plan = make_plan(["linear[tiny]"], profile="smoke")
    assert command(plan) == "triptych run 'linear[tiny]' --profile smoke --device cpu --threads 4 --seed 0"


def test_the_command_names_the_interpreters(tmp_path):
    link = tmp_path / "python"
    link.symlink_to(os.path.realpath(sys.executable))
    plan = make_plan(["linear"], frameworks=["jax", "pytorch"], interpreters=[f"old={link}", f"new={sys.executable}"])
    words = command(plan)
    assert f"--framework jax --framework pytorch --target old={link} --target new=python" in words
    assert make_plan(["linear"], frameworks=["jax"], interpreters=["new=python"]).targets[0].python == sys.executable
    assert {column.target for column in plan.columns} == {"old-jax", "old-pytorch", "new-jax", "new-pytorch"}


def test_the_command_names_whatever_differs_from_the_profile():
    plan = make_plan(
        ["attention[seq=9]"],
        frameworks=["jax", "pytorch"],
        tasks=["forward"],
        modes=["jit", "eager", "compile"],
        precisions=["float64"],
        variants=["written_out"],
        threads=1,
        seed=3,
        launches=4,
        rounds=5,
        budget_s=60.5,
        precision_goal=0.03,
        margin=0.1,
        warm_caches=True,
    )
    assert shlex.split(command(plan)) == shlex.split(
        "triptych run attention[seq=9] --profile quick --framework jax --framework pytorch --task forward"
        " --mode jit --mode eager --mode compile --launches 4 --rounds 5 --budget 60.5s --precision-goal 0.03"
        " --margin 0.1 --precision float64 --variant written_out --device cpu --threads 1 --seed 3 --warm-caches"
    )


def test_as_many_launches_as_the_profile_begins_with_are_not_those_that_it_may_have():
    assert make_plan(["linear"]).profile.most_launches > make_plan(["linear"]).profile.launches
    plan = make_plan(["linear"], launches=make_plan(["linear"]).profile.launches)
    assert plan.profile.most_launches == plan.profile.launches
    assert f"--launches {plan.profile.launches}" in command(plan)


def test_a_baseline_is_one_of_the_targets_by_the_name_that_it_was_given():
    others = dict(interpreters=["old=python", "new=python"], frameworks=["jax", "pytorch"])
    plan = make_plan(["linear"], baseline="old", **others)
    assert plan.baseline == "old"
    assert "--baseline old" in command(plan)
    assert "--baseline" not in command(make_plan(["linear"]))
    with pytest.raises(UsageError, match="there is no target 'older'; did you mean 'old'"):
        make_plan(["linear"], baseline="older", **others)


# Durations and shares


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("10m", 600), ("1.5h", 5400), ("45", 45), (" .5 m ", 30), ("0", 0)]
)
def test_a_duration_is_read_in_seconds(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "m", "10 minutes", "-5s", "1h30m", "nan", "inf", "1e3"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(UsageError) as error:
        parse_duration(text)
    assert str(error.value) == f"'{text}' is no duration; write for example 90s, 10m or 1.5h"


@pytest.mark.parametrize(
    ("text", "share"), [("5%", 0.05), ("0.05", 0.05), ("2.5 %", 0.025), ("150%", 1.5), (".1", 0.1)]
)
def test_a_share_is_read_with_or_without_its_sign(text, share):
    assert parse_percent(text) == pytest.approx(share, rel=1e-15)


@pytest.mark.parametrize("text", ["5", "1", "five%", "", "-5%", "nan", "5%%"])
def test_what_is_no_share_is_refused(text):
    with pytest.raises(UsageError) as error:
        parse_percent(text)
    assert str(error.value) == f"'{text}' is no share; write for example 5% or 0.05"


def test_stress_problems_are_added_where_no_problem_was_named() -> None:
    def problems(*selectors: str, stress: bool = True) -> list[str]:
        return list(dict.fromkeys(case.problem for case in make_plan(list(selectors), stress=stress).cases))

    stressed = [name for name in WORKLOADS["layer_norm"].problems if name.startswith("stress.")]
    assert problems("layer_norm") == ["small", *stressed]
    assert problems("layer_norm[tiny]") == ["tiny"]
    assert problems("layer_norm", stress=False) == ["small"]
    assert set(stressed) <= set(problems())  # those of the profile's workloads
