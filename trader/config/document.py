"""A configuration file as text and as a tree of TOML values with their lines. Only trader/config imports this.

Reads one regular file of bounded size and nothing else: a pipe, a device or a directory is refused, never waited for.
"""

import os
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from trader.config.lines import Place, scan
from trader.config.problem import Problem
from trader.config.values import written_float

_BYTES_MAX = 256 * 1024
_BYTE_ORDER_MARK = "\ufeff"


class Document(msgspec.Struct, frozen=True):
    """A parsed file; `name` is what errors and sources call it."""

    name: str
    tree: Mapping[str, object]
    places: Mapping[tuple[str, ...], Place]

    def place(self, path: tuple[str, ...]) -> Place:
        """Where a key or table stands; for one without a place of its own, where its table does."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.places:
                return self.places[path[:length]]
        return Place(1, "")


def read(path: Path) -> Document | Problem:
    """Read and parse the file, or say in one problem why that is impossible."""
    text = _read_text(path)
    if isinstance(text, Problem):
        return text
    try:
        tree = tomllib.loads(text, parse_float=written_float)
    except tomllib.TOMLDecodeError as error:
        return _syntax_problem(str(error), text)
    except RecursionError:
        return Problem(1, "", "the file", "", "nests too deeply; tables here are at most five levels deep")
    except ValueError:
        return Problem(1, "", "the file", "", "holds a number of thousands of digits")
    return Document(path.name, tree, scan(text))


def distrust(path: Path) -> str:
    """Why a file that changed under a running system should not be believed, or "" (F-C01).

    Only its owner and the administrator may be able to change limits: a file of somebody else, or one that everybody can
    write, keeps the old configuration in force. A missing file is for `read` to report.
    """
    try:
        found = path.stat()
    except OSError:
        return ""
    if found.st_uid not in (0, os.getuid()):
        return f"{path.name} belongs to another user; chown it to the one that runs the trader"
    if found.st_mode & stat.S_IWOTH:
        return f"{path.name} can be written by everybody; chmod o-w it"
    return ""


def _read_text(path: Path) -> str | Problem:
    def refused(remedy: str) -> Problem:
        return Problem(0, "file", str(path), "", remedy)

    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError:
        return refused("does not exist; give the right one with --config, or copy the shipped config.toml")
    except (OSError, ValueError) as error:
        return refused(f"cannot be opened ({getattr(error, 'strerror', None) or 'not a file name'})")
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return refused("is not a regular file; give a TOML file with --config")
    with os.fdopen(descriptor, "rb") as file:
        content = file.read(_BYTES_MAX + 1)
    if len(content) > _BYTES_MAX:
        return refused(f"is larger than {_BYTES_MAX // 1024} KiB; a configuration is a few")
    try:
        return content.decode("utf-8").removeprefix(_BYTE_ORDER_MARK)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return Problem(line, "", "the file", "", "is not UTF-8 text; save it as UTF-8")


def _syntax_problem(message: str, text: str) -> Problem:
    """tomllib's message with its position moved to the front: duplicate keys, missing quotes, half-written files."""
    said, _, position = message.partition(" (at ")
    digits = position.removeprefix("line ").partition(",")[0]
    line = int(digits) if digits.isdigit() else text.count("\n") + 1
    word = said.partition(":")[0] if "invalid" in said.lower() else said
    twice = any(sign in said for sign in ("overwrite", "twice", "mutate", "uplicate"))
    remedy = "the key or table stands twice; keep one" if twice else f"not valid TOML: {word}"
    return Problem(line, "", "syntax", "", remedy)
