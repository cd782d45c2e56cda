"""Placing, cancelling, changing and finding orders, and the proof each answer does or does not give.

Only `trader/coinbase/` imports this. An order goes out exactly once. What comes back is one of four values:
Placed; Refused, when the venue's own answer proves that no order exists (a page of something in between proves
nothing); NotSent, when not one byte of it left; Unknown for everything else, also for answers that contradict
themselves. Only a refused token is tried a second time, with a fresh one: such a request was never looked at, and the
client id is the same. Absence is concluded only from two complete listings.
Blocking, safe from several threads.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from decimal import Decimal

from trader.coinbase.bodies import (
    CANCELLED,
    CREATED,
    EDITED,
    ONE_ORDER,
    PREVIEW,
    Created,
    CreateError,
    Edited,
    OrderRecord,
    Preview,
)
from trader.coinbase.breaker import EndpointClass
from trader.coinbase.errors import REFUSING_STATUS, venue_word
from trader.coinbase.gateway import Gateway
from trader.coinbase.listing import OrderListing
from trader.coinbase.order_body import create_body, order_terms, plain
from trader.coinbase.pacing import Priority
from trader.coinbase.reports import InstrumentOf, report_of
from trader.coinbase.transport import Answer
from trader.coinbase.wire import BadPayload
from trader.orders.order import OrderReport
from trader.venue import (
    AUTH_REFUSED,
    Absent,
    CancelResult,
    ConnectFailed,
    Found,
    NotSent,
    OrderNotFound,
    OrderRequest,
    OutcomeUnknown,
    Placed,
    PlaceOutcome,
    Refused,
    Unknown,
    VenueUnavailable,
    always,
)

CANCEL_CHUNK = 100
REMEMBERED_ORDERS = 20_000
LISTING_MARGIN_S = 60.0
AUTH_STATUS = frozenset({401, 403})
# The venue refuses a token with this bare word and not with JSON.
UNAUTHORIZED_WORD = b"unauthorized"
DUPLICATE_CODE = "DUPLICATE_CLIENT_ORDER_ID"


class OrderDesk:
    """Everything that can be asked of the venue about orders of ours."""

    def __init__(self, gateway: Gateway, instrument_of: InstrumentOf, clock: Callable[[], float]) -> None:
        self._gateway = gateway
        self._instrument_of = instrument_of
        self._clock = clock
        self._listing = OrderListing(gateway)
        self._lock = threading.Lock()
        self._client_ids: OrderedDict[str, str] = OrderedDict()

    def place(
        self, request: OrderRequest, deadline_s: float, still_allowed: Callable[[], bool] = always
    ) -> PlaceOutcome:
        """Send one order once; NotSent when `still_allowed` says no before its first byte."""
        priority = Priority.EXIT if request.reduces else Priority.ENTRY
        body = create_body(request)
        return self._post_order("/orders", body, request.client_order_id, priority, deadline_s, still_allowed)

    def close_position(
        self, client_order_id: str, product_id: str, size: Decimal | None, deadline_s: float
    ) -> PlaceOutcome:
        """Ask the venue to close (part of) a derivative position at the market; the way the venue documents for
        reducing.
        """
        body: dict[str, object] = {"client_order_id": client_order_id, "product_id": product_id}
        if size is not None:
            body["size"] = plain(size)
        return self._post_order("/orders/close_position", body, client_order_id, Priority.EXIT, deadline_s)

    def cancel(self, order_ids: Sequence[str], deadline_s: float) -> list[CancelResult]:
        """Ask for cancellation of each id, a hundred at a time; raises VenueError when nothing can be said about a
        chunk.
        """
        deadline = self._clock() + deadline_s
        results: list[CancelResult] = []
        for start in range(0, len(order_ids), CANCEL_CHUNK):
            chunk = list(order_ids[start : start + CANCEL_CHUNK])
            _, answer = self._gateway.call(
                EndpointClass.ORDERS,
                "POST",
                "/orders/batch_cancel",
                CANCELLED,
                payload={"order_ids": chunk},
                priority=Priority.CANCEL,
                deadline_s=deadline - self._clock(),
            )
            told = {item.order_id: item for item in answer.results}
            for order_id in chunk:
                item = told.get(order_id)
                if item is None:
                    results.append(CancelResult(order_id, accepted=False, reason="the answer does not mention it"))
                else:
                    results.append(CancelResult(order_id, item.success, "" if item.success else item.failure_reason))
        return results

    def edit(self, order_id: str, price: Decimal, size: Decimal, deadline_s: float) -> Edited:
        """Change price and total size of a resting order in place; raises VenueError. Not repeated: read the order to
        see the outcome.
        """
        answer = self._gateway.send(
            EndpointClass.ORDERS,
            "POST",
            "/orders/edit",
            payload={"order_id": order_id, "price": plain(price), "size": plain(size)},
            priority=Priority.ENTRY,
            deadline=self._clock() + deadline_s,
        )
        return self._gateway.decoded(answer, EDITED)

    def preview(self, request: OrderRequest, deadline_s: float) -> Preview:
        """Ask what an order would do, without sending it; raises VenueError."""
        _, preview = self._gateway.call(
            EndpointClass.ORDERS,
            "POST",
            "/orders/preview",
            PREVIEW,
            payload=order_terms(request),
            priority=Priority.ENTRY,
            deadline_s=deadline_s,
        )
        return preview

    def find(self, client_order_id: str, order_id: str, product_id: str, since: float) -> Found | Absent:
        """Read one order by its id, or its client id in two complete listings since a minute before `since`."""
        asked_at = self._clock()
        if order_id:
            try:
                found = self._gateway.read(EndpointClass.ORDERS, f"/orders/historical/{order_id}", ONE_ORDER)
                return Found(self.learn(found.order))
            except OrderNotFound:
                pass  # Reading lags behind writing: the listing below has the last word.
        # Two listings by different filters: a page the venue leaves out of one without a word does not pass for absence.
        for filters in ((product_id,) if product_id else (), ()):
            for record in self._listing.since(since - LISTING_MARGIN_S, filters):
                same = record.client_order_id == client_order_id if client_order_id else record.order_id == order_id
                if same:
                    return Found(self.learn(record))
        return Absent(asked_at)

    def learn(self, record: OrderRecord) -> OrderReport:
        """Return the report of a record and remember whose order it is; raises VenueUnavailable for a senseless one."""
        self.remember(record.order_id, record.client_order_id)
        try:
            return report_of(record, "rest", self._instrument_of)
        except BadPayload as error:
            raise VenueUnavailable(f"an order record does not fit its shape: {error}") from error

    def remember(self, order_id: str, client_order_id: str) -> None:
        """Keep which client id an order of the venue has, for fills that do not say."""
        if not (order_id and client_order_id):
            return
        with self._lock:
            self._client_ids[order_id] = client_order_id
            while len(self._client_ids) > REMEMBERED_ORDERS:
                self._client_ids.popitem(last=False)

    def client_id_of(self, order_id: str) -> str:
        """Return the client id of an order of the venue, "" when it was never seen."""
        with self._lock:
            return self._client_ids.get(order_id, "")

    def _post_order(
        self,
        path: str,
        body: dict[str, object],
        client_order_id: str,
        priority: Priority,
        deadline_s: float,
        still_allowed: Callable[[], bool] = always,
    ) -> PlaceOutcome:
        deadline = self._clock() + deadline_s

        def send() -> Answer:
            return self._gateway.send(
                EndpointClass.ORDERS,
                "POST",
                path,
                payload=body,
                priority=priority,
                deadline=deadline,
                still_allowed=still_allowed,
            )

        try:
            answer = send()
            if answer.status == 401 and _is_the_venues(answer):
                answer = send()
        except ConnectFailed as error:
            return NotSent(str(error))
        except OutcomeUnknown as error:
            return Unknown(str(error))
        if answer.status in REFUSING_STATUS and _is_the_venues(answer):
            code, message = venue_word(answer.status, answer.body)
            if answer.status in AUTH_STATUS:
                return Refused(AUTH_REFUSED, f"HTTP {answer.status} {code} {message}".strip())
            return Refused(code, message)
        if answer.status != 200 or not answer.is_json:
            return Unknown(f"HTTP {answer.status} says nothing about the order")
        try:
            return self._judge(CREATED.read(answer.body), client_order_id)
        except BadPayload as error:
            return Unknown(f"the answer does not parse: {error}")

    def _judge(self, answer: Created, client_order_id: str) -> PlaceOutcome:
        """Return the outcome of a create answer that parsed."""
        if not answer.success:
            code, message = refusal_of(answer.error_response or CreateError())
            if code == DUPLICATE_CODE:
                return Unknown("the venue already has an order with this client id")
            return Refused(code, message)
        said = answer.success_response
        if said is None or not said.order_id:
            return Unknown("the venue says success and names no order")
        if said.client_order_id and said.client_order_id != client_order_id:
            return Unknown("the venue's answer is about another client id")
        known = self.client_id_of(said.order_id)
        if known and known != client_order_id:
            return Unknown(f"the venue answered with order {said.order_id}, which belongs to another client id")
        self.remember(said.order_id, client_order_id)
        return Placed(said.order_id)


def _is_the_venues(answer: Answer) -> bool:
    """Whether an answer is the venue's own word, and not a page of something between it and us."""
    return answer.is_json or (answer.status == 401 and answer.body.strip().lower() == UNAUTHORIZED_WORD)


def refusal_of(error: CreateError) -> tuple[str, str]:
    """Return (code, text) of a refusal: the first reason that says anything, without its PREVIEW_ prefix."""
    reasons = (error.new_order_failure_reason, error.preview_failure_reason, error.error)
    code = next((reason for reason in reasons if reason and not reason.startswith("UNKNOWN_")), "")
    text = " ".join(part for part in (error.message, error.error_details) if part)
    return code.removeprefix("PREVIEW_") or "UNKNOWN_FAILURE_REASON", text[:300]
