import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from reports import html
from reports.format import clean
from suite.records import Run
from tests.reports.builders import BAD, a_cell, a_gallery, a_run, a_target, noisy

SCRIPT = (Path(html.__file__).parent / "templates" / "explorer.js").read_text("utf-8")
EVIL = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "javascript:alert(1)",
    "]]><!--",
    "{{ 7 * 7 }}",
    "&lt;b&gt;",
    "</style></title></svg><base href=//evil.example>",
]
VOID = {"meta", "br", "hr", "img", "input", "link", "base"}


class Page(HTMLParser):
    """What a browser would see: tags, attributes, and text; nesting is checked on the way."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text = ""
        self.scripts: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "script" in self.open:
            self.scripts.append(data)
        elif "style" not in self.open:
            self.text += data


def a_hostile_run(evil: str) -> Run:
    """The text wherever a record has room for it."""
    cells = [
        a_cell(evil, "eager", noisy(1.0), workload=evil, problem=evil, parameters={evil: evil}),
        a_cell(evil, evil, noisy(2.0), workload=evil, problem=evil, variant=evil),
        a_cell(
            "jax",
            "jit",
            status="incorrect",
            reason=evil,
            checks=[*BAD, *(BAD[1].__class__(evil, 1.0, 0.1, False, evil),)],
        ),
    ]
    target = a_target(evil, versions={evil: evil}, settings={evil: evil}, synchronization=evil, python=evil)
    return a_run(
        cells,
        id=evil,
        created=evil,
        triptych=evil,
        command=evil,
        environment={evil: {evil: [evil]}},
        targets=[target],
        ended=evil,
    )


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(html.render(a_gallery()))


@pytest.mark.parametrize("evil", EVIL)
def test_text_of_a_record_is_shown_and_never_obeyed(evil: str) -> None:
    harmless, hostile = Page(html.render(a_hostile_run("name"))), Page(html.render(a_hostile_run(evil)))
    assert hostile.tags == harmless.tags
    assert not {"img", "base", "iframe", "object"} & set(hostile.tags)
    cells, script = hostile.scripts
    assert script == harmless.scripts[1] == SCRIPT
    assert clean(evil) in json.loads(cells)["texts"]
    assert not [name for _, name, _ in hostile.attributes if name.startswith("on")]
    assert evil in hostile.text
    assert not hostile.open


def test_the_page_refers_to_nothing_outside_itself(page: Page) -> None:
    loading = [
        value for _, name, value in page.attributes if name in ("src", "href", "xlink:href", "data", "srcset", "action")
    ]
    assert loading and all(value.startswith("#") for value in loading)
    source = html.render(a_gallery())
    assert not re.search(r"url\((?!#)|@import|@font-face", source)
    assert re.findall(r"https?://[^\"<\s]*", source) == ["http://www.w3.org/2000/svg"] * source.count("<svg")


def test_the_page_forbids_everything_but_its_own_style_and_its_one_script(page: Page) -> None:
    digest = base64.b64encode(hashlib.sha256(page.scripts[1].encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{digest}'; "
    assert ("meta", "content", policy + "base-uri 'none'; form-action 'none'") in page.attributes
    assert page.tags.count("script") == 2
    assert ("script", "type", "application/json") in page.attributes
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacent|document\.write|eval|Function\(|fetch|XMLHttp|import\(", SCRIPT
    )


def test_every_link_within_the_page_has_its_target_and_ids_are_unique(page: Page) -> None:
    ids = [value for _, name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    assert {value[1:] for tag, name, value in page.attributes if tag == "a" and name == "href"} <= set(ids)
    assert {part for _, name, value in page.attributes if name == "aria-labelledby" for part in value.split()} <= set(
        ids
    )


def test_the_parts_stand_in_their_order() -> None:
    source = html.render(a_gallery())
    headings = re.findall(r"<h2[^>]*>([^<]+)</h2>", source)
    assert headings == [
        "What was found",
        "Ratios at a glance",
        "The cases",
        "All cells",
        "What compiling costs",
        "What training takes",
        "What has no speed, and why",
        "How to read this",
        "Environment",
        "Do it again",
    ]
    assert source.count("<h1>") == 1
    assert '<html lang="en">' in source


def test_no_number_is_shown_as_nan_or_infinite(page: Page) -> None:
    for run in (a_gallery(), a_gallery(1), a_run()):
        assert not re.search(r"\b(nan|inf|None|NaT)\b", Page(html.render(run)).text, re.IGNORECASE)


def test_an_incorrect_cell_shows_its_errors_and_never_its_time() -> None:
    wrong = a_cell("jax", "jit", [[0.777] * 3] * 3, status="incorrect", reason="gradient", checks=BAD)
    page = Page(html.render(a_run([wrong, a_cell("pytorch", launches=[[2.0] * 3] * 3)])))
    assert "2.5e-02" in page.text and "weight[3, 1]" in page.text
    for text in (page.text, page.scripts[0]):
        assert "777" not in text and "0.39" not in text  # neither the time nor its ratio


@pytest.mark.parametrize(
    ("run", "words"),
    [
        (a_run(), "No cell was recorded."),
        (a_run([a_cell(status="failed", reason="no compiler", launches=[])]), "No cell ended ok"),
        (a_run([a_cell()], ended="budget"), "The budget ended this run"),
        (a_run([a_cell()], environment={}), "The run recorded nothing about its machine."),
        (a_gallery(1), "one launch gives no interval"),
    ],
)
def test_unusual_runs_still_give_a_sensible_page(run: Run, words: str) -> None:
    page = Page(html.render(run))
    assert words in page.text
    assert not page.open


def test_the_command_the_environment_and_the_proof_of_the_clock_are_there(page: Page) -> None:
    for words in (
        "triptych run linear --profile quick --seed 7",
        "Example 9000",
        "cpu › cores",
        "2n calls took 1.99 times",
    ):
        assert words in page.text
