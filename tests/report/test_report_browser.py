"""The report in a headless browser: no console message, no request but the page itself. Needs Chromium on the PATH."""

import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from test_report_page import book_of, two_trades

from trader.report.page import render_html

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--enable-logging=stderr",
    "--dump-dom",
)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the PATH to open the report with")


class Site(HTTPServer):
    """Serves one page and notes every path asked for."""

    def __init__(self, page: str) -> None:
        self.page, self.asked = page.encode(), list[str]()
        super().__init__(("127.0.0.1", 0), _Serve)


class _Serve(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(self.server.page)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Quiet."""


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[object]:
    """A function that opens a page and returns the document, the console's lines and the paths asked for."""
    running: list[tuple[Site, threading.Thread]] = []

    def open_page(page: str) -> tuple[str, list[str], list[str]]:
        site = Site(page)
        thread = threading.Thread(target=site.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        running.append((site, thread))
        ended = subprocess.run(
            [str(CHROMIUM), *FLAGS, f"--user-data-dir={tmp_path}", f"http://127.0.0.1:{site.server_port}/"],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        return ended.stdout, [line for line in ended.stderr.splitlines() if "CONSOLE" in line], site.asked

    yield open_page
    for site, thread in running:
        site.shutdown()
        thread.join()
        site.server_close()


def test_the_report_opens_without_console_message_and_without_request(opened) -> None:  # type: ignore[no-untyped-def]
    """The document arrives, draws its charts, and asks for nothing more."""
    document, console, asked = opened(render_html(book_of(two_trades())))
    assert "2 fills in BTC-USD lost" in document
    assert document.count("<svg") == 3
    assert console == []
    assert asked == ["/"]


def test_the_check_itself_sees_a_console_message_and_a_request(opened) -> None:  # type: ignore[no-untyped-def]
    """A page that does both is caught, so that silence means something."""
    page = '<html><link rel="icon" href="data:,"><img src="/x.png"><script>console.error("seen")</script></html>'
    _, console, asked = opened(page)
    assert any("seen" in line for line in console)
    assert "/x.png" in asked
