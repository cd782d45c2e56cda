"""From the venue's product record to our Instrument: what it is, what it is called here, whether it may be traded now.

Only `trader/coinbase/` imports this. A perpetual is recognised by its funding data, never by a list of names.
"""

from __future__ import annotations

from decimal import Decimal

from trader.coinbase.market_bodies import FutureDetails, Product
from trader.coinbase.wire import BadPayload, Figure, moment
from trader.market.catalog import perpetual_name
from trader.market.instrument import Instrument, ProductKind, TradingStatus

UNBOUNDED = Decimal("1e18")
HOUR_S = 3600

# The first that holds decides; the order is from the tightest to the loosest.
_FLAGS: tuple[tuple[str, TradingStatus], ...] = (
    ("is_disabled", TradingStatus.HALTED),
    ("trading_disabled", TradingStatus.HALTED),
    ("view_only", TradingStatus.VIEW_ONLY),
    ("cancel_only", TradingStatus.CANCEL_ONLY),
    ("post_only", TradingStatus.POST_ONLY),
    ("limit_only", TradingStatus.LIMIT_ONLY),
)
_ONLINE_WORDS = frozenset({"online", ""})


def instrument_of(product: Product) -> Instrument:
    """Return the Instrument of a product; raises BadPayload when a rule needed for trading is missing."""
    details = product.future_product_details
    kind = _kind(product, details)
    rate, when = _funding(details)
    tick = _positive(product.price_increment) or _positive(product.quote_increment)
    lot = _positive(product.base_increment)
    if tick is None or lot is None:
        raise BadPayload(f"{product.product_id} has no price or size increment")
    base = product.base_currency_id or (details.contract_root_unit if details else "")
    return Instrument(
        symbol=perpetual_name(base) if kind is ProductKind.PERPETUAL else product.product_id,
        product_id=product.product_id,
        kind=kind,
        base=base,
        quote=product.quote_currency_id,
        price_increment=tick,
        base_increment=lot,
        base_min_size=_positive(product.base_min_size) or lot,
        base_max_size=_positive(product.base_max_size) or UNBOUNDED,
        quote_min_size=product.quote_min_size.or_zero,
        contract_size=(_positive(details.contract_size) if details else None) or Decimal(1),
        max_leverage=_max_leverage(details),
        status=_status(product),
        funding_rate=rate,
        funding_time=when,
        funding_interval_s=_interval(details),
    )


def _positive(figure: Figure) -> Decimal | None:
    return figure.value if figure.value is not None and figure.value > 0 else None


def _kind(product: Product, details: FutureDetails | None) -> ProductKind:
    if product.product_type != "FUTURE" or details is None:
        return ProductKind.SPOT
    rate, _ = _funding(details)
    return (
        ProductKind.PERPETUAL if details.contract_expiry_type == "PERPETUAL" or rate is not None else ProductKind.FUTURE
    )


def _funding(details: FutureDetails | None) -> tuple[Decimal | None, float | None]:
    """Return (rate, time): beside `perpetual_details` for US futures, inside it for the INTX ones."""
    if details is None:
        return None, None
    if details.funding_rate.value is not None:
        return details.funding_rate.value, moment(details.funding_time)
    inner = details.perpetual_details
    if inner is None or inner.funding_rate.value is None:
        return None, None
    return inner.funding_rate.value, moment(inner.funding_time)


def _max_leverage(details: FutureDetails | None) -> Decimal | None:
    inner = details.perpetual_details if details else None
    return _positive(inner.max_leverage) if inner else None


def _interval(details: FutureDetails | None) -> int:
    text = (details.funding_interval or "") if details else ""
    seconds = text.removesuffix("s")
    return int(seconds) if seconds.isascii() and seconds.isdigit() and int(seconds) > 0 else HOUR_S


def _status(product: Product) -> TradingStatus:
    if product.status.lower() not in _ONLINE_WORDS:
        return TradingStatus.HALTED
    session = product.fcm_trading_session_details
    if session is not None and session.is_session_open is False:
        return TradingStatus.HALTED
    for flag, status in _FLAGS:
        if getattr(product, flag):
            return status
    return TradingStatus.ONLINE
