"""What the documents say of outside truth is what the cases say."""

from __future__ import annotations

import json

from tests.impls.problems import OPERATIONS
from tests.truth.evidence import DOCUMENT, RECORD, UNBACKED, document, evidence
from tests.truth.oracle import cases
from tests.truth.outside import SOURCES


def test_the_record_and_the_page_are_those_of_the_cases_and_mutants_of_today() -> None:
    found = evidence()
    assert json.loads(RECORD.read_text("utf-8")) == found, "run `make docs`"
    assert DOCUMENT.read_text("utf-8") == document(found), "run `make docs`"


def test_a_workload_that_nothing_outside_backs_says_so() -> None:
    name = next(iter(OPERATIONS))
    text = document({name: {"sources": {}, "planted": 0, "killed": 0}})
    assert f"| {name} | nothing outside backs it | none planted |" in text


def test_each_workload_is_backed_from_outside_or_named_as_one_that_is_not() -> None:
    backed = {case.workload for case in cases()}
    assert backed <= set(OPERATIONS)
    assert set(OPERATIONS) - backed == set(UNBACKED)


def test_every_source_is_told_and_used() -> None:
    assert {case.source for case in cases()} == set(SOURCES)
