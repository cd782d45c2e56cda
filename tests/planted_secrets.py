"""Searches everything a test run writes for every secret it has planted; a find fails the run and names the place.

A pytest plugin, named in `tests/conftest.py`. Tests and their harness call `plant` when they make a key; the keys of event stores and
the hand-over files of exchanges are planted as they are found. At the end of the session every file below the run's temporary folder
is searched, and all that was said: each test's captured stdout, stderr and log, and each child process that `subprocess.run` read.
When workers share the run, each hands over what it planted and heard, and the process that started them searches.
"""

from __future__ import annotations

import json
import os
import subprocess
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import Any

import pytest

SHORTEST = 20
SEARCHED_BYTES_MAX = 64 * 1024 * 1024

LEGITIMATE = {
    "*.key": "the event store's key file and copies of it: the one secret on disk, owner-only",
    "planted-secret.toml": "a configuration that a test has put a secret into, to see it refused",
    "ready.json": "how a test hands the key of its own exchange to the trader it starts",
}
"""Names of files that may hold a secret, each with its reason."""

_RUN_CHARACTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-."
_BLANKS = bytes(byte if byte in _RUN_CHARACTERS else 32 for byte in range(256))
_LABELS = ("-----BEGIN", "-----END")


class Searcher:
    """Knows secrets in the forms they travel in, and where which long words were seen. Order does not matter."""

    def __init__(self) -> None:
        self.planted = 0
        self.places = 0
        self._forms: dict[bytes, set[bytes]] = {}
        self._seen: dict[bytes, str] = {}
        self._raw: list[tuple[Path, bytes]] = []

    def plant(self, secret: str | bytes) -> None:
        """Search for this secret: as it is, line by line, in hex and in base64; lines below twenty characters are no secrets."""
        text = secret if isinstance(secret, str) else secret.hex()
        raw = secret.encode() if isinstance(secret, str) else secret
        words = [line.strip() for line in text.splitlines() if not line.startswith(_LABELS)]
        forms = {*words, raw.hex(), *(coded(raw).decode().rstrip("=") for coded in (b64encode, urlsafe_b64encode))}
        forms |= {coded(word.encode()).decode().rstrip("=") for word in words for coded in (b64encode,)}
        for form in (word.rstrip("=") for word in forms if len(word.rstrip("=")) >= SHORTEST):
            self._forms.setdefault(form[:SHORTEST].encode(), set()).add(form.encode())
        self.planted += 1

    def hear(self, place: str, said: str | bytes | None) -> None:
        """Take in something that was said or written; remembers each long word and where it first was."""
        if not said:
            return
        self.places += 1
        content = said.encode(errors="replace") if isinstance(said, str) else said
        for word in content.translate(_BLANKS).split():
            if len(word) >= SHORTEST:
                self._seen.setdefault(word, place)

    def read_folder(self, folder: Path) -> None:
        """Take in every file below a folder; what is legitimate there is planted instead, where it is a key."""
        files = [Path(at) / name for at, _, names in os.walk(folder) for name in names]
        legitimate = [file for file in files if any(file.match(name) for name in LEGITIMATE)]
        for file in legitimate:
            self._learn(file)
        keys: dict[Path, list[bytes]] = {}
        for place, key in self._raw:
            keys.setdefault(place, []).append(key)
        for file in set(files) - set(legitimate):
            with suppress(OSError):
                if file.is_file() and not file.is_symlink():
                    self._read(file, [key for place in file.parents for key in keys.get(place, ())])

    def _read(self, file: Path, raw_keys: Iterable[bytes]) -> None:
        with file.open("rb") as stream:
            content = stream.read(SEARCHED_BYTES_MAX)
        self.hear(str(file), content)
        for key in raw_keys:
            if key in content:
                self._seen[key.hex().encode()] = str(file)

    def _learn(self, file: Path) -> None:
        """Plant the keys of a key file, and the key in an exchange's ready line."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            told = json.loads(file.read_bytes().split(b"\n", 1)[0] or b"{}")
            for _, key in told.get("keys", ()):
                self.plant(bytes.fromhex(key))
                self._raw.append((file.parent, bytes.fromhex(key)))
            if "api_secret" in told:
                self.plant(told["api_secret"])

    def handed_over(self) -> dict[str, Any]:
        """What another searcher needs to go on from here, in plain types."""
        forms = [form for some in self._forms.values() for form in some]
        return {"planted": self.planted, "places": self.places, "forms": forms, "seen": list(self._seen.items())}

    def take(self, told: dict[str, Any]) -> None:
        """Go on from what another searcher handed over."""
        self.planted += told["planted"]
        self.places += told["places"]
        for form in told["forms"]:
            self._forms.setdefault(form[:SHORTEST], set()).add(form)
        for word, place in told["seen"]:
            self._seen.setdefault(word, place)

    def finds(self) -> Iterator[str]:
        """Say where a planted secret was seen; never the secret itself."""
        for word, place in self._seen.items():
            for start in range(len(word) - SHORTEST + 1):
                for form in self._forms.get(word[start : start + SHORTEST], ()):
                    if word.startswith(form, start):
                        yield f"a planted secret of {len(form)} characters is in {place}"


searcher = Searcher()


def plant(secret: str | bytes) -> str:
    """Have a secret searched for in everything that this run says and writes; return it as text."""
    searcher.plant(secret)
    return secret if isinstance(secret, str) else secret.hex()


def _listening(run: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(run)
    def heard(*given: Any, **named: Any) -> Any:
        done = run(*given, **named)
        command = done.args if isinstance(done.args, str) else " ".join(str(part) for part in done.args[:4])
        searcher.hear(f"stdout of {command}", done.stdout)
        searcher.hear(f"stderr of {command}", done.stderr)
        return done

    return heard


def pytest_configure(config: pytest.Config) -> None:
    """Hear every child process that is read to its end."""
    config.stash[_FOUND] = []
    subprocess.run = _listening(subprocess.run)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Take in what a test said, and what is told of its failure; workers' reports come to the process that started them too."""
    for title, said in report.sections:
        searcher.hear(f"{title} of {report.nodeid}", said)
    if report.longrepr is not None:
        searcher.hear(f"the failure of {report.nodeid}", report.longreprtext)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Search; a find is a failed run. A worker hands over instead: its folder lies in that of the process that started it."""
    handing_over = getattr(session.config, "workeroutput", None)
    if handing_over is not None:
        handing_over[_HANDED_OVER] = searcher.handed_over()
        return
    folder = getattr(session.config, "_tmp_path_factory")._basetemp  # noqa: B009 - there is no public way that does not make one
    if folder is not None:
        searcher.read_folder(folder)
    session.config.stash[_FOUND] = found = sorted(set(searcher.finds()))
    if found and session.exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take what a worker that has ended planted and heard; called by pytest-xdist before the session ends."""
    told = getattr(node, "workeroutput", {}).get(_HANDED_OVER)
    if told is not None:
        searcher.take(told)


_FOUND = pytest.StashKey[list[str]]()
_HANDED_OVER = "planted_secrets"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Name each place, or say how much was searched."""
    found = config.stash.get(_FOUND, [])
    for line in found:
        terminalreporter.write_line(f"SECRET: {line}", red=True)
    what = f"{searcher.planted} planted secrets searched for in {searcher.places} outputs and files"
    terminalreporter.write_line(f"{what}: {len(found) or 'none'} found")
