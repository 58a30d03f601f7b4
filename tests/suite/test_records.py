from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from suite.diagnoses import Counts, Diagnosis, Profile
from suite.errors import RecordsError
from suite.records import (
    Check,
    Launch,
    Line,
    RunRecord,
    Sample,
    TargetRecord,
    merge,
    open_existing,
    open_new,
    read_diagnoses,
    read_lines,
    read_record,
    read_run,
)

RECORD = RunRecord(
    schema_version=1,
    id="a-run",
    created="2026-01-01T00:00:00+00:00",
    triptych="0.1.0",
    command="triptych run",
    selection={"profile": {"margin": 0.05}},
    environment={"cpu": {"model": "Some CPU"}},
    targets=[],
)


def launch(number: int, ns: float = 1000.0) -> Launch:
    return Launch(
        launch=number,
        import_s=1.0,
        compiler_start_s=0.0,
        build_s=0.1,
        first_call_s=0.2,
        warmup_s=0.3,
        warmup_calls=4,
        steady=True,
        calls_per_sample=5,
        samples=[Sample(round=0, ns=ns), Sample(round=1, ns=ns + 1, switches=2, stolen_ms=0.5)],
        latency_ns=[ns],
        peak_memory_bytes=None,
    )


def line(**changes: Any) -> Line:
    fields = dict(
        workload="linear",
        problem="tiny",
        parameters={"batch": 3, "scale": 0.5, "causal": True},
        task="forward",
        precision="float32",
        device="cpu",
        threads=2,
        target="jax",
        framework="jax",
        mode="jit",
        variant="default",
        status="ok",
    )
    return Line(**(fields | changes))


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "run"


def write(folder: Path, *lines: Line) -> None:
    with open_new(folder, RECORD) as writer:
        writer.append(list(lines))


# Writing and reading


def test_what_is_written_is_read_again(folder):
    lines = [
        line(launch=launch(0), checks=[Check("value", 1e-7, 1e-5, True, "worst at [0]")], reference="numpy"),
        line(mode="eager", status="incorrect", reason="NaN", checks=[Check("value", None, 1e-5, False)]),
    ]
    write(folder, *lines)
    assert read_record(folder) == RECORD
    assert read_lines(folder) == lines


def test_a_run_is_its_record_and_its_merged_cells(folder):
    write(folder, line(launch=launch(0)), line(mode="eager", launch=launch(0)), line(launch=launch(1)))
    run = read_run(folder)
    assert (run.record, run.folder) == (RECORD, str(folder))
    assert [(cell.name, len(cell.launches)) for cell in run.cells] == [("jax jit", 2), ("jax eager", 1)]
    assert run.cells[0].case == "linear[tiny] forward float32 cpu 2 threads"


def test_a_run_without_cells_is_empty(folder):
    write(folder)
    assert read_run(folder).cells == []


def test_the_record_is_replaced_as_a_whole(folder):
    with open_new(folder, RECORD) as writer:
        writer.write_record(targets=[TargetRecord("jax", "jax", "python", True)])
        writer.write_record(ended="goal")
    record = read_record(folder)
    assert (record.ended, [target.name for target in record.targets]) == ("goal", ["jax"])
    assert sorted(os.listdir(folder)) == [".lock", "run.json"]


def test_lines_are_appended_and_earlier_ones_stay_as_they_are(folder):
    write(folder, line(launch=launch(0)))
    before = (folder / "cells.jsonl").read_bytes()
    with open_existing(folder) as writer:
        writer.append([line(launch=launch(1))])
    assert (folder / "cells.jsonl").read_bytes().startswith(before)
    assert len(read_lines(folder)) == 2


# Merging


def test_the_first_status_that_is_not_ok_stands():
    (cell,) = merge(
        [line(launch=launch(0)), line(status="crashed", reason="signal 11"), line(status="timeout", reason="late")]
    )
    assert (cell.status, cell.reason, len(cell.launches)) == ("crashed", "signal 11", 1)


def test_a_launch_that_was_measured_twice_counts_once_as_measured_last():
    (cell,) = merge([line(launch=launch(1, 5.0)), line(launch=launch(0)), line(launch=launch(1, 7.0))])
    assert [one.launch for one in cell.launches] == [0, 1]
    assert cell.launches[1].samples[0].ns == 7.0


def test_the_checks_come_from_the_launch_that_made_them():
    checks = [Check("value", 1e-7, 1e-5, True)]
    (cell,) = merge([line(launch=launch(0), checks=checks, reference="numpy"), line(launch=launch(1))])
    assert (cell.checks, cell.reference) == (checks, "numpy")


@pytest.mark.parametrize(
    "change",
    [
        {"problem": "small"},
        {"task": "gradient"},
        {"precision": "float64"},
        {"threads": 1},
        {"target": "jax-old"},
        {"mode": "eager"},
        {"variant": "written_out"},
    ],
)
def test_cells_that_differ_in_any_part_of_their_identity_are_kept_apart(change):
    assert len(merge([line(), line(**change)])) == 2


# Refusing


def test_a_folder_that_holds_a_run_is_not_written_over(folder):
    write(folder)
    with pytest.raises(RecordsError, match="already holds a run; go on with it by --resume"), open_new(folder, RECORD):
        pass


def test_a_folder_without_a_run_cannot_be_resumed_or_read(folder):
    with pytest.raises(RecordsError, match="holds no run to resume"), open_existing(folder):
        pass
    with pytest.raises(RecordsError, match=r"run.json cannot be read: No such file or directory"):
        read_run(folder)


