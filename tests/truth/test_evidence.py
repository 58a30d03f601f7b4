"""What the documents say of outside truth is what the cases say."""

from __future__ import annotations

import json

from suite.workloads import WORKLOADS
from tests.truth.evidence import DOCUMENT, RECORD, document, evidence


def test_the_record_and_the_page_are_those_of_the_cases_and_mutants_of_today() -> None:
    found = evidence()
    assert json.loads(RECORD.read_text("utf-8")) == found, "run `make docs`"
    assert DOCUMENT.read_text("utf-8") == document(found), "run `make docs`"


def test_a_workload_that_nothing_outside_backs_says_so() -> None:
    name = next(iter(WORKLOADS))
    text = document({name: {"sources": {}, "planted": 0, "killed": 0}})
    assert f"| {name} | nothing outside backs it | none planted |" in text
