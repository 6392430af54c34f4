"""Several signals of one account: one red flag that gathers them, opens and ends for the right reason."""

from datetime import timedelta
from typing import Any

import pytest

from alerts.account_facts import AccountFacts
from alerts.apply_command import apply_command
from alerts.commands import Acknowledge
from alerts.config import AlertingConfig
from alerts.context import AlertContext
from alerts.daily_digest import DigestItem, collapse, entries_of, next_digest, section_of
from alerts.evaluation import AccountEvaluation, evaluate_rules, next_due
from alerts.messages.compose import build_message
from alerts.messages.daily_digest import daily_digest_notification
from alerts.messages.plain_text import as_text, headline
from alerts.model import AccountRecord, Alert
from alerts.quiet_hours import QuietSettings
from alerts.rules import default_rules
from stream.contracts.report import HealthReport, Profile
from tests.reports import MONDAY, make_report

QUIET = {"days_since_active": 9, "silence_limit_days": 3}
BACK = {"days_since_active": 0, "silence_limit_days": 3}
LEFT = {"champions": 2, "champions_gone": 2, "champions_gone_users": ["ann", "bob"]}
FEW = {"mau": 4, "mau_previous": 20}
CANCELS = {"cancellation_requested": 1, "subscriptions_active": 1}
GLAD = {"open_promoters": 2}
CONTEXT = AlertContext()


class Account:
    """One account under the shipped rules, day by day."""

    def __init__(self) -> None:
        self.record: AccountRecord | None = None
        self.day = 0
        self.last: AccountEvaluation | None = None
        self.report: HealthReport | None = None

    def knows(self, *measures: dict[str, Any], days: int = 1, **fields: Any) -> AccountEvaluation:
        """A report of a later day."""
        self.day += days
        as_of = MONDAY + timedelta(days=self.day)
        known: dict[str, Any] = {}
        for each in measures:
            known |= each
        profile = fields.pop("profile", Profile(name="Acme Corp", owner="Dana", mrr=500))
        fields.setdefault("score", 80.0)
        self.report = make_report(as_of=as_of, measures=known, profile=profile, **fields)
        self.last = evaluate_rules(self.record, self.report, default_rules(), as_of, CONTEXT)
        self.record = self.last.record
        return self.last

    @property
    def flag(self) -> Alert:
        """The red flag."""
        assert self.record is not None
        assert self.record.alert is not None
        return self.record.alert

    @property
    def up(self) -> list[str]:
        """The rules of the red flag's signals that fire, those that lead first; empty while none is up."""
        if self.record is None or self.record.alert is None or not self.record.alert.is_open:
            return []
        return [signal.rule for signal in self.record.alert.firing]


def test_one_red_flag_gathers_all_signals_of_its_time() -> None:
    acme = Account()
    acme.knows(QUIET)
    first = acme.flag.alert_id
    acme.knows(BACK, FEW, LEFT)
    acme.knows(BACK, FEW, LEFT, CANCELS)
    assert acme.flag.alert_id == first
    assert acme.up == ["cancellation_requested", "breadth_collapsed", "champion_gone"]
    assert acme.flag.rule == "cancellation_requested"
    assert {signal.rule for signal in acme.flag.signals} == {*acme.up, "silence"}, "what ended stays in its story"


def test_good_news_is_never_a_red_flag_and_joins_none() -> None:
    acme = Account()
    found = acme.knows(GLAD)
    assert acme.record is not None
    assert acme.record.alert is None
    assert [item.rule for item in found.digest] == ["promoter_follow_up"]
    acme.knows(GLAD, CANCELS)
    assert acme.up == ["cancellation_requested"]


def test_a_signal_that_does_not_open_one_waits_for_the_digest_alone() -> None:
    acme = Account()
    found = acme.knows({"goals_off_track": 1, "outcome_pace_min": 0.8})
    assert acme.record is not None
    assert acme.record.alert is None
    assert [(item.rule, item.change) for item in found.digest] == [("outcome_off_track", "firing")]


