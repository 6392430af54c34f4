"""The intake's addresses: Segment's calls, vendors' webhooks, and events as they are; 202 only once Kafka has them."""

import base64
import binascii
import hmac
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from consumers.intake import segment
from consumers.intake.acceptance import Acceptance, Accepted, Refused, Verdict, answer, refused_whole, tally
from consumers.intake.body import BodyError, parsed, too_large, unpacked
from consumers.intake.mapping import Ignored, Outcome, Translated, Unreadable, UnreadableError
from consumers.intake.memberships import Memberships
from consumers.intake.metrics import IntakeMetrics
from consumers.intake.rate import RateLimit
from consumers.intake.settings import IntakeOptions
from consumers.intake.signatures import SignedRequest
from consumers.intake.vendors.registry import VENDORS
from consumers.intake.vendors.vendor import Vendor
from consumers.intake.writer import RETRY_AFTER_SECONDS, BusyError, Outgoing, Writer
from consumers.trace_context import exemplar_of
from stream.config.logs import get_logger
from stream.contracts.dead_letters import dead_letter
from stream.contracts.errors import BadEvent
from stream.topics import KINDS, Kind, Topics

ADDRESSES: Final = (*(f"/v1/{name}" for name in (*segment.TYPES, "batch")), "/v1/events/<kind>", "/webhooks/<vendor>")

log = get_logger(__name__)


@dataclass(frozen=True)
class Intake:
    """What the addresses need.

    Args:
        options: the settings.
        topics: the names of the topics.
        acceptance: by the contracts' own names, for Segment and the vendors, whose tables make them.
        feed_acceptance: by the feeds' names, for events sent as they are.
        memberships: which account a user belongs to.
        memberships_topic: where that is kept.
        writer: to Kafka.
        metrics: counts.
        now_seconds: epoch seconds.
    """

    options: IntakeOptions
    topics: Topics
    acceptance: Acceptance
    feed_acceptance: Acceptance
    memberships: Memberships
    memberships_topic: str
    writer: Writer
    metrics: IntakeMetrics
    rate: RateLimit
    now_seconds: Callable[[], float] = time.time


class _RefusalError(Exception):
    """An answer that is not about events: status, sentence, and after how many seconds to try again."""

    def __init__(self, status: int, detail: str, retry_after_seconds: int = 0) -> None:
        super().__init__(detail)
        self.status, self.detail, self.retry_after_seconds = status, detail, retry_after_seconds


def make_app(intake: Intake) -> Starlette:
    """The application of one intake process."""
    handlers = _Handlers(intake)
    calls = [*segment.TYPES, "batch", "import", *segment.SHORT_PATHS, "b"]
    cors = Middleware(
        CORSMiddleware,
        allow_origins=intake.options.allowed_origins,
        allow_methods=["POST"],
        allow_headers=["authorization", "content-type"],
        max_age=86_400,
    )
    return Starlette(
        routes=[
            *(Route(f"/v1/{name}", handlers.answered(handlers.segment), methods=["POST"]) for name in calls),
            Route("/v1/events/{kind}", handlers.answered(handlers.events), methods=["POST"]),
            Route("/webhooks/{vendor}", handlers.answered(handlers.webhook), methods=["POST"]),
            Route("/livez", _alive),
            Route("/readyz", handlers.ready),
        ],
        middleware=[cors],
        exception_handlers={404: _unknown_address, 405: _unknown_address},
    )


async def _alive(request: Request) -> Response:
    return PlainTextResponse("alive\n")


