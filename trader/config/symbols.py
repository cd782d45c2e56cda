"""Names of symbols a configuration may hold, and what each trades as; trader/config and the command line import this.

The names are those of the documents: ten spot pairs in USD or USDC and four perpetuals. What a name means at the venue
is the catalog's business; here it is only told from a misspelling, so that nothing strange reaches a path or a request.
"""

import difflib
import re

BASES = ("BTC", "ETH", "SOL", "XRP", "LTC", "ADA", "DOGE", "BCH", "AVAX", "LINK")
PERPETUAL_BASES = ("BTC", "ETH", "SOL", "XRP")
SPOT_SYMBOLS = tuple(f"{base}-USD" for base in BASES)
KNOWN_SYMBOLS = frozenset(
    (*SPOT_SYMBOLS, *(f"{base}-USDC" for base in BASES), *(f"{base}-PERP" for base in PERPETUAL_BASES))
)

_SHAPE = re.compile(r"[A-Z0-9]{1,12}(?:-[A-Z0-9]{1,12}){1,3}", re.ASCII)
_PERPETUAL_ALIAS = re.compile(r"([A-Z0-9]{1,12})-(?:USD-PERP|PERP-INTX)", re.ASCII)


def canonical(name: str) -> str:
    """The system's own spelling: BTC-USD-PERP and BTC-PERP-INTX are BTC-PERP; other names stay as they are."""
    alias = _PERPETUAL_ALIAS.fullmatch(name)
    return f"{alias.group(1)}-PERP" if alias else name


def refusal(name: str) -> str:
    """Why a name is no known symbol, with the nearest names; "" when it is one. Never repeats a malformed name."""
    if canonical(name) in KNOWN_SYMBOLS:
        return ""
    if len(name) > 40 or not _SHAPE.fullmatch(name.upper()):
        return "a symbol is written BASE-QUOTE in capitals, like BTC-USD"
    near = difflib.get_close_matches(name.upper(), sorted(KNOWN_SYMBOLS), n=2, cutoff=0.6)
    return f"unknown symbol {name}; did you mean {' or '.join(near)}?" if near else f"unknown symbol {name}"


def gated(symbols: tuple[str, ...], *, derivatives: bool) -> tuple[str, ...]:
    """The symbols that may trade: with derivatives gated, each perpetual becomes its spot pair, each pair once."""
    if derivatives:
        return symbols
    return tuple(dict.fromkeys(re.sub(r"-PERP$", "-USD", symbol) for symbol in symbols))
