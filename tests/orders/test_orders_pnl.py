"""The documents' profit and loss shapes and their worked examples."""

from decimal import Decimal

from trader.market.instrument import Instrument, ProductKind
from trader.orders.ledger import Ledger
from trader.orders.order import Fill, Side
from trader.orders.pnl import get_portfolio_pnl, get_position_pnl

D = Decimal


def perp(symbol: str) -> Instrument:
    """A perpetual counted in coins."""
    return Instrument(
        symbol, symbol, ProductKind.PERPETUAL, symbol[:3], "USD", D("0.01"), D("0.001"), D("0.001"), D(1000), D(0)
    )


def ledger_of(*symbols: str) -> Ledger:
    """A ledger with 10,000 USD."""
    ledger = Ledger({symbol: perp(symbol) for symbol in symbols})
    ledger.set_wallet("USD", D(10000))
    return ledger


def book(ledger: Ledger, symbol: str, side: str, size: object, price: object, fee: object = 0) -> None:
    """One fill."""
    ledger.apply(
        Fill(
            f"{symbol}{size}{price}{side}", "c", "v", symbol, Side(side), D(str(size)), D(str(price)), D(str(fee)), 1.0
        )
    )


def test_the_documents_position_example():
    """One long at 50,000, mark 51,000, 500 realized before, 5 of funding paid: 1000, 500, -5, and a net of 1495 (PNL-03)."""
    ledger = ledger_of("BTC-USD-PERP")
    book(ledger, "BTC-USD-PERP", "BUY", 1, 49500)
    book(ledger, "BTC-USD-PERP", "SELL", 1, 50000)
    book(ledger, "BTC-USD-PERP", "BUY", 1, 50000)
    ledger.pay_funding("BTC-USD-PERP", D(-5))
    ledger.on_mark("BTC-USD-PERP", D(51000))
    assert get_position_pnl(ledger, "BTC-USD-PERP") == {
        "symbol": "BTC-USD-PERP",
        "qty": D(1),
        "side": "long",
        "entry": D(50000),
        "mark": D(51000),
        "unrealized_pnl": D(1000),
        "realized_pnl": D(500),
        "funding_accrued": D(-5),
        "fees": D(0),
        "net_pnl": D(1495),
    }
    assert ledger.equity == D(11495)
    ledger.audit()


def test_the_documents_portfolio_example():
    """Two positions add up to 1500 unrealized, 300 realized and -10 funding (PNL-04)."""
    ledger = ledger_of("BTC-USD-PERP", "ETH-USD-PERP")
    book(ledger, "BTC-USD-PERP", "BUY", 1, 50000)
    book(ledger, "ETH-USD-PERP", "SELL", 3, 2100)
    book(ledger, "ETH-USD-PERP", "BUY", 3, 2000)
    book(ledger, "ETH-USD-PERP", "BUY", 10, 1950)
    ledger.pay_funding("BTC-USD-PERP", D(-7))
    ledger.pay_funding("ETH-USD-PERP", D(-3))
    ledger.on_mark("BTC-USD-PERP", D(51000))
    ledger.on_mark("ETH-USD-PERP", D(2000))
    portfolio = get_portfolio_pnl(ledger)
    totals = (portfolio["total_unrealized"], portfolio["total_realized"], portfolio["total_funding"])
    assert totals == (D(1500), D(300), D(-10))
    assert set(portfolio["positions"]) == {"BTC-USD-PERP", "ETH-USD-PERP"}
    assert portfolio["net_pnl"] == D(1790)
    assert ledger.equity == D(11790)


def test_fees_are_always_subtracted_and_funding_counts_once():
    """The net is realized + unrealized + funding - fees; no column holds another's money (PNL-07, D33)."""
    ledger = ledger_of("BTC-USD-PERP")
    book(ledger, "BTC-USD-PERP", "BUY", 2, 100, "0.4")
    book(ledger, "BTC-USD-PERP", "SELL", 1, 110, "0.3")
    ledger.pay_funding("BTC-USD-PERP", D("-0.2"))
    ledger.on_mark("BTC-USD-PERP", D(120))
    row = get_position_pnl(ledger, "BTC-USD-PERP")
    assert (row["realized_pnl"], row["unrealized_pnl"], row["funding_accrued"], row["fees"]) == (
        10,
        20,
        D("-0.2"),
        D("0.7"),
    )
    assert row["net_pnl"] == D("29.1")
    assert ledger.equity == D("10029.1")