def test_two_writers_cannot_have_one_folder(folder):
    with open_new(folder, RECORD):
        with pytest.raises(RecordsError, match="another run is writing into"), open_existing(folder):
            pass
    with open_existing(folder):
        pass


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(RecordsError, match="cannot be written: Not a directory; choose another folder with --output"),
        open_new(tmp_path / "file" / "run", RECORD),
    ):
        pass


def test_a_record_of_another_version_is_refused_before_it_is_understood(folder):
    folder.mkdir()
    (folder / "run.json").write_text('{"schema_version": 99, "anything": 1}')
    with pytest.raises(RecordsError, match="has schema version 99; this Triptych reads version 1"):
        read_run(folder)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is not the record of a run"),
        ("[1]", "is not the record of a run"),
        ("{}", "has schema version None"),
        ('{"schema_version": 1}', "is broken: Object missing required field `id`"),
    ],
)
def test_a_broken_record_is_refused_with_what_is_wrong(folder, text, words):
    folder.mkdir()
    (folder / "run.json").write_text(text)
    with pytest.raises(RecordsError) as error:
        read_run(folder)
    assert words in str(error.value)


def test_an_unknown_field_of_the_record_is_refused(folder):
    write(folder)
    data = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(data | {"surprise": 1}))
    with pytest.raises(RecordsError, match="unknown field `surprise`"):
        read_run(folder)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"status": "fine"}, r"Invalid enum value 'fine' - at `\$.status`"),
        ({"threads": 0}, r"Expected `int` >= 1 - at `\$.threads`"),
        ({"threads": "2"}, r"Expected `int`, got `str` - at `\$.threads`"),
        ({"speed": 1}, "unknown field `speed`"),
        ({"flops": float("nan")}, "JSON is malformed"),
        ({"workload": None}, r"Expected `str`, got `null` - at `\$.workload`"),
    ],
)
def test_a_broken_line_is_refused_with_its_file_and_number(folder, change, words):
    write(folder, line(), line(mode="eager"))
    path = folder / "cells.jsonl"
    first, second = path.read_text().splitlines()
    path.write_text(f"{first}\n{json.dumps(json.loads(second) | change)}\n")
    with pytest.raises(RecordsError, match=rf"cells.jsonl, line 2 is broken: .*{words}"):
        read_run(folder)


@pytest.mark.parametrize("ns", [0, -1])
def test_a_sample_that_took_no_time_is_refused(folder, ns):
    write(folder, line(launch=launch(0)))
    path = folder / "cells.jsonl"
    data = json.loads(path.read_text())
    data["launch"]["samples"][0]["ns"] = ns
    path.write_text(json.dumps(data) + "\n")
    with pytest.raises(RecordsError, match="Expected `float` > 0"):
        read_run(folder)


# Killed runs


def test_a_line_that_a_kill_cut_off_is_refused_on_reading_and_dropped_on_resuming(folder):
    write(folder, line(launch=launch(0)), line(mode="eager", launch=launch(0)))
    path = folder / "cells.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    with pytest.raises(RecordsError):
        read_run(folder)
    with open_existing(folder) as writer:
        assert [one.mode for one in read_lines(folder)] == ["jit"]
        writer.append([line(mode="eager", launch=launch(0))])
    assert path.read_bytes() == whole


def test_a_last_line_that_lacks_only_its_end_is_told_as_cut_off(folder):
    write(folder, line())
    path = folder / "cells.jsonl"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(RecordsError, match=r"line 1 is cut off; `triptych run --resume .*` drops it and goes on"):
        read_run(folder)


def test_a_line_that_is_broken_in_the_middle_is_not_dropped_on_resuming(folder):
    write(folder, line(), line(mode="eager"))
    path = folder / "cells.jsonl"
    path.write_bytes(b"{}\n" + path.read_bytes())
    with pytest.raises(RecordsError, match="line 1 is broken"), open_existing(folder):
        pass
    assert path.read_bytes().startswith(b"{}\n")


def test_the_lock_ends_with_the_process_that_holds_it(folder):
    write(folder)
    code = f"""
import os
from pathlib import Path
from suite.records import open_existing
with open_existing(Path({str(folder)!r})):
    os._exit(9)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    with open_existing(folder):
        pass


def test_the_schema_knows_every_status():
    schema = msgspec.json.schema(Line)
    assert sorted(schema["$defs"]["Line"]["properties"]["status"]["enum"]) == sorted(
        ["ok", "incorrect", "unsupported", "unavailable", "failed", "out_of_memory", "timeout", "crashed", "skipped"]
    )


# Diagnoses

CELL: dict[str, Any] = dict(
    workload="linear",
    problem="tiny",
    task="forward",
    precision="float32",
    device="cpu",
    threads=1,
    target="jax",
    framework="jax",
    mode="jit",
    variant="default",
)


def test_diagnoses_are_read_as_they_were_written(tmp_path: Path) -> None:
    told: list[Diagnosis] = [Counts(**CELL, flops=12.0, note="a note"), Profile(**CELL, reason="no profiler")]
    with open_new(tmp_path / "run", RECORD) as writer:
        for one in told:
            writer.append_diagnosis(one)
    assert read_run(tmp_path / "run").diagnoses == told


@pytest.mark.parametrize(
    "change", [{"what": "guessing"}, {"flops": -1.0}, {"flops": "many"}, {"joules": 1.0}, {"threads": 0}]
)
def test_a_diagnosis_that_is_none_is_an_error_with_its_line(tmp_path: Path, change: dict[str, Any]) -> None:
    good = {"what": "counts", **CELL}
    lines = [json.dumps(good), json.dumps({**good, **change})]
    (tmp_path / "diagnoses.jsonl").write_text("\n".join(lines) + "\n")
    with pytest.raises(RecordsError, match=r"diagnoses.jsonl, line 2 is broken"):
        read_diagnoses(tmp_path)
