from reports import tables
from reports.content import case_labels, column_names
from reports.ranking import rank
from suite.records import Cell
from tests.reports.builders import BAD, a_cell, a_gallery, a_run, a_target, noisy


def table_of(maker: str, *cells: Cell) -> list[dict[str, str]]:
    """The rows of a table that takes rankings and labels, by heading."""
    run = a_run(cells)
    table = getattr(tables, maker)(rank(run), case_labels(run.cells)[0])
    return as_dicts(table)


def as_dicts(table: tables.Table) -> list[dict[str, str]]:
    return [dict(zip((column.heading for column in table.columns), row, strict=True)) for row in table.rows]


def test_fifty_cells_with_one_reason_are_one_row() -> None:
    cells = [a_cell("jax", "jit", [], status="unavailable", reason="no jax here", problem=f"p{n}") for n in range(50)]
    [row] = table_of("unranked", *cells)
    assert (row["status"], row["reason"], row["cells"]) == ("unavailable", "no jax here", "50")
    assert row["in the cases"].endswith("and 46 more")


def test_reasons_that_differ_are_rows_of_their_own() -> None:
    cells = [a_cell(target, status="failed", reason=reason) for target, reason in (("jax", "a"), ("numpy", "b"))]
    assert [row["reason"] for row in table_of("unranked", *cells)] == ["a", "b"]


def test_when_compiling_pays_is_only_as_sure_as_its_verdict_against_eager() -> None:
    compiled = {"first_call_s": 1.0}

    def pays(eager: list[list[float]], jit: list[list[float]]) -> str:
        cells = a_cell("jax", "eager", eager), a_cell("jax", "jit", jit, launch_fields=compiled)
        [row] = table_of("compile_cost", *cells)
        return row["calls until it pays"]

    assert pays([[10.0] * 3] * 3, [[5.0] * 3] * 3) == "198"
    assert pays([[5.0] * 3] * 3, [[10.0] * 3] * 3) == "never: slower than eager"
    assert pays([[5.0] * 3] * 3, [[5.0] * 3] * 3) == "no difference to eager"
    assert pays([[2000.0] * 3] * 3, [[5.0] * 3] * 3) == "at once"  # eager's first call costs more
    assert pays([[10.0] * 3], [[5.0] * 3]) == "undecided; 198 if it is faster"
    assert pays([[5.0] * 3], [[10.0] * 3]) == "undecided"


def test_columns_in_which_no_cell_has_anything_are_left_out() -> None:
    run = a_run([a_cell(task="forward", checks=BAD[:1], launch_fields={"peak_memory_bytes": None}, flops=0.0)])
    [row] = as_dicts(tables.ranking(rank(run)[0]))
    assert {"gradient error / tolerance", "peak memory", "rate", "interval"}.isdisjoint(row)
    assert row["value error / tolerance"] == "3.0e-07 / 1.2e-06"
    assert row["verdict"] == tables.REFERENCE


def test_samples_say_what_makes_them_doubtful() -> None:
    cell = a_cell(launches=[[1.0] * 9 + [50.0]], launch_fields={"steady": False})
    [row] = as_dicts(tables.ranking(rank(a_run([cell]))[0]))
    assert row["samples (launches)"] == "10 (1); 1 outlier; 1 launch not steady"


def test_the_checks_that_failed_show_their_errors_and_where() -> None:
    run = a_run([a_cell(status="incorrect", reason="gradient", checks=BAD)])
    [row] = as_dicts(tables.failed_checks(run, case_labels(run.cells)[0]))
    assert (row["check"], row["error"], row["tolerance"]) == ("gradient.oracle", "2.5e-02", "2.4e-06")
    assert "weight[3, 1]" in row.values()


def test_ratios_carry_the_mark_of_their_verdict_and_cells_without_a_speed_their_status() -> None:
    run = a_run(
        [
            a_cell("jax", "jit", [[1.0] * 3] * 3),
            a_cell("pytorch", "eager", [[1.001] * 3] * 3),
            a_cell("numpy", "eager", noisy(1.2, launches=2, spread=0.4)),
            a_cell("tensorflow", "xla", [], status="out_of_memory", reason="16 GiB"),
            a_cell("tensorflow", "eager", checks=[]),
        ]
    )
    [row] = as_dicts(tables.ratios(rank(run), column_names(run), case_labels(run.cells)[0]))
    assert row["pytorch eager"] == "1.00× ="
    assert row["numpy eager"].endswith("× ?")
    assert row["tensorflow xla"] == "out of memory"
    assert row["tensorflow eager"] == "not ranked"


def test_the_means_at_the_end_count_only_cases_that_all_columns_finished() -> None:
    twice, once = [[2.0] * 3] * 3, [[1.0] * 3] * 3
    cells = [a_cell("jax", "jit", once, problem=problem) for problem in ("a", "b", "c")]
    cells += [a_cell("pytorch", "eager", launches, problem=p) for p, launches in (("a", twice), ("b", twice))]
    cells += [a_cell("pytorch", "eager", [], status="timeout", reason="60 s", problem="c")]
    cells += [a_cell("tensorflow", "xla", [], status="unavailable", reason="not here", problem=p) for p in "abc"]
    run = a_run(cells)
    rows = as_dicts(tables.ratios(rank(run), column_names(run), case_labels(run.cells)[0]))
    assert [row["pytorch eager"] for row in rows] == ["2.00×", "2.00×", "timeout", "2.00×"]
    assert rows[-1]["case"] == "geometric mean of the 2 cases that all finished"
    assert (rows[-1]["jax jit"], rows[-1]["tensorflow xla"]) == ("1.00×", "–")


def test_one_common_case_has_no_mean() -> None:
    run = a_run([a_cell("jax", "jit", problem="a"), a_cell("pytorch", "eager", problem="a")])
    assert len(tables.ratios(rank(run), column_names(run), case_labels(run.cells)[0]).rows) == 1


def test_targets_show_versions_settings_proof_and_what_is_missing() -> None:
    run = a_run(targets=[a_target("jax"), a_target("numpy", available=False, reason="not installed")])
    jax, numpy = as_dicts(tables.targets(run))
    assert (jax["versions"], jax["settings, as read back"]) == ("jax=1.2.3", "threads=2, tf32=no")
    assert "1.99 times" in jax["proof of synchronisation"]
    assert numpy["interpreter"] == "not available: not installed"


def test_what_all_cases_share_is_left_out_of_their_labels() -> None:
    labels, shared = case_labels(a_gallery(1).cells)
    assert next(iter(labels.values())) == "linear[bert_base.ffn] forward"
    assert shared == "float32, cpu, 2 threads"
    labels, shared = case_labels([a_cell(threads=1), a_cell(threads=2)])
    assert list(labels.values()) == ["linear[small] gradient 1 thread", "linear[small] gradient 2 threads"]
    assert shared == "float32, cpu"
    assert case_labels([]) == ({}, "")


def test_columns_stand_by_target_and_mode_in_whatever_order_cells_were_written() -> None:
    run = a_run(
        [
            a_cell("jax", "jit"),
            a_cell("pytorch", "eager"),
            a_cell("jax", "eager"),
            a_cell("jax", "jit", variant="fused"),
        ]
    )
    assert column_names(run) == ["jax eager", "jax jit", "jax jit (fused)", "pytorch eager"]
