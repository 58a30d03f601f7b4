"""A folder of runs as pages for a browser, read only: an index, and each run's report made from its records.

What lies in a folder as `report.html` is never served: a stranger may have written it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from reports import html
from reports.nested import processor
from suite.errors import RecordsError, UsageError
from suite.records import read_record, read_run

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
LOOPBACK = ("127.0.0.1", "localhost", "::1")
KEPT = 8
"""So many reports are kept, so that they are not made anew at every look."""


@dataclass(frozen=True)
class Entry:
    """A run on the index; `broken` says why it cannot be shown."""

    name: str
    address: str
    created: str = ""
    machine: str = ""
    command: str = ""
    ended: str = ""
    broken: str = ""


def entries(folder: Path) -> list[Entry]:
    """The runs in `folder`, the newest first. Raises UsageError where there is no such folder."""
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}; name one that holds runs")
    found = [_entry(path) for path in folder.iterdir() if (path / "run.json").is_file()]
    return sorted(found, key=lambda entry: (entry.created, entry.name), reverse=True)


def _entry(path: Path) -> Entry:
    address = f"/run/{quote(path.name, safe='')}"
    try:
        record = read_record(path)
    except RecordsError as error:
        return Entry(path.name, address, broken=str(error))
    machine = processor(record.environment)
    return Entry(path.name, address, record.created, machine, record.command, record.ended or "unfinished")


def page(folder: Path, address: str) -> tuple[HTTPStatus, str]:
    """What stands at `address`: `/`, or `/run/` and the name of a folder that holds a run."""
    path = unquote(urlsplit(address).path)
    if path == "/":
        return HTTPStatus.OK, html.index(str(folder), entries(folder))
    name = path.removeprefix("/run/").rstrip("/")
    # Only what the index lists: no path is made of what a browser asks for.
    known = {entry.name: entry for entry in entries(folder)}
    if path.startswith("/run/") and name in known:
        run = folder / name
        try:
            return HTTPStatus.OK, _report(run, *_state(run))
        except RecordsError as error:
            return HTTPStatus.INTERNAL_SERVER_ERROR, html.complaint(str(error))
    return HTTPStatus.NOT_FOUND, html.complaint("There is no such page; the index lists all runs.")


def _state(run: Path) -> tuple[int, ...]:
    """What changes when the run does."""
    return tuple(path.stat().st_mtime_ns for path in sorted(run.glob("*.json*")))


@lru_cache(maxsize=KEPT)
def _report(run: Path, *state: int) -> str:
    return html.render(read_run(run))


def server(folder: Path, host: str, port: int) -> ThreadingHTTPServer:
    """A server that is ready to answer. Raises UsageError where the folder is not there, or the port not to be had."""
    entries(folder)
    try:
        return ThreadingHTTPServer((host, port), _handler(folder, host))
    except OSError as error:
        raise UsageError(f"{host}:{port} cannot be served: {error.strerror}; name another with --port") from None


def _handler(folder: Path, host: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        server_version, sys_version = "Triptych", ""

        def do_GET(self) -> None:
            # A page of somebody else's may send a browser here under a name of its own (DNS rebinding).
            asked = self.headers.get("Host", "").rsplit(":", 1)[0].strip("[]")
            if host in LOOPBACK and asked not in LOOPBACK:
                self._answer(HTTPStatus.FORBIDDEN, html.complaint("This server answers to localhost alone."))
                return
            self._answer(*page(folder, self.path))

        def _answer(self, status: HTTPStatus, text: str) -> None:
            body = text.encode()
            self.send_response(status)
            for name, value in {**HEADERS, "Content-Type": "text/html; charset=utf-8"}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            """Nothing: who reads a report needs no log of it."""

    return Handler


def serve(folder: Path, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Answer until interrupted; `ready` is told the address."""
    with server(folder, host, port) as running:
        ready(f"http://{host if ':' not in host else f'[{host}]'}:{running.server_address[1]}/")
        running.serve_forever()
