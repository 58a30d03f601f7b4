from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import pytest

from reports import serving
from suite.errors import UsageError
from tests.reports import large

EVIL = "<script>alert(1)</script>"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two runs, one of them with a report of a stranger's, one that is broken, and a file that is none of theirs."""
    runs = tmp_path / "runs"
    for name in ("one", EVIL.replace("/", "")):
        large.write(runs / name, cases=1)
    (runs / "one" / "report.html").write_text("<p>planted</p>")
    (runs / "broken").mkdir()
    (runs / "broken" / "run.json").write_text("{")
    (tmp_path / "secret.txt").write_text("secret")
    return runs


@pytest.fixture
def connection(folder: Path) -> Iterator[http.client.HTTPConnection]:
    running = serving.server(folder, "127.0.0.1", 0)
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    connection = http.client.HTTPConnection("127.0.0.1", running.server_address[1], timeout=60)
    yield connection
    connection.close()
    running.shutdown()
    running.server_close()
    thread.join()


def test_the_index_lists_the_runs_and_says_which_are_broken(folder):
    status, text = serving.page(folder, "/")
    assert status == HTTPStatus.OK
    assert 'href="/run/one"' in text
    assert "is not the record of a run" in text
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)" in text


def test_a_report_is_made_from_the_records_and_not_what_lies_beside_them(folder):
    status, text = serving.page(folder, "/run/one")
    assert status == HTTPStatus.OK
    assert "planted" not in text
    assert "What was found" in text


def test_a_broken_run_says_what_is_wrong(folder):
    status, text = serving.page(folder, "/run/broken")
    assert status == HTTPStatus.INTERNAL_SERVER_ERROR
    assert "is not the record of a run" in text


@pytest.mark.parametrize(
    "address",
    [
        "/run/../secret.txt",
        "/run/..%2f..%2fsecret.txt",
        "/run/%2e%2e/secret.txt",
        "/run//etc/passwd",
        "/secret.txt",
        "/run/",
        "/run/one/cells.jsonl",
        "//run/one",
        "/run/one%00",
        "/run/" + "x" * 5000,
    ],
)
def test_nothing_but_the_index_and_its_runs_is_to_be_had(folder, address):
    status, text = serving.page(folder, address)
    assert status == HTTPStatus.NOT_FOUND
    assert "secret" not in text.replace("secret.txt", "")


def test_it_answers_over_http_with_headers_that_allow_nothing_more(connection):
    connection.request("GET", "/")
    answer = connection.getresponse()
    assert answer.status == 200
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "runs in" in answer.read().decode()


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_nothing_can_be_written(connection, method):
    connection.request(method, "/run/one")
    assert connection.getresponse().status == 501


def test_another_name_for_this_machine_is_not_answered(connection):
    connection.request("GET", "/", headers={"Host": "evil.example"})
    assert connection.getresponse().status == 403


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UsageError, match="there is no folder"):
        serving.server(tmp_path / "none", "127.0.0.1", 0)


def test_a_port_that_is_taken_is_refused(folder):
    with serving.server(folder, "127.0.0.1", 0) as running, pytest.raises(UsageError, match="--port"):
        serving.server(folder, "127.0.0.1", running.server_address[1])