def test_a_collapsing_account_whose_few_seats_are_full_is_not_congratulated() -> None:
    acme = Account()
    profile = Profile(name="Acme Corp", owner="Dana", mrr=500, licensed_seats=5)
    acme.knows({"mau": 5, "mau_previous": 20, "days_known": 90}, profile=profile)
    assert acme.record is not None
    assert list(acme.record.signals) == ["breadth_collapsed"]


def test_an_inhibited_rule_starts_nothing_and_ends_nothing() -> None:
    """Silence says enough of who left; but who was known to have left before stays the reason."""
    later, before = Account(), Account()
    later.knows(QUIET, LEFT)
    assert later.up == ["silence"]
    before.knows(LEFT, CANCELS)
    before.knows(QUIET, LEFT, CANCELS)
    assert set(before.up) == {"cancellation_requested", "silence", "champion_gone"}


def test_it_is_over_when_nothing_fires_that_opens_one_and_says_why() -> None:
    acme = Account()
    acme.knows(QUIET)
    over = acme.knows(BACK).transitions[-1]
    assert (over.kind, over.reason, over.recovered) == ("resolved", "Somebody has logged in again", True)
    assert acme.up == []


def test_it_says_what_became_of_what_people_were_told_of_and_what_ended_last() -> None:
    acme = Account()
    acme.knows(CANCELS)
    acme.knows(CANCELS, QUIET)
    acme.knows(QUIET, {"cancellation_requested": 0, "subscriptions_active": 1})
    over = acme.knows(BACK, {"cancellation_requested": 0, "subscriptions_active": 1}).transitions[-1]
    assert over.alert is not None
    assert headline(build_message("resolved", over.alert, None, None, {})) == (
        "✅ Acme Corp: they withdrew the request to cancel; somebody has logged in again"
    )


def test_an_account_that_churned_has_no_signals_and_its_red_flag_ends_with_the_cause() -> None:
    acme = Account()
    acme.knows(QUIET, CANCELS)
    over = acme.knows(QUIET, CANCELS, {"lifecycle_stage": "churned"}).transitions[-1]
    assert (over.kind, over.reason) == ("resolved", "The account has churned")
    again = acme.knows(QUIET, FEW, {"lifecycle_stage": "churned"})
    assert (again.changes, again.signals) == ((), ())


def test_a_customer_who_returns_begins_a_new_episode() -> None:
    acme = Account()
    acme.knows(QUIET)
    acme.knows(QUIET, {"lifecycle_stage": "churned"})
    acme.knows(QUIET, {"lifecycle_stage": "active"}, days=60)
    assert (acme.flag.episode, acme.up) == (2, ["silence"])


def test_a_red_flag_that_is_accepted_as_the_new_normal_ends_and_counts_again_once_worse() -> None:
    acme = Account()
    acme.knows({"mau": 10, "mau_previous": 20})
    command = Acknowledge(
        command_id="c", by="ann", at=MONDAY, account_id="acme", alert_id=acme.flag.alert_id, accept=True
    )
    found = apply_command(acme.record, command, MONDAY + timedelta(days=2), CONTEXT)
    acme.record = found.record
    assert acme.up == []
    assert "ann accepts it as the new normal" in found.transitions[-1].reason
    acme.knows({"mau": 9, "mau_previous": 11})
    assert acme.up == [], "the same, or a little less, is accepted"
    acme.knows({"mau": 4, "mau_previous": 9})
    assert acme.up == ["breadth_collapsed"]
    assert acme.flag.severity == "critical"


def test_an_account_whose_pages_are_over_while_its_red_flag_is_up_is_not_evaluated_in_a_circle() -> None:
    """Half a year after the page nothing is left to tell, however often it is looked at."""
    acme = Account()
    acme.knows(CANCELS, {"mau": 10, "mau_previous": 20})
    acme.knows({"cancellation_requested": 0, "subscriptions_active": 1, "mau": 10, "mau_previous": 20})
    assert acme.up == ["breadth_collapsed"]
    assert acme.record is not None
    assert acme.report is not None
    now = MONDAY + timedelta(days=400)
    found = evaluate_rules(acme.record, acme.report, default_rules(), now, CONTEXT)
    assert found.record is not None
    due = next_due(found.record, acme.report, default_rules(), CONTEXT, now)
    assert due is None or due - now > timedelta(hours=1)


