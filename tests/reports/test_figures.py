from xml.etree import ElementTree

import matplotlib as mpl
import pytest
from matplotlib.colors import to_hex, to_rgb

from reports import figures
from reports.ranking import rank
from reports.svg import Figure
from tests.reports.builders import a_cell, a_gallery, a_run, noisy

SVG = "{http://www.w3.org/2000/svg}"


def texts(figure: Figure) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(figure.svg).iter(f"{SVG}text")]


def style_of(figure: Figure, text: str) -> str:
    found = [e for e in ElementTree.fromstring(figure.svg).iter(f"{SVG}text") if e.text == text]
    return str(found[0].get("style"))


@pytest.fixture(scope="module")
def heat_map() -> Figure:
    return figures.heat_map(a_gallery())


@pytest.fixture(scope="module")
def plots() -> dict[str, Figure]:
    return figures.interval_plots(a_gallery())


def test_a_figure_states_its_finding_and_has_words_for_those_who_cannot_see_it(heat_map: Figure) -> None:
    root = ElementTree.fromstring(heat_map.svg)
    assert heat_map.title.startswith("Of 8 cases: jax is fastest in")
    assert root.findtext(f"{SVG}title") == heat_map.title
    assert root.findtext(f"{SVG}desc") == heat_map.alternative
    assert "linear[bert_base.ffn] gradient: jax jit 1.00×" in heat_map.alternative
    assert root.get("role") == "img"
    ids = {element.get("id") for element in root.iter()}
    assert set(str(root.get("aria-labelledby")).split()) <= ids


def test_the_heat_map_shows_ratios_marks_and_statuses(heat_map: Figure) -> None:
    shown = texts(heat_map)
    assert {"unsupported", "timeout", "incorrect"} <= set(shown)
    assert any(text.endswith("× ?") for text in shown)
    assert any(text.endswith("× =") for text in shown)


def test_an_undecided_cell_looks_undecided() -> None:
    one_launch = figures.heat_map(a_run([a_cell("jax", launches=[[1.0]]), a_cell("numpy", launches=[[3.0]])]))
    five = figures.heat_map(a_run([a_cell("jax", launches=[[1.0]] * 5), a_cell("numpy", launches=[[3.0]] * 5)]))
    assert "italic" in style_of(one_launch, "3.00× ?")
    assert "italic" not in style_of(five, "3.00×")
    # Only who is proven fastest is bold.
    assert "font-weight" in style_of(five, "1.00×")
    assert "font-weight" not in style_of(one_launch, "1.00×")
    # Where nobody is, the colour of the first is faded as well.
    faded = to_hex(figures._washed(to_rgb(figures._scale()[1](0))))
    assert faded in one_launch.svg and faded not in five.svg


def test_each_case_with_a_ranked_cell_has_its_interval_plot(plots: dict[str, Figure]) -> None:
    assert len(plots) == 8
    first = next(iter(plots.values()))
    assert first.title.startswith("No difference that this machine can resolve between jax jit and pytorch compile")
    assert {"jax jit", "numpy eager"} <= set(texts(first))
    assert "jax jit: 908 µs (" in first.alternative
    assert figures.interval_plots(a_run([a_cell(status="failed", reason="no")])) == {}


def test_figures_of_one_page_share_no_id(heat_map: Figure, plots: dict[str, Figure]) -> None:
    ids = [
        str(element.get("id"))
        for figure in (heat_map, *plots.values())
        for element in ElementTree.fromstring(figure.svg).iter()
        if element.get("id")
    ]
    assert len(ids) == len(set(ids))


def test_references_within_a_figure_point_into_it_and_nowhere_else(plots: dict[str, Figure], heat_map: Figure) -> None:
    for figure in (heat_map, *plots.values()):
        root = ElementTree.fromstring(figure.svg)
        ids = {element.get("id") for element in root.iter()}
        targets = [element.get("href", "") for element in root.iter() if element.get("href")]
        assert targets and all(target.startswith("#") and target[1:] in ids for target in targets)
        assert not root.findall(f".//{SVG}style") and not root.findall(f".//{SVG}metadata")


def test_the_same_records_draw_the_same_bytes(heat_map: Figure) -> None:
    assert figures.heat_map(a_gallery()).svg == heat_map.svg


def test_drawing_leaves_matplotlibs_settings_alone() -> None:
    before = dict(mpl.rcParams)
    figures.heat_map(a_run([a_cell()]))
    assert dict(mpl.rcParams) == before


def test_hostile_names_stay_text_in_a_figure() -> None:
    evil = '</text><script>alert(1)</script>]]>"\x00$\\frac{1$'
    run = a_run([a_cell(evil, launches=noisy(1.0)), a_cell("jax", evil, noisy(2.0), problem=evil)])
    for figure in (figures.heat_map(run), *figures.interval_plots(run).values()):
        root = ElementTree.fromstring(figure.svg)
        assert not [element for element in root.iter() if "script" in element.tag]
        assert any("<script>alert(1)</script>" in "".join(element.itertext()) for element in root.iter())


def test_cases_without_any_ranked_cell_still_have_a_heat_map() -> None:
    figure = figures.heat_map(a_run([a_cell(status="crashed", reason="signal 11", launches=[])]))
    assert "crashed" in texts(figure)
    assert "nan" not in figure.svg.lower()


def test_a_heat_map_of_some_cases_has_rows_for_no_others() -> None:
    found = a_run([a_cell(problem="first"), a_cell(problem="second")])
    drawn = figures.heat_map(found, rank(found)[:1]).svg
    assert "linear[first]" in drawn
    assert "second" not in drawn
