from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

import cli
from reports import gate
from suite.cases import select

DOCS = Path(__file__).parents[1] / "docs"
TEXT = (DOCS / "ci" / "benchmark.yml").read_text("utf-8")
WORKFLOW: dict[Any, Any] = yaml.safe_load(TEXT)
STEPS = [step for job in WORKFLOW["jobs"].values() for step in job["steps"]]
SCRIPTS = [step["run"] for step in STEPS if "run" in step]
PAGE = (DOCS / "ci.md").read_text("utf-8")


def commands() -> list[list[str]]:
    """Every command line of Triptych in the workflow and on its page, without where its output goes."""
    texts = [line.strip() for script in SCRIPTS for line in script.replace("\\\n", " ").splitlines()]
    texts += [line.strip() for line in PAGE.splitlines() if line.startswith("    ")]
    found = [re.sub(r"^\S*\btriptych ", "", text) for text in texts if re.match(r"\S*\btriptych ", text)]
    return [shlex.split(text.partition(" > ")[0]) for text in found]


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_command_has_options_and_workloads_that_exist(words: list[str]) -> None:
    group: Any = typer.main.get_command(cli.app)
    name, command, rest = group.resolve_command(group.make_context("triptych", list(words)), list(words))
    context = command.make_context(name, rest)
    assert not context.args
    select(context.params.get("selectors") or [])


def test_there_are_commands_of_both_kinds() -> None:
    assert {words[0] for words in commands()} == {"ab", "compare"}


@pytest.mark.parametrize("words", [["ab", "a=x", "b=y", "--gat", "gate.toml"], ["abx"], ["ab", "a=x", "b=y", "linaer"]])
def test_a_command_that_does_not_exist_would_be_seen(words: list[str]) -> None:
    with pytest.raises(Exception, match=r"No such (option|command)|there is no workload"):
        test_every_command_has_options_and_workloads_that_exist(words)


def test_the_file_on_the_page_is_one_that_a_gate_reads(tmp_path: Path) -> None:
    [text] = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "gate.toml").write_text(text)
    found = gate.read(tmp_path / "gate.toml", None)
    assert found is not None
    assert gate.threshold(found, "softmax[small] forward float32 cpu 2 threads", "jax jit") == 0.1
    assert len(found.expected) == 2


def test_no_script_contains_what_a_stranger_could_write() -> None:
    """An expression is put into a script before the shell reads it; a variable is not."""
    assert SCRIPTS
    assert not [script for script in SCRIPTS if "${{" in script]


def test_nothing_foreign_runs_where_the_token_may_write() -> None:
    jobs = WORKFLOW["jobs"]
    assert WORKFLOW["permissions"] == {}
    assert jobs["measure"]["permissions"] == {"contents": "read"}
    assert jobs["comment"]["permissions"] == {"pull-requests": "write"}
    assert "pull_request_target" not in TEXT
    commenting = " ".join(str(step) for step in jobs["comment"]["steps"])
    assert "checkout" not in commenting and "pip" not in commenting
    assert "head.repo.full_name == github.repository" in jobs["comment"]["if"]
    assert [step["with"]["persist-credentials"] for step in STEPS if "checkout" in step.get("uses", "")] == [False]


def test_every_action_is_named_with_its_major_version() -> None:
    uses = [step["uses"] for step in STEPS if "uses" in step]
    assert uses
    assert [name for name in uses if not re.fullmatch(r"actions/[a-z-]+@v\d+", name)] == []


def test_every_script_is_one_that_the_shell_can_read() -> None:
    for script in SCRIPTS:
        assert subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True).stderr == ""
