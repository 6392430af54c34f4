"""Lives of an account as tables: given these reports and commands at these times, expect these messages at these times.

    given                         expect
    d1 09:00  health 40           d1 09:00  opened warning
    d1 10:00  acknowledge         d4 09:00..09:01  resolved
    d4 09:00  health 80

A time is a day (d1 is Monday, 2 March 2026) and a UTC time of day; `..` gives the end of a window on the same day, and
without it the message comes in that minute. `knows mau=4 mau_previous=20` is a report of such measures at health 80,
unless it says `score=`. Between the lines time passes as it does in the process: whatever is due
happens when it is due, without any report. `users 4` is a report of 4 monthly users after 20 in the month before, at
health 80: half of them gone is a warning, three quarters are critical. `users 4 champions=2` knows more besides.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from alerts.apply_command import apply_command
from alerts.commands import AlertCommand, decode_command
from alerts.config import AlertingConfig
from alerts.context import AlertContext, LifecycleSettings, PageSettings, PipelineIncident, ReminderSettings
from alerts.evaluation import AccountEvaluation, evaluate_rules, next_due
from alerts.model import AccountRecord
from alerts.red_flag import Transition
from alerts.silences import Silence
from stream.contracts.report import HealthReport, Profile
from tests.reports import make_report
from tests.true_words import check_evaluation

# Rules alone: no reminders, no follow-ups, and an episode that comes back is a new one.
RULES_ALONE = AlertContext(
    LifecycleSettings(
        reopen_within_hours=0,
        reminders=ReminderSettings(reminders_max=0),
        pages=PageSettings(every_days=0, score_every_days=0),
        follow_up_days=(),
    )
)

FIRST = datetime(2026, 3, 2, tzinfo=UTC)
PAYING = Profile(name="Acme Corp", segment="mid-market", owner="Dana Fields", mrr=500)
NEVER = datetime.max.replace(tzinfo=UTC)


def moment(text: str) -> datetime:
    """`d2 09:30` as a time."""
    day, clock = text.split()
    hours, minutes = clock.split(":")
    return FIRST + timedelta(days=int(day[1:]) - 1, hours=int(hours), minutes=int(minutes))


@dataclass
class Life:
    """One account's life under a configuration.

    Args:
        config: rules and lifecycle.
        silences: that hold from the beginning, as far as their times say.
    """

    config: AlertingConfig
    silences: tuple[Silence, ...] = ()
    record: AccountRecord | None = None
    report: HealthReport | None = None
    pipeline_incident: PipelineIncident | None = None
    closings: dict[int, float] = field(default_factory=dict)
    transitions: list[tuple[datetime, Transition]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    now: datetime = FIRST

    @property
    def context(self) -> AlertContext:
        """What surrounds the account now."""
        return AlertContext(self.config.lifecycle, self.silences, self.pipeline_incident)

    def live(self, given: str, until: str) -> None:
        """Go through the lines of a table, and on to a time."""
        for line in filter(None, (line.strip() for line in given.splitlines())):
            day, clock, what, *rest = line.split(maxsplit=3)
            self.pass_time(moment(f"{day} {clock}"))
            self._do(what, rest[0] if rest else "")
        self.pass_time(moment(until))

    def pass_time(self, until: datetime) -> None:
        """Let happen what is due."""
        while (due := self._due()) <= until:
            self.now = due
            assert self.report is not None
            self._take(evaluate_rules(self.record, self.report, self._rules(), due, self.context))
        self.now = until

    def told(self) -> list[tuple[datetime, str]]:
        """Every message: when, what it says, and the severity that people know after it."""
        found = []
        for at, step in self.transitions:
            if step.notification_id is not None and step.alert is not None:
                severity = step.alert.severity if step.notification_kind in ("opened", "reopened", "updated") else ""
                found.append((at, f"{step.notification_kind} {severity}".strip()))
        return found

    def told_by_rule(self) -> list[tuple[datetime, str]]:
        """The same, each with the rule's name in front."""
        steps = [step for _, step in self.transitions if step.notification_id is not None and step.alert is not None]
        rules = [step.alert.rule for step in steps if step.alert is not None]
        return [(at, f"{rule} {what}") for rule, (at, what) in zip(rules, self.told(), strict=True)]

    def _past(self) -> list[float]:
        """The closing score of each day before today, from the first that has one; it holds until the next."""
        closing, past = None, []
        for day in range((self.now - FIRST).days):
            closing = self.closings.get(day, closing)
            if closing is not None:
                past.append(closing)
        return past[-27:]

    def _due(self) -> datetime:
        if self.record is None or self.report is None:
            return NEVER
        return next_due(self.record, self.report, self._rules(), self.context, self.now) or NEVER

    def _rules(self) -> Sequence[Any]:
        assert self.report is not None
        return self.config.book.choose(self.report.profile)

    def _do(self, what: str, argument: str) -> None:
        if what == "health":
            score = None if argument == "unknown" else float(argument)
            self.report = make_report(score=score, as_of=self.now, past=self._past())
            if score is not None:
                self.closings[(self.now - FIRST).days] = score
            self._take(evaluate_rules(self.record, self.report, self._rules(), self.now, self.context))
        elif what == "knows":
            measures = {name: float(value) for name, value in (pair.split("=") for pair in argument.split())}
            score = measures.pop("score", 80.0)
            self.report = make_report(score=score, as_of=self.now, past=self._past(), measures=measures)
            self.closings[(self.now - FIRST).days] = score
            self._take(evaluate_rules(self.record, self.report, self._rules(), self.now, self.context))
        elif what == "users":
            count, *more = argument.split()
            measures = {"mau": float(count), "mau_previous": 20.0}
            measures |= {name: float(value) for name, value in (pair.split("=") for pair in more)}
            self.report = make_report(score=80.0, as_of=self.now, measures=measures, profile=PAYING)
            self._take(evaluate_rules(self.record, self.report, self._rules(), self.now, self.context))
        elif what == "again":
            assert self.report is not None
            self._take(evaluate_rules(self.record, self.report, self._rules(), self.now, self.context))
        elif what == "incident":
            self.pipeline_incident = PipelineIncident("lag", self.now, "events wait") if argument == "begins" else None
        else:
            self._take(apply_command(self.record, self._command(what, argument), self.now, self.context))

    def _command(self, what: str, argument: str) -> AlertCommand:
        """`snooze d2 09:00`, `verdict valid`, `start_play call`; the rest takes no argument."""
        import msgspec

        assert self.record is not None
        alert = self.record.alert
        assert alert is not None
        fields: dict[str, Any] = {"command": what, "command_id": f"c{self.now}", "by": "ann", "at": self.now}
        fields |= {"account_id": alert.account_id, "alert_id": alert.alert_id}
        extra = {"snooze": "until", "verdict": "verdict", "start_play": "play"}
        if what in extra:
            fields[extra[what]] = moment(argument) if what == "snooze" else argument
        command = decode_command(msgspec.json.encode(fields))
        assert not hasattr(command, "silence")
        return command  # type: ignore[return-value]

    def _take(self, evaluation: AccountEvaluation) -> None:
        self.record = evaluation.record
        if self.report is not None:
            self.texts += check_evaluation(evaluation, self.report, self.now, self._rules())
        self.transitions += [(self.now, step) for step in evaluation.changes]


def check(told: Sequence[tuple[datetime, str]], expect: str) -> None:
    """Every expected message within its window, and no other."""
    lines = [line.strip() for line in expect.splitlines() if line.strip()]
    shown = "\n".join(f"d{(at - FIRST).days + 1} {at:%H:%M}  {what}" for at, what in told)
    assert len(told) == len(lines), f"expected {len(lines)} messages, told:\n{shown}"
    for (at, what), line in zip(told, lines, strict=True):
        day, window, expected = line.split(maxsplit=2)
        first, _, last = window.partition("..")
        begin = moment(f"{day} {first}")
        end = moment(f"{day} {last}") if last else begin + timedelta(minutes=1)
        assert what == expected, f"{line!r}; told:\n{shown}"
        assert begin <= at <= end, f"{line!r}; told:\n{shown}"
