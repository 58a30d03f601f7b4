from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from reports import catalogue
from suite import plan as planning
from suite import targets
from suite.workloads import WORKLOADS
from tests.cli.runs import QUICKLY, pytest_benchmark_files, two_runs


def test_list_workloads_groups_them_by_family_with_problems_and_tasks(triptych_command):
    out = triptych_command("list", "workloads").out
    for workload in WORKLOADS.values():
        assert re.search(rf"^{workload.family}$", out, re.MULTILINE)
        assert re.search(rf"^  {workload.name} +{re.escape(workload.summary)}", out, re.MULTILINE)
    assert "problems: tiny, small, medium, large, bert_base.ffn, gpt2.qkv, resnet50.fc" in out
    assert "tasks: forward, gradient, train_step" in out


def test_list_workloads_as_json_has_every_problem_with_its_parameters(triptych_command):
    rows = {row["workload"]: row for row in json.loads(triptych_command("list", "workloads", "--json").out)}
    assert set(rows) == set(WORKLOADS)
    for name, row in rows.items():
        assert row["problems"] == {problem: dict(values) for problem, values in WORKLOADS[name].problems.items()}


def test_list_frameworks_shows_versions_modes_and_what_is_missing(triptych_command, monkeypatch):
    monkeypatch.setitem(targets.MODULES, "pytorch", "no_such_module")
    out = triptych_command("list", "frameworks").out
    assert re.search(rf"^numpy +{re.escape(targets.installed_version('numpy') or '')} +eager", out, re.MULTILINE)
    assert re.search(r"^pytorch +unavailable: pytorch is not installed \(pip install torch\)", out, re.MULTILINE)
    rows = {row["framework"]: row for row in json.loads(triptych_command("list", "frameworks", "--json").out)}
    assert rows["pytorch"]["unavailable"] == "pytorch is not installed (pip install torch)"
    assert (rows["tensorflow"]["modes"], rows["numpy"]["unavailable"]) == (["eager", "graph", "xla"], None)


def test_list_profiles_says_what_each_runs_and_for_how_long(triptych_command):
    out = triptych_command("list", "profiles").out
    for name, profile in planning.load_profiles().items():
        assert re.search(rf"^  {name} +{re.escape(profile.summary)}", out, re.MULTILINE)
    rows = json.loads(triptych_command("list", "profiles", "--json").out)
    assert [row["name"] for row in rows] == list(planning.load_profiles())


def test_show_prints_the_definition_and_every_implementation(triptych_command):
    out = triptych_command("show", "conv2d[tiny]").out
    assert "y[n,o,p,q] = bias[o] + Σ_{c,r,s} x[n, g·C/G + c" in out
    assert re.search(r"^weight +parameter +O I H W +6 × 4 × 3 × 3", out, re.MULTILINE)
    assert "tensors of conv2d[tiny]" in out
    for framework in targets.FRAMEWORKS:
        assert f"impls/{framework}/convolution.py:" in out
    assert "F.conv2d(x, weight, bias, stride, padding, dilation, groups)" in out
    assert "pytorch (channels_last)" in out


@pytest.mark.parametrize(("columns", "beside"), [("80", 1), ("160", 2), ("320", 4)])
def test_show_puts_as_many_panels_side_by_side_as_fit(triptych_command, monkeypatch, columns, beside):
    monkeypatch.setenv("COLUMNS", columns)
    out = triptych_command("show", "linear").out
    (first,) = [text for text in out.splitlines() if "─ numpy ─" in text]
    assert first.count("╭") == beside


def test_show_as_json_has_the_cost_and_the_texts(triptych_command):
    (found,) = json.loads(triptych_command("show", "linear[tiny]", "--json").out)
    tiny = next(row for row in found["problems"] if row["problem"] == "tiny")
    assert tiny["forward_flops"] == 2 * 3 * 5 * 4
    assert tiny["forward_bytes"] == 4 * (3 * 5 + 4 * 5 + 4 + 3 * 4)
    assert [row["framework"] for row in found["implementations"]] == list(targets.FRAMEWORKS)
    assert all("def linear(" in row["text"] for row in found["implementations"])
    assert {"tensor": "y", "role": "output", "axes": "B O", "shape": [3, 4], "drawn": ""} in found["tensors"]


def test_show_says_where_a_framework_lacks_the_workload(triptych_command, monkeypatch):
    monkeypatch.setattr(catalogue, "implementation", lambda package, workload, variant="default": None)
    assert triptych_command("show", "linear").out.count("not implemented") == 4


def test_report_writes_the_reports_again_and_prints_the_summary(measuring, triptych_command):
    triptych_command("run", "linear[tiny]", *QUICKLY, "--output", "there")
    os.unlink("there/report.html")
    done = triptych_command("report", "there")
    assert done.code == 0
    assert Path("there/report.html").exists()
    assert "there/report.html" in done.out
    assert json.loads(triptych_command("report", "there", "--json").out)["ended"] == "goal"


