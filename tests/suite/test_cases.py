from __future__ import annotations

import pytest

from suite.cases import FRAMEWORK_MODES, Case, Column, line, select, stress_selectors
from suite.errors import UsageError
from suite.records import merge
from suite.targets import FRAMEWORKS
from suite.workloads import WORKLOADS


def names(*selectors: str) -> list[tuple[str, str]]:
    return [(workload.name, problem) for workload, problem, *_ in select(list(selectors))]


def case(**changes: object) -> Case:
    fields = dict(workload="linear", problem="tiny", parameters=WORKLOADS["linear"].problem("tiny"), task="forward")
    return Case(**(fields | dict(precision="float32", device="cpu", threads=2) | changes))


def test_a_name_alone_means_the_small_problem():
    assert names("conv2d") == [("conv2d", "small")]


def test_brackets_name_a_problem():
    (workload, name, problem, _) = select(["conv2d[resnet50.conv2_2]"])[0]
    assert (workload.name, name, problem["in_channels"]) == ("conv2d", "resnet50.conv2_2", 64)


def test_changed_parameters_complete_small_and_name_the_problem():
    (_, name, problem, _) = select(["attention[seq=512, heads=8]"])[0]
    small = WORKLOADS["attention"].problem("small")
    assert name == "seq=512,heads=8"
    assert problem == {**small, "seq": 512, "heads": 8}


def test_tasks_may_follow():
    assert [selected.tasks for selected in select(["mlp[medium] forward train_step", "mlp"])] == [
        ("forward", "train_step"),
        (),
    ]


def test_a_named_problem_can_be_changed():
    (_, name, problem, _) = select(["attention[large,causal=false]"])[0]
    assert name == "large,causal=false"
    assert problem == {**WORKLOADS["attention"].problem("large"), "causal": False}


def test_patterns_stand_for_several_workloads_or_problems():
    assert names("*norm") == [(name, "small") for name in WORKLOADS if name.endswith("norm")]
    tiny = [problem for problem in WORKLOADS["conv2d"].problems if problem.startswith("tiny")]
    assert len(tiny) > 2
    assert names("conv2d[tiny*]") == [("conv2d", problem) for problem in tiny]
    assert [name for name, _ in names("*")] == list(WORKLOADS)


def test_what_is_named_twice_is_taken_once_and_keeps_its_place():
    assert names("mlp", "linear", "mlp[small]") == [("mlp", "small"), ("linear", "small")]


@pytest.mark.parametrize(
    ("selector", "words"),
    [
        ("conv2s", "there is no workload 'conv2s'; did you mean 'conv2d'?"),
        ("conv2d[medum]", "there is no problem of conv2d 'medum'; did you mean 'medium'?"),
        ("conv2d[gpt*]", "there is no problem of conv2d 'gpt*'"),
        ("attention[sek=5]", "there is no parameter of attention 'sek'; did you mean 'seq'?"),
        ("attention[seq=many]", "seq of attention must be a whole number, not 'many'"),
        ("attention[seq=0]", "seq must be at least 1, not 0"),
        ("attention[small,512]", "'512' in 'attention[small,512]' is no parameter; write name=value"),
        ("conv2d[small", "'conv2d[small' is no selector"),
        ("conv2d[small] forwards", "there is no task 'forwards'; did you mean 'forward'?"),
        ("conv2d forward train_step", "names the task 'train_step', which conv2d does not have"),
        ("conv2d[groups=3]", "makes no sense: in_channels=16 and out_channels=32 must be multiples of groups=3"),
    ],
)
def test_a_selector_that_means_nothing_is_refused_in_one_sentence(selector, words):
    with pytest.raises(UsageError) as error:
        select([selector])
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_the_text_of_a_case_names_every_part_of_it():
    assert case().text == "linear[tiny] forward float32 cpu 2 threads"
    assert case(threads=1).text == "linear[tiny] forward float32 cpu 1 thread"


def test_a_column_names_its_variant_only_where_it_is_not_the_default():
    assert Column("torch-2.9", "pytorch", "compile").name == "torch-2.9 compile"
    assert Column("pytorch", "pytorch", "eager", "channels_last").name == "pytorch eager (channels_last)"


def test_the_line_of_a_cell_says_the_same_as_its_case_and_column():
    row, column = case(task="gradient"), Column("jax", "jax", "jit", "written_out")
    (cell,) = merge([line(row, column, status="skipped", reason="no time")])
    assert (cell.case, cell.name) == (row.text, column.name)
    assert (cell.status, cell.reason) == ("skipped", "no time")
    assert cell.flops == row.definition.flops(row.parameters, "gradient")
    assert cell.bytes == row.definition.bytes(row.parameters, "gradient", "float32")


def test_every_framework_has_modes_and_runs_eagerly():
    assert set(FRAMEWORK_MODES) == set(FRAMEWORKS)
    assert all("eager" in modes for modes in FRAMEWORK_MODES.values())


def test_a_pattern_of_problems_takes_changed_parameters_too() -> None:
    found = [name for _, name, *_ in select(["conv2d[tiny*,size=9]"])]
    assert {"tiny,size=9", "tiny.dilated,size=9", "tiny.grouped,size=9"} <= set(found)
    assert all(name.startswith("tiny") and name.endswith(",size=9") for name in found)


def test_a_pattern_of_workloads_takes_those_that_have_the_problem() -> None:
    found = [workload.name for workload, *_ in select(["*[bert_base]"])]
    assert "layer_norm" in found
    assert found == [name for name, workload in WORKLOADS.items() if "bert_base" in workload.problems]


def test_stress_problems_are_those_of_the_workloads_that_have_some() -> None:
    wanted = [f"{name}[stress.*]" for name, w in WORKLOADS.items() if any(p.startswith("stress.") for p in w.problems)]
    assert stress_selectors(["*"]) == wanted
    assert "layer_norm[stress.*]" in wanted
    assert stress_selectors(["linear[tiny]"]) == []
