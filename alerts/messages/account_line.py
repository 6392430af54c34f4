"""The second line of each message: health now and then, what the account is worth, and when it renews."""

from typing import Final

from alerts.account_facts import AccountFacts
from alerts.messages.report_text import override_told
from alerts.text import day_of_year, escape, money, plural, points
from stream.contracts.report import Band, HealthReport

BAND: Final[dict[Band, str]] = {
    "healthy": "healthy",
    "watch": "on watch",
    "at_risk": "at risk",
    "critical": "critical",
    "unknown": "unknown",
    "inactive": "inactive",
}
_NOTICEABLE_FALL: Final = 10  # from here on, who is healthy in spite of it is "still" healthy


def account_line(report: HealthReport, facts: AccountFacts) -> str:
    """Health, worth and renewal, as far as they are known; escaped for mrkdwn."""
    parts = [health_sentence(facts), worth_sentence(facts), renewal_sentence(facts)]
    line = " ".join(escape(part) for part in parts if part)
    by_hand = override_told(report)
    return line if by_hand is None else f"{line}\n✋  {escape(by_hand)}"


def health_sentence(facts: AccountFacts) -> str:
    """The score and its band, and where it came from within a week."""
    score, then = facts.score, facts.report.score_7d_ago
    if score is None:
        return "" if facts.inactive_because is not None else "Health unknown."
    change = round(score) - round(then) if then is not None else 0
    band = BAND[facts.band]
    if change <= -_NOTICEABLE_FALL and facts.band == "healthy":
        band = f"still {band}"
    moved = f", {'down' if change < 0 else 'up'} {abs(change)} in a week" if change else ""
    return f"Health {points(score)}, {band}{moved}."


def worth_sentence(facts: AccountFacts) -> str:
    """Money and seats; empty where nothing is known. Of an account that is not alive, what it paid."""
    seats, users, worth = facts.seats, facts.number("mau"), money_words(facts)
    if facts.inactive_because is not None:
        return f"Paid {worth}." if facts.mrr else ""
    parts = [f"Pays {worth}"] if worth else []
    if seats is not None:
        used = f"{users:.0f} of {seats:.0f} seats used last month" if users is not None else plural(int(seats), "seat")
        parts.append(used)
    elif users is not None:
        parts.append(f"{plural(int(users), 'person', 'people')} used it last month")
    return f"{', '.join(parts)}." if parts else ""


def money_words(facts: AccountFacts) -> str:
    """What an account pays; empty where that is not known."""
    return f"{money(facts.mrr, facts.currency)} a month" if facts.mrr is not None else ""


def renewal_sentence(facts: AccountFacts) -> str:
    """When it renews; empty where that is not known."""
    days, date = facts.days_to_renewal, facts.renewal_date
    if days is None or date is None or facts.inactive_because is not None:
        return ""
    if days < 0:
        return f"The renewal was due {day_of_year(date)}."
    near = f" (in {plural(days, 'day')})" if 0 < days <= 90 else " (today)" if days == 0 else ""
    return f"Renews {day_of_year(date)}{near}."