def test_compare_shows_what_changed_and_fails_only_where_asked_to(triptych_command, measuring, monkeypatch, tmp_path):
    old, new = two_runs(triptych_command, monkeypatch, tmp_path)
    done = triptych_command("compare", old, new)
    assert done.code == 0
    assert "3 cells in both runs: 0 faster, 3 slower, 0 equivalent, 0 undecided; relative to the anchor." in done.words
    failing = triptych_command("compare", old, new, "--fail-above", "20%")
    assert failing.code == 1
    assert "linear[tiny] forward float32 cpu 1 thread numpy eager: slower by more than 20 %\n" in failing.err
    assert failing.err.endswith("The gate fails: 3 cells.\n")
    assert triptych_command("compare", old, new, "--fail-above", "60%").code == 0
    assert triptych_command("compare", new, old, "--fail-above", "5%").code == 0


def test_compare_as_json(triptych_command, measuring, monkeypatch, tmp_path):
    done = triptych_command("compare", *two_runs(triptych_command, monkeypatch, tmp_path), "--json")
    assert [cell["verdict"] for cell in json.loads(done.out)["cells"]] == ["slower"] * 3


def test_history_shows_the_runs_of_a_folder_and_draws_them(triptych_command, measuring, monkeypatch, tmp_path):
    two_runs(triptych_command, monkeypatch, tmp_path)
    done = triptych_command("history", str(tmp_path))
    assert done.code == 0
    assert "2 runs, 3 cells: 0 with a change, 0 without and 3 with fewer than 6 runs" in done.words
    assert done.out.endswith("history.svg\n")
    assert (tmp_path / "history.svg").read_text().startswith("<svg")
    assert "too few runs" in triptych_command("history", str(tmp_path), "--all").words
    assert triptych_command("history", str(tmp_path), "--output", "there/figure.svg").out.endswith("there/figure.svg\n")
    assert Path("there/figure.svg").exists()


def test_history_as_json_prints_nothing_else(triptych_command, measuring, monkeypatch, tmp_path):
    two_runs(triptych_command, monkeypatch, tmp_path)
    done = triptych_command("history", str(tmp_path), "--json")
    assert [len(series["points"]) for series in json.loads(done.out)["series"]] == [2, 2, 2]
    assert not (tmp_path / "history.svg").exists()
    drawn = triptych_command("history", str(tmp_path), "--json", "--output", "figure.svg")
    assert json.loads(drawn.out) == json.loads(done.out)
    assert Path("figure.svg").exists()


def test_one_run_is_no_history_and_none_is_an_error(triptych_command, measuring):
    done = triptych_command("history")
    assert done.code == 2
    assert done.err.startswith("error: results holds no run that can be read; name the folder")
    triptych_command("run", "linear[tiny]", *QUICKLY)
    done = triptych_command("history")
    assert done.code == 0
    assert done.out.startswith("One run is no history")
    assert not Path("results/history.svg").exists()


def test_a_figure_that_cannot_be_written_is_an_error_of_one_sentence(
    triptych_command, measuring, monkeypatch, tmp_path
):
    two_runs(triptych_command, monkeypatch, tmp_path)
    done = triptych_command("history", str(tmp_path), "--output", str(tmp_path / "old"))
    assert done.code == 2
    assert "old cannot be written" in done.err


GATE = """
default = "20%"
[thresholds]
"* numpy eager" = "60%"
[[expected]]
case = "linear[tiny] forward float32 cpu 1 thread"
cell = "jax eager"
outcome = "slower"
at_most = "60%"
reason = "it dispatches more"
"""


def test_a_gate_of_a_file_knows_thresholds_by_case_and_outcomes(triptych_command, measuring, monkeypatch, tmp_path):
    old, new = two_runs(triptych_command, monkeypatch, tmp_path)
    Path("gate.toml").write_text(GATE)
    done = triptych_command("compare", old, new, "--gate", "gate.toml")
    assert (done.code, done.err.splitlines()[-2:]) == (
        1,
        [
            "linear[tiny] forward float32 cpu 1 thread jax jit: slower by more than 20 %",
            "The gate fails: 1 cell; 1 outcome as expected.",
        ],
    )
    done = triptych_command("compare", old, new, "--gate", "gate.toml", "--fail-above", "45%")
    assert done.err.splitlines()[0].endswith("jax jit: slower by more than 45 %")
    done = triptych_command("compare", new, old, "--gate", "gate.toml")
    assert done.code == 1
    assert "stale: linear[tiny] forward float32 cpu 1 thread jax eager is faster, and no longer slower" in done.err
    gate = json.loads(triptych_command("compare", old, new, "--gate", "gate.toml", "--json").out)["gate"]
    assert (gate["passed"], gate["expected"][0]["reason"]) == (False, "it dispatches more")


