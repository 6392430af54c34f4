"""All ledger entries of an account to its rows in the derived tables: the same in whatever order they came."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from consumers.portfolio import tables
from consumers.portfolio.account_profile import profiles
from consumers.portfolio.account_revenue import by_product, movements, spells
from consumers.portfolio.days import day_at
from consumers.portfolio.entries import (
    CONTACT_KINDS,
    AccountEntry,
    Entry,
    ReferralEntry,
    SubscriptionEntry,
    SurveyEntry,
    TicketEntry,
    TouchpointEntry,
)
from consumers.portfolio.money import Rates, to_minor
from consumers.portfolio.subscription_history import Rules, SubscriptionHistory, history
from consumers.portfolio.tables import Table

Row = tuple[Any, ...]
Rows = dict[Table, list[Row]]

# (recorded_ms, event_id, entry)
Recorded = tuple[int, str, Entry]

_ESCALATED: Final = "escalated"


def homes(changes: Iterable[SubscriptionEntry]) -> dict[tuple[str, str], str]:
    """(account, subscription) of every subscription that was moved to the account that has it now.

    Of several moves away from one account the one said last holds; a circle ends where it began.
    """
    moved: dict[tuple[str, str], tuple[int, str, str]] = {}
    for change in changes:
        if change.status == "moved" and change.moved_to is not None:
            key = change.account, change.subscription
            moved[key] = max(moved.get(key, (-1, "", "")), (change.said_ms, change.event_id, change.moved_to))
    return {key: _follow(key, moved) for key in moved}


def _follow(key: tuple[str, str], moved: Mapping[tuple[str, str], tuple[int, str, str]]) -> str:
    account, subscription = key
    seen = {account}
    said_ms = -1
    while (move := moved.get((account, subscription))) is not None and move[0] >= said_ms:
        said_ms, _, account = move
        if account in seen:
            break
        seen.add(account)
    return account


def derive(
    account: str, entries: Iterable[Recorded], changes: Iterable[SubscriptionEntry], rules: Rules, rates: Rates
) -> Rows:
    """The account's rows by table.

    Args:
        account: its id.
        entries: everything else that the ledger holds of it, each event once, in any order.
        changes: of the subscriptions that it has now, whatever account they came from.
        rules: the company's.
        rates: to its currency.
    """
    rows: Rows = {table: [] for table in tables.BY_ACCOUNT}
    _revenue(account, changes, rules, rates, rows)
    updates: list[tuple[int, int, AccountEntry]] = []
    tickets: dict[str, list[TicketEntry]] = {}
    answers: dict[tuple[str, str], tuple[int, str, SurveyEntry]] = {}
    for recorded_ms, event_id, entry in sorted(entries, key=lambda each: each[:2]):
        match entry:
            case AccountEntry():
                moment_ms = recorded_ms if entry.timestamp is None else _ms(entry.timestamp)
                updates.append((moment_ms, day_at(moment_ms, rules.zone), entry))
            case TouchpointEntry():
                day = day_at(_ms(entry.timestamp), rules.zone)
                contact = entry.kind in CONTACT_KINDS
                rows[tables.TOUCHES].append((account, day, entry.kind, contact, entry.owner, entry.play, event_id))
            case SurveyEntry():
                key = entry.survey, entry.response_id or event_id
                answer = _ms(entry.timestamp), event_id, entry
                answers[key] = max(answers.get(key, answer), answer, key=_order)
            case TicketEntry():
                tickets.setdefault(entry.ticket_id, []).append(entry)
            case ReferralEntry():
                rows[tables.REFERRALS].append(_referral(account, entry, rules, rates))
            case _:
                pass
    rows[tables.PROFILES] = [
        (account, each.from_day, each.to_day, each.name, each.segment, each.owner, each.stage)
        for each in profiles(updates)
    ]
    rows[tables.ANSWERS] = [
        (account, day_at(moment_ms, rules.zone), entry.survey, entry.user_id or f"answer {key}", entry.score, moment_ms)
        for (_, key), (moment_ms, _, entry) in answers.items()  # an anonymous answer counts by itself
    ]
    rows[tables.TICKETS] = [_ticket(account, ticket, of, rules) for ticket, of in tickets.items()]
    return rows


def _ms(moment: Any) -> int:
    """Entries carry epoch milliseconds once they are read."""
    return int(moment)


def _order(answer: tuple[int, str, SurveyEntry]) -> tuple[int, str]:
    return answer[:2]


def _revenue(account: str, changes: Iterable[SubscriptionEntry], rules: Rules, rates: Rates, rows: Rows) -> None:
    """Everything about subscriptions."""
    of: dict[str, list[SubscriptionEntry]] = {}
    for change in changes:
        of.setdefault(change.subscription, []).append(change)
    intervals = []
    for subscription in sorted(of):
        found = history(subscription, of[subscription], rules)
        intervals += found.intervals
        _subscription(account, found, rates, rows)
    rows[tables.INTERVALS] = [
        (
            *(account, each.subscription, each.product, each.plan, each.campaign, each.currency),
            *(each.from_day, each.to_day, each.arr_minor, each.seats, each.paused, each.event_id),
        )
        for each in intervals
    ]
    for product, part in ((None, intervals), *by_product(intervals).items()):
        rows[tables.SPELLS] += [
            (account, product, each.from_day, each.to_day) for each in spells(part, rules.pause_is_churn)
        ]
        rows[tables.MOVEMENTS] += [
            (account, product, each.day, each.kind, each.minor, each.detail, each.unvalued, each.event_id)
            for each in movements(part, rates, rules.pause_is_churn)
        ]


def _subscription(account: str, found: SubscriptionHistory, rates: Rates, rows: Rows) -> None:
    rows[tables.TERMS] += [
        (
            *(account, each.subscription, each.product, each.from_day, each.end_day),
            *(rates.value(each.arr_minor, each.currency, each.end_day), each.outcome, each.decided_day, each.event_id),
        )
        for each in found.terms
    ]
    rows[tables.TRIALS] += [
        (
            *(account, each.subscription, each.plan, each.campaign, each.from_day),
            *(each.outcome, each.ended_day, each.first_upsell_day),
        )
        for each in found.trials
    ]
    rows[tables.REQUESTS] += [
        (account, each.subscription, each.day, each.outcome, each.decided_day, each.reason, each.event_id)
        for each in found.requests
    ]


def _ticket(account: str, ticket: str, events: list[TicketEntry], rules: Rules) -> Row:
    """When it was opened - at its first sign, where that was not told - and first escalated."""
    events = sorted(events, key=lambda each: _ms(each.timestamp))
    escalated = [day_at(_ms(each.timestamp), rules.zone) for each in events if each.status == _ESCALATED]
    category = next((each.category for each in reversed(events) if each.category is not None), None)
    opened_day = day_at(_ms(events[0].timestamp), rules.zone)
    return account, ticket, opened_day, escalated[0] if escalated else None, category


def _referral(account: str, entry: ReferralEntry, rules: Rules, rates: Rates) -> Row:
    day = day_at(_ms(entry.timestamp), rules.zone)
    minor = None
    if entry.amount is not None and entry.currency is not None:
        minor = rates.value(to_minor(entry.amount, entry.currency), entry.currency, day)
    return account, entry.referred, day, minor