class _Handlers:
    """One method an address."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._keys = {name: key.get_secret_value().encode() for name, key in intake.options.write_keys.items()}
        self._ignored_told = set[tuple[str, str]]()  # source and reason, both of closed sets

    def answered(self, handler: Callable[[Request], Any]) -> Callable[[Request], Any]:
        """A handler whose refusals are answers, and whose answers are counted."""

        async def endpoint(request: Request) -> Response:
            started = time.perf_counter()
            try:
                response: Response = await handler(request)
            except BodyError as error:
                response = _response(error.status, error.detail)
            except BusyError as error:
                response = _response(503, f"{error}; send it again", RETRY_AFTER_SECONDS)
            except _RefusalError as error:
                response = _response(error.status, error.detail, error.retry_after_seconds)
            except ClientDisconnect:
                response = Response(status_code=400)
            seconds = time.perf_counter() - started
            self._intake.metrics.answered(response.status_code, seconds, exemplar_of(request.headers))
            return response

        return endpoint

    async def ready(self, request: Request) -> Response:
        """Whether it takes events."""
        busy = self._intake.writer.waiting_bytes > self._intake.options.in_flight_bytes_max
        return PlainTextResponse("busy\n" if busy else "ready\n", 503 if busy else 200)

    async def segment(self, request: Request) -> Response:
        """Segment's calls, alone or as a batch."""
        raw = await self._body(request)
        body = parsed(raw)
        source = self._source(request, body.get("writeKey") if isinstance(body, dict) else None)
        name = request.url.path.rpartition("/")[2]
        path_type = segment.SHORT_PATHS.get(name, name)
        try:
            calls = segment.calls_of(body, None if path_type in ("batch", "import", "b") else path_type)
        except UnreadableError as error:
            return await self._answer(source, [refused_whole("wrong_type", str(error), body)])
        self._admit(source, len(calls))
        now_seconds = self._intake.now_seconds()
        now = datetime.fromtimestamp(now_seconds, UTC)
        memberships = [pair for call in calls if (pair := segment.membership_of(call)) is not None]
        self._intake.memberships.learn(memberships)  # before the calls: a batch's order is not the order of its meaning
        verdicts: list[Verdict] = []
        for call in calls:
            try:
                outcome = segment.translate_call(call, self._intake.memberships.account_of, now)
            except UnreadableError as error:
                verdicts.append(refused_whole("unknown_value", str(error), call))
                continue
            if isinstance(outcome, Translated) and "account_id" not in outcome.event:
                verdicts.append(refused_whole("missing_field", segment.NO_ACCOUNT, call))
                continue
            verdicts.append(self._intake.acceptance.verdict_on(outcome, int(now_seconds * 1000)))
        topic = self._intake.memberships_topic
        kept = [Outgoing(topic, user, account.encode(), source.encode()) for user, account in memberships]
        return await self._answer(source, verdicts, kept)

    async def webhook(self, request: Request) -> Response:
        """One vendor's webhook."""
        name = request.path_params["vendor"]
        vendor, options = VENDORS.get(name), self._intake.options.vendors.get(name)
        if vendor is None:
            raise _RefusalError(404, f"there is no vendor {name[:40]!r}; expected one of {', '.join(VENDORS)}")
        if options is None:
            raise _RefusalError(404, f"{name} is not let in: set intake.vendors.{name}.secret to {vendor.secret}")
        raw = await self._read(request)
        now_seconds = self._intake.now_seconds()
        url = options.public_url or str(request.url)
        headers = {key.lower(): value for key, value in request.headers.items()}
        signed = SignedRequest(headers, request.method, url, raw, now_seconds)
        if not vendor.check(signed, options.secret.get_secret_value()):
            raise _RefusalError(401, f"the signature is not {name}'s: check intake.vendors.{name}.secret")
        body = parsed(self._unpack(request, raw))
        outcomes = _translated(vendor, body, headers)
        self._admit(name, len(outcomes))
        now_ms = int(now_seconds * 1000)
        return await self._answer(name, [self._intake.acceptance.verdict_on(each, now_ms) for each in outcomes])

    async def events(self, request: Request) -> Response:
        """Events of one kind as the contract, or the feed's mapping, has them: one, or an array."""
        source = self._source(request, None)
        kind: Kind | None = next((each for each in KINDS if each == request.path_params["kind"]), None)
        if kind is None:
            raise _RefusalError(404, f"there is no kind of event of that name; expected one of {', '.join(KINDS)}")
        body = parsed(await self._body(request))
        events = body if isinstance(body, list) else [body]
        if not all(isinstance(event, dict) for event in events):
            told = "expected a JSON object, or an array of objects"
            return await self._answer(source, [refused_whole("wrong_type", told, body)])
        self._admit(source, len(events))
        now_ms = int(self._intake.now_seconds() * 1000)
        accept = self._intake.feed_acceptance.accept
        return await self._answer(source, [accept(kind, event, now_ms) for event in events])

    async def _answer(self, source: str, verdicts: Sequence[Verdict], more: Sequence[Outgoing] = ()) -> Response:
        """Write what is accepted and what is refused; the answer comes once Kafka has both.

        Raises:
            _RefusalError: 422: nothing was sent, and silence would look as if something had been.
        """
        if not verdicts:
            raise _RefusalError(422, "the list is empty: expected at least one event")
        topics, name = self._intake.topics, source.encode()
        records = [
            Outgoing(topics.input(verdict.kind), verdict.account_id, verdict.value, name)
            if isinstance(verdict, Accepted)
            else Outgoing(topics.dead_letters, "", self._dead_letter(source, verdict), name)
            for verdict in verdicts
            if isinstance(verdict, Accepted | Refused)
        ]
        await self._intake.writer.write([*more, *records])
        counts = tally(verdicts)
        self._intake.metrics.counted(source, counts.accepted, counts.ignored)
        for verdict in verdicts:
            if isinstance(verdict, Refused):
                self._intake.metrics.refused(source, verdict.reason)
            elif isinstance(verdict, Ignored) and (source, verdict.reason) not in self._ignored_told:
                self._ignored_told.add((source, verdict.reason))
                log.info("payloads are ignored; told once, counted always", source=source, reason=verdict.reason)
        status, body = answer(counts)
        return Response(status_code=status) if body is None else JSONResponse(body, status)

    def _dead_letter(self, source: str, refused: Refused) -> bytes:
        error = BadEvent(refused.reason, refused.detail)
        now_ms = int(self._intake.now_seconds() * 1000)
        return dead_letter(f"intake:{source}", -1, -1, now_ms, None, refused.original, error)

    def _source(self, request: Request, key_in_body: object) -> str:
        """The name of the write key that a request carries: as Basic user, as Bearer, or in the body as browsers do.

        Raises:
            _RefusalError: 401: none of ours.
        """
        given = _key_of(request.headers) or (key_in_body if isinstance(key_in_body, str) else "")
        found = None
        for name, key in self._keys.items():  # all of them: the time taken must not tell which one was near
            if hmac.compare_digest(given.encode("utf-8", "replace"), key):
                found = name
        if found is None:
            raise _RefusalError(401, "the write key is missing or wrong; expected HTTP Basic with the key as the user")
        return found

    def _admit(self, source: str, events: int) -> None:
        if events > self._intake.options.batch_events_max:
            most = self._intake.options.batch_events_max
            raise _RefusalError(413, f"{events} events at once: expected at most {most}")
        wait = self._intake.rate.wait_seconds(source, events, time.monotonic())
        if wait > 0:
            raise _RefusalError(429, f"more than {self._intake.options.events_per_second_max} events a second", wait)

    async def _body(self, request: Request) -> bytes:
        return self._unpack(request, await self._read(request))

    async def _read(self, request: Request) -> bytes:
        """The bytes as they come, never more than are allowed."""
        limit = self._intake.options.body_bytes_max
        length = request.headers.get("content-length", "0")
        if length.isascii() and length.isdigit() and len(length) < 20 and int(length) > limit:
            raise too_large(limit)
        parts, size = [], 0
        async for part in request.stream():
            size += len(part)
            if size > limit:
                raise too_large(limit)
            parts.append(part)
        return b"".join(parts)

    def _unpack(self, request: Request, raw: bytes) -> bytes:
        return unpacked(raw, request.headers.get("content-encoding", ""), self._intake.options.body_bytes_max)


def _key_of(headers: Mapping[str, str]) -> str:
    scheme, _, given = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return given.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(given, validate=True).decode("utf-8", "replace").partition(":")[0]
    except (binascii.Error, ValueError):
        return ""


def _translated(vendor: Vendor, body: Any, headers: Mapping[str, str]) -> list[Outcome]:
    """What a vendor's table makes of a body: refused where it knows no such event, or fails on it."""
    try:
        return vendor.translate(body, headers)
    except UnreadableError as error:
        return [Unreadable(str(error), body)]
    except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError) as error:
        # A fault of the table's: the vendor can't mend it, but must not hear of an error and try for days.
        log.exception("a table of payloads failed", vendor=vendor.name)
        return [Unreadable(f"a field is not of the type that {vendor.source} names ({type(error).__name__})", body)]


async def _unknown_address(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    where = f"{request.method} {request.url.path[:80]}"
    return _response(status, f"there is nothing at {where}; expected POST to one of {', '.join(ADDRESSES)}")


def _response(status: int, detail: str, retry_after_seconds: int = 0) -> Response:
    headers = {"Retry-After": str(retry_after_seconds)} if retry_after_seconds > 0 else None
    return JSONResponse({"detail": detail}, status, headers)
