"""Approval: the only thing a broker may turn into an order, and the only place that makes one.

An approval names one exact payload by its digest, may be used once, and expires. Its constructor refuses everyone but
`approve` in this file; only the risk desk calls that, for an order it has reserved and checked again. The broker
imports the type and asks `is_genuine` and `matches` at the last hop (C-18): what leaves must be what was approved. It
can be written to a record like any message, but not read back into authority: decoding one raises.
"""

from __future__ import annotations

import hashlib

import msgspec

from trader.orders.order import Order
from trader.venue import OrderRequest


class _Seal(msgspec.Struct, frozen=True, gc=False):
    """The token without which no approval can be made; a decoded one is another object and does not count."""


_SEAL = _Seal()


class Approval(msgspec.Struct, frozen=True, gc=False):
    """One approved payload. Times are machine seconds. `reduce_only` says that it can only shrink the position,
    `by_operator` that a person asked for it: such an exit may leave after a kill.
    """

    request: OrderRequest
    approval_id: str
    approved_at: float
    expires_at: float
    digest: str
    reduce_only: bool
    seal: _Seal
    by_operator: bool = False

    def __post_init__(self) -> None:
        """Raise TypeError for whoever is not `approve`, and for a payload that is not the digest's."""
        if self.seal is not _SEAL or digest_of(self.request) != self.digest:
            raise TypeError("an Approval is made by trader.risk.approval.approve alone, for an order risk has reserved")

    @property
    def is_genuine(self) -> bool:
        """True while the payload is what was approved, by this process."""
        return self.seal is _SEAL and digest_of(self.request) == self.digest

    def matches(self, request: OrderRequest) -> bool:
        """True when `request` is byte for byte what was approved."""
        return digest_of(request) == self.digest

    def is_live(self, machine_time: float) -> bool:
        """True while the approval may still be used."""
        return machine_time <= self.expires_at


_encoder = msgspec.json.Encoder()


def digest_of(request: OrderRequest) -> str:
    """SHA-256 of the request's canonical JSON."""
    return hashlib.sha256(_encoder.encode(request)).hexdigest()


def approve(order: Order, machine_time: float, life_s: float, *, reduces: bool, by_operator: bool = False) -> Approval:
    """Make the approval of one reserved order. Called by the risk desk only."""
    request = OrderRequest(
        client_order_id=order.client_order_id,
        product_id=order.product_id,
        symbol=order.symbol,
        side=order.side,
        size=order.size,
        limit_price=order.limit_price,
        order_type=order.order_type,
        time_in_force=order.time_in_force,
        post_only=order.post_only,
        end_time=order.expires_at,
        leverage=order.leverage if order.leverage != 1 else None,
        stop_price=order.stop_price,
        reduces=reduces,
    )
    digest = digest_of(request)
    return Approval(
        request=request,
        approval_id=f"{order.client_order_id}:{digest[:12]}",
        approved_at=machine_time,
        expires_at=machine_time + life_s,
        digest=digest,
        reduce_only=reduces,
        seal=_SEAL,
        by_operator=by_operator,
    )