def test_words_and_numbers_of_a_red_flag_are_those_of_today() -> None:
    acme = Account()
    acme.knows({"days_since_active": 8, "silence_limit_days": 3})
    first = acme.flag.headline
    acme.knows({"days_since_active": 50, "silence_limit_days": 3}, days=42)
    assert first != acme.flag.headline
    assert "no logins for 35 working days" in acme.flag.headline
    acme.knows({"days_since_active": 3, "silence_limit_days": 3})
    silence = acme.flag.firing[0]
    assert (silence.severity, silence.severity_now) == ("critical", "info"), "as bad as it was, and what it is today"
    acme.knows({"days_since_active": 50, "silence_limit_days": 3})
    assert acme.flag.firing[0].severity_now == "critical"


def test_the_account_is_called_what_it_is_called_today() -> None:
    acme = Account()
    acme.knows(QUIET)
    acme.knows(QUIET, profile=Profile(name="Acme Holding", owner="Dana", mrr=500))
    assert acme.flag.account_name == "Acme Holding"


@pytest.mark.parametrize(
    ("why", "changes", "left"),
    [
        ("fired", ["firing"], ["firing"]),
        ("fired and got worse", ["firing", "worse"], ["worse"]),
        ("came and went between two digests", ["firing", "resolved"], []),
        ("ended", ["resolved"], ["resolved"]),
        ("ended and came back", ["resolved", "firing"], ["firing"]),
    ],
)
def test_a_digest_tells_the_last_of_what_happened_to_a_signal(why: str, changes: list[Any], left: list[str]) -> None:
    items = [
        DigestItem(owner="Dana", account_id="acme", rule="silence", change=change, at=MONDAY + timedelta(hours=at))
        for at, change in enumerate(changes)
    ]
    assert [item.change for item in collapse(items)] == left, why


def test_a_digest_reads_how_things_stand_when_it_is_written() -> None:
    """What is undone by then is left out, and every number is that of the moment."""
    acme = Account()
    items = list(acme.knows(GLAD, {"goals_off_track": 1, "outcome_pace_min": 0.8}).digest)
    acme.knows(GLAD, {"goals_off_track": 0, "outcome_pace_min": 1.0})
    assert acme.record is not None
    assert acme.report is not None
    entries = entries_of(items, {"acme": acme.record}, {"acme": acme.report})
    assert [(entry.section, entry.signal.rule) for entry in entries] == [("good_news", "promoter_follow_up")]
    found = daily_digest_notification("Dana", entries, MONDAY, MONDAY, 12)
    assert headline(found.message) == "🗞 Dana: Acme Corp has good news"
    text = as_text(found.message)
    assert "Acme Corp (health 80, 500 a month): 2 promoters to thank" in text
    assert "🚩" not in text
    assert "🚨" not in text


def test_the_next_step_of_a_low_score_is_that_of_what_leads_the_red_flag() -> None:
    """A page that says to call and a digest that says to train would leave its owner with a question."""
    acme = Account()
    silent = QUIET | {"days_since_active": 20}
    acme.knows(silent)
    low = acme.knows(silent, score=40.0, past=[40.0] * 14)
    assert [item.rule for item in low.digest] == ["score_low"]
    assert acme.record is not None
    assert acme.report is not None
    entries = entries_of(low.digest, {"acme": acme.record}, {"acme": acme.report})
    text = as_text(daily_digest_notification("Dana", entries, MONDAY, MONDAY, 12).message)
    assert "Next: call, do not write" in text


def test_what_a_page_tells_is_in_no_digest_of_the_same_day() -> None:
    acme = Account()
    found = acme.knows(QUIET, CANCELS)
    assert found.notifies
    assert found.digest == ()


