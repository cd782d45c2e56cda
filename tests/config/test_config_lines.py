"""The line scan agrees with tomllib about which keys there are, and with a person about where they stand."""

import string
import tomllib

import tomli_w
from hypothesis import given, strategies as st

from trader.config.lines import scan

EVERY_WAY = r"""# line 1: a comment with key = 1
plain = 1
a.b."c.d" = { inner = "}", deep = { x = [1, 2] } } # line 3
[ table . sub ]
list = [ # line 5
  "]", # line 6
]
text = '''
fake = 1 # line 9
'''
after = '''''' # line 11
[[rows]]
cell = 1979-05-27 07:32:00Z # line 13
"""
NAMES = st.text(string.ascii_letters + string.digits + "-_ .\"'\\[]{}#=é", min_size=1, max_size=6)
SCALARS = st.one_of(
    st.booleans(), st.integers(-1000, 1000), st.text("ab\"'\\#[]{}\n\t=,", max_size=8), st.datetimes(), st.floats(0, 9)
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3))
)


def test_every_way_to_write_a_key_is_found_at_its_line() -> None:
    """Headers, dotted keys, quoted keys, inline tables, arrays over several lines, multi-line strings, comments."""
    text = EVERY_WAY
    tomllib.loads(text)  # the example itself is right
    lines = {".".join(path): place.line for path, place in scan(text).items()}
    expected = {"plain": 2, "a": 3, "a.b": 3, "a.b.c.d": 3, "a.b.c.d.inner": 3, "a.b.c.d.deep": 3, "a.b.c.d.deep.x": 3}
    expected |= {"table": 4, "table.sub": 4, "table.sub.list": 5, "table.sub.text": 8, "table.sub.after": 11}
    assert lines == expected | {"rows": 12, "rows.cell": 13}


def test_the_written_value_is_kept_without_its_comment() -> None:
    """Errors show what the person wrote."""
    places = scan("rate = 0x10 # sixteen\nlist = [1,\n 2] # two\n")
    assert places["rate",].written == "0x10"
    assert places["list",].written == "[1,\n 2]"


def test_windows_line_ends_count_as_one() -> None:
    """A file saved elsewhere has the same line numbers."""
    assert scan("a = 1\r\nb = 2\r\n")["b",].line == 2


@given(st.dictionaries(NAMES, VALUES, max_size=5))
def test_the_scan_finds_exactly_the_keys_that_tomllib_finds(tree: dict[str, object]) -> None:
    """For any document that can be written."""
    text = tomli_w.dumps(tree)
    paths = set(_paths(tomllib.loads(text), ()))
    assert set(scan(text)) == paths


def _paths(node: object, at: tuple[str, ...]) -> list[tuple[str, ...]]:
    if isinstance(node, dict):
        return [path for name, child in node.items() for path in [(*at, name), *_paths(child, (*at, name))]]
    if isinstance(node, list):
        return [path for child in node for path in _paths(child, at)]
    return []
