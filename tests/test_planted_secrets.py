"""The searcher of planted secrets finds what it is there to find, and a find fails a run and names the file."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import pytest

from tests.planted_secrets import LEGITIMATE, SHORTEST, Searcher

ROOT = Path(__file__).parents[1]
BODY = secrets.token_urlsafe(48)
PEM = f"-----BEGIN EC PRIVATE KEY-----\n{BODY[:32]}\n{BODY[32:]}\n-----END EC PRIVATE KEY-----\n"

LEAKS = {
    "as it is": PEM,
    "one line of it": f"headers: {BODY[:32]}!",
    "escaped": json.dumps({"secret": PEM}),
    "in the middle of something longer": f"xx{BODY[:32]}yy",
    "in hex": PEM.encode().hex(),
    "in base64": b64encode(PEM.encode()).decode(),
    "a line in base64": b64encode(BODY[:32].encode()).decode(),
}


@pytest.mark.parametrize("form", LEAKS)
def test_a_secret_is_found_in_every_form_it_travels_in(form: str) -> None:
    """Whether it was heard before or after it was planted; the find names the place and not the secret."""
    for planted_first in (True, False):
        searcher = Searcher()
        if planted_first:
            searcher.plant(PEM)
        searcher.hear("the log", LEAKS[form])
        searcher.hear("the screen", "nothing of interest " * 10)
        if not planted_first:
            searcher.plant(PEM)
        found = list(searcher.finds())
        assert found
        assert all("the log" in line and BODY[:SHORTEST] not in line for line in found)


def test_what_is_no_secret_is_not_found() -> None:
    """Labels, another key, and a piece too short to be one."""
    searcher = Searcher()
    searcher.plant(PEM)
    searcher.hear("the log", f"-----BEGIN EC PRIVATE KEY----- {secrets.token_urlsafe(48)} {BODY[:12]}")
    assert not list(searcher.finds())


@pytest.mark.parametrize("form", ["hex", "base64", "raw"])
def test_the_key_of_an_event_store_is_found_in_any_file_but_its_own(tmp_path: Path, form: str) -> None:
    """The key file is read, not reported; the file beside it is."""
    key = secrets.token_bytes(32)
    (tmp_path / "store.key").write_text(json.dumps({"version": 1, "keys": [["name", key.hex()]]}) + "\nchecksum\n")
    leak = {"hex": key.hex().encode(), "base64": b64encode(key), "raw": b"\0" + key + b"\0"}[form]
    searcher = Searcher()
    searcher.read_folder(tmp_path)
    assert not list(searcher.finds())
    dump = tmp_path / "dump.bin"
    dump.write_bytes(leak)
    searcher.read_folder(tmp_path)
    dump.unlink()  # or this run would find it as well
    assert any("dump.bin" in line for line in searcher.finds())


def test_each_legitimate_place_has_its_reason() -> None:
    """A short list: a key file, a hand-over, an input."""
    assert len(LEGITIMATE) <= 3
    assert all(len(reason) > 20 for reason in LEGITIMATE.values())


INNER = """
import subprocess, sys
from tests.planted_secrets import plant

def test_writes(tmp_path):
    secret = plant("planted-" + "1" * 32)
    (tmp_path / "perps_bot.log").write_text(secret if {leaks} else "nothing")

def test_prints():
    secret = plant("planted-" + "2" * 32)
    print(secret if {leaks} else "nothing")

def test_runs_a_child():
    secret = plant("planted-" + "3" * 32)
    subprocess.run([sys.executable, "-c", f"print({{secret!r}} if {leaks} else 0)"], capture_output=True, check=True)
"""


@pytest.mark.parametrize(("leaks", "workers"), [(True, 0), (True, 2), (False, 0)])
def test_a_run_whose_tests_all_pass_fails_when_a_secret_got_out(tmp_path: Path, leaks: bool, workers: int) -> None:
    """A whole run of its own, through a file, a print and a child process: the exit code, and each place in the last lines.

    With workers the secrets are planted in other processes than the one that searches.
    """
    (tmp_path / "test_inner.py").write_text(INNER.format(leaks=leaks))
    options = ["-p", "tests.planted_secrets", "-p", "no:randomly", "-p", "no:cacheprovider", "--rootdir", str(tmp_path),
               "-n", str(workers)]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-c", "/dev/null", *options, "--basetemp", str(tmp_path / "inner"),
         str(tmp_path / "test_inner.py")],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert "3 passed" in done.stdout, done.stdout + done.stderr
    assert done.returncode == (1 if leaks else 0)
    places = ("perps_bot.log", "Captured stdout call of", f"stdout of {sys.executable}")
    assert [place in done.stdout for place in places] == [leaks] * 3
    assert done.stdout.count("SECRET:") == (3 if leaks else 0)