def test_each_change_has_its_section() -> None:
    acme = Account()
    acme.knows(QUIET, GLAD, {"escalation_running_hours": 30})
    assert acme.record is not None
    signals = acme.record.signals
    assert section_of("firing", signals["silence"]) == "worse"
    assert section_of("firing", signals["escalation_open"]) == "due"
    assert section_of("firing", signals["promoter_follow_up"]) == "good_news"
    assert section_of("resolved", signals["silence"]) is None, "it fires again"
    acme.knows({"days_since_active": 3, "silence_limit_days": 3})
    assert section_of("worse", acme.record.signals["silence"]) is None, "somebody was back: that is no worse"


def test_a_digest_has_nothing_of_an_account_that_churned_meanwhile() -> None:
    """Not that it got better either: its flags have ended with the cause."""
    acme = Account()
    acme.knows(LEFT)
    items = list(acme.knows({"champions": 2, "champions_gone": 0, "key_users_active": ["ann", "bob"]}).digest)
    assert [item.change for item in items] == ["resolved"]
    for stage, sections in (("active", ["better"]), ("churned", [])):
        acme.knows({"lifecycle_stage": stage})
        assert acme.record is not None
        assert acme.report is not None
        entries = entries_of(items, {"acme": acme.record}, {"acme": acme.report})
        assert [entry.section for entry in entries] == sections


@pytest.mark.parametrize(
    ("owner", "days", "expected"),
    [
        (None, ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"), "2026-03-03 08:00"),
        (
            "Dana",
            ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
            "2026-03-02 13:00",
        ),  # New York
        (None, ("thursday",), "2026-03-05 08:00"),
    ],
)
def test_a_digest_is_written_at_its_owner_s_hour_of_a_working_day(
    owner: str | None, days: tuple[Any, ...], expected: str
) -> None:
    quiet = QuietSettings(working_days=days, owners={"Dana": "America/New_York"})
    at = next_digest(owner, MONDAY, AlertingConfig().lifecycle.daily_digest, quiet)
    assert f"{at:%Y-%m-%d %H:%M}" == expected


def test_a_digest_does_not_repeat_what_a_page_told_since() -> None:
    acme = Account()
    items = list(acme.knows(LEFT).digest)
    assert [item.rule for item in items] == ["champion_gone"]
    acme.knows(LEFT, CANCELS)
    assert acme.record is not None
    assert acme.report is not None
    assert acme.flag.notified_at is not None, "they ask to cancel: a page, which says who stopped, too"
    assert entries_of(items, {"acme": acme.record}, {"acme": acme.report}) == []


def test_a_digest_does_not_repeat_what_the_end_of_a_red_flag_told() -> None:
    acme = Account()
    late = {"escalation_running_hours": 100}
    acme.knows(CANCELS, late)
    items = list(acme.knows(CANCELS | {"cancellation_requested": 0}, late).digest)
    assert [(item.rule, item.change) for item in items] == [("cancellation_requested", "resolved")]
    assert acme.record is not None
    assert acme.report is not None
    assert len(entries_of(items, {"acme": acme.record}, {"acme": acme.report})) == 1, "news while the red flag is up"
    acme.knows(CANCELS | {"cancellation_requested": 0, "escalation_running_hours": 0})
    assert acme.flag.reason == "They withdrew the request to cancel; The escalation has ended"
    assert entries_of(items, {"acme": acme.record}, {"acme": acme.report}) == []


def test_people_whose_names_are_known_are_named_and_the_others_counted() -> None:
    """Of a champion who left long ago the report may not say the name any more."""
    report = make_report(names={"ann": "Ann Lee"})
    facts = AccountFacts(report, MONDAY)
    found = [facts.who(each) for each in (["ann", "bob"], ["bob"], ["bob", "cas"], [])]
    assert found == ["Ann Lee and 1 more", "1 person", "2 people", ""]
    nobody = AccountFacts(make_report(), MONDAY)
    assert nobody.who(["ann", "bob"]) == "ann and bob", "no directory: ids are all there is"