def test_compare_as_markdown(triptych_command, measuring, monkeypatch, tmp_path):
    old, new = two_runs(triptych_command, monkeypatch, tmp_path)
    done = triptych_command("compare", old, new, "--markdown")
    assert done.code == 0
    assert "| case | cell | new / old | verdict |" in done.out
    assert "triptych run" in done.out


def test_runs_of_different_machines_are_not_gated(triptych_command, measuring, monkeypatch, tmp_path):
    old, new = two_runs(triptych_command, monkeypatch, tmp_path)
    record = Path(new) / "run.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"environment": {"cpu": {"model": "Other"}}}))
    assert "model is not the same" in triptych_command("compare", old, new).words
    done = triptych_command("compare", old, new, "--fail-above", "5%")
    assert done.code == 2
    assert done.err.startswith("error: nothing can be gated: model")


def test_compare_takes_files_of_pytest_benchmark(triptych_command, tmp_path):
    old = pytest_benchmark_files(tmp_path / "old", 1e-3, 1.001e-3, 0.999e-3)
    new = pytest_benchmark_files(tmp_path / "new", 1.5e-3, 1.5e-3, 1.501e-3)
    done = triptych_command("compare", old, new)
    assert done.code == 0
    assert "test_it.py test_a 1.00 ms 1.50 ms 1.50× (1.50–1.50) slower" in done.words
    assert json.loads(triptych_command("compare", old, new, "--json").out)["cells"][0]["verdict"] == "slower"
    failing = triptych_command("compare", old, new, "--fail-above", "20%")
    assert (failing.code, failing.err) == (1, "test_it.py test_a: slower by more than 20 %\nThe gate fails: 1 cell.\n")
    assert triptych_command("compare", old, new, "--fail-above", "60%").code == 0
    single = triptych_command("compare", f"{old}/0.json", f"{new}/0.json", "--fail-above", "5%")
    assert single.code == 2
    assert "error: nothing can be gated: no cell has a time in two launches or more on both sides" in single.err


def test_export_writes_a_file_that_compare_reads(triptych_command, measuring, monkeypatch, tmp_path):
    folders = two_runs(triptych_command, monkeypatch, tmp_path)
    for folder in folders:
        done = triptych_command("export", folder, "--output", f"{folder}.json")
        assert (done.code, done.out) == (0, "")
    done = triptych_command("compare", *(f"{folder}.json" for folder in folders))
    assert "3 benchmarks in both: 0 faster, 3 slower, 0 equivalent, 0 undecided." in done.words
    mixed = triptych_command("compare", folders[0], f"{folders[1]}.json")
    assert mixed.code == 2
    assert "compare two of a kind" in mixed.err


def test_export_prints_where_no_file_is_named(triptych_command, measuring, monkeypatch, tmp_path):
    folder = two_runs(triptych_command, monkeypatch, tmp_path)[0]
    assert len(json.loads(triptych_command("export", folder).out)["benchmarks"]) == 3
    assert triptych_command("export", folder, "--format", "csv").out.startswith("case,cell,target")
    assert triptych_command("export", folder, "--format", "xml").code == 2
    done = triptych_command("export", folder, "--output", str(tmp_path / "missing" / "file.json"))
    assert done.err.endswith("file.json cannot be written: No such file or directory; name another file\n")


@pytest.mark.parametrize("name", ["html", "markdown", "summary", "csv", "json"])
def test_report_writes_the_format_asked_for_and_prints_its_path(
    name, triptych_command, measuring, monkeypatch, tmp_path
):
    folder, _ = two_runs(triptych_command, monkeypatch, tmp_path)
    done = triptych_command("report", folder, "--format", name, "--output", str(tmp_path / "own" / "file"))
    assert (done.code, done.out.strip()) == (0, str(tmp_path / "own" / "file"))
    assert (tmp_path / "own" / "file").stat().st_size > 100


def test_report_refuses_an_unknown_format_and_a_file_without_one(triptych_command, measuring, monkeypatch, tmp_path):
    folder, _ = two_runs(triptych_command, monkeypatch, tmp_path)
    assert "known: " in triptych_command("report", folder, "--format", "docx").err
    assert "--output needs a --format" in triptych_command("report", folder, "--output", "x").err


def test_serve_says_where_the_runs_are_to_be_seen(triptych_command, monkeypatch, tmp_path):
    def end(server: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("http.server.ThreadingHTTPServer.serve_forever", end)
    done = triptych_command("serve", str(tmp_path), "--port", "0")
    assert done.code == 0
    assert re.search(r"http://127\.0\.0\.1:\d+/ shows the runs in", done.out)
    assert triptych_command("serve", str(tmp_path / "none")).code == 2
