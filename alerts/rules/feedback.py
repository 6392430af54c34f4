"""Answers to surveys: who is unhappy and waits, who is glad, and an account whose answers turned."""

from datetime import datetime
from typing import ClassVar, Final

from pydantic import Field

from alerts.account_facts import AccountFacts
from alerts.model import Channel, Number, Severity, Signal, Tone
from alerts.playbooks import Play
from alerts.rules.precondition import Precondition
from alerts.rules.result import Baseline, Firing, Resolved, RuleResult
from alerts.rules.rule import KEPT, UNKNOWN, Rule
from alerts.text import in_brackets, plural, within
from stream.measures.wording import whole

_DETRACTOR_FOLLOW_UP_PLAYS: Final = (
    Play(
        id="call_back",
        name="Call within two days",
        do="Call whoever answered. Listen first, ask what one thing would change the answer, and thank them.",
    ),
    Play(
        id="fix_one_thing",
        name="Fix one thing",
        do="Choose one thing that you can change within two weeks, and tell them when it is done.",
    ),
    Play(
        id="tell_product",
        name="Take it to the product team",
        do="Pass on the words as they were said, and bring back what will happen with them.",
        who="owner with product",
    ),
    Play(
        id="check_the_rest",
        name="See if they are alone",
        do="Look at the account's tickets and other answers; one unhappy voice is often the one that spoke.",
    ),
    Play(
        id="ask_again",
        name="Ask again",
        do="Ask for their view again after 90 days; the change is the result.",
    ),
)


class DetractorFollowUp(Rule):
    """Fires while a detractor's answer (NPS 0 to 6) waits for a contact of that person, or about that answer.

    Age and severity are those of the oldest detractor that waits; late is critical, and a page.

    Source: Festival: whoever gives a low answer is called, asked why, and told what came of it; after a week the call
    is late, and late is critical.
    """

    name: ClassVar[str] = "detractor_follow_up"
    about: ClassVar[str] = "an unhappy answer that nobody followed up"
    why: ClassVar[str] = "an unhappy customer who is called back often stays; one who is not tells others"
    rank: ClassVar[int] = 150
    preconditions: ClassVar[tuple[Precondition, ...]] = (Precondition("open_detractors", at_least=1),)
    tone: ClassVar[Tone] = "task"
    shows: ClassVar[tuple[str, ...]] = ("nps",)
    people: ClassVar[tuple[str, str]] = ("open_detractor_users", "open_detractors")
    plays: ClassVar[tuple[Play, ...]] = _DETRACTOR_FOLLOW_UP_PLAYS

    critical_channel: Channel | None = "page"
    late_days: float = Field(7, gt=0, le=90, description="waiting for so long is critical")

    def evaluate(self, facts: AccountFacts, signal: Signal | None, baseline: Baseline | None) -> RuleResult:
        """Firing while one waits, Resolved once none does."""
        waiting = facts.number("open_detractors")
        if waiting is None:
            return UNKNOWN
        if waiting < 1:
            return KEPT if signal is None else Resolved("Everybody who was unhappy has been followed up")
        days = facts.days_since("open_detractor_at", "open_detractor_days") or 0
        severity: Severity = "critical" if days >= self.late_days else "warning"
        count = round(waiting)
        gave = (
            f"{plural(count, 'person', 'people')} gave low NPS scores"
            if count > 1
            else "one person gave a low NPS score"
        )
        since = (
            f"; the oldest has waited {plural(round(days), 'day')}"
            if days >= 1 and count > 1
            else (f"; the answer has waited {plural(round(days), 'day')}" if days >= 1 else "")
        )
        who = facts.texts("open_detractor_users")
        named = in_brackets(facts.named(*self.people))
        return Firing(
            severity,
            f"has unhappy users: {gave} and nobody has replied{since}",
            f"{gave[0].upper()}{gave[1:]}{named} and nobody has replied{since}",
            {"answers": waiting, "days": days},
            tuple(who),
        )

    def due(self, facts: AccountFacts) -> datetime | None:
        """The day on which the oldest becomes late."""
        days = facts.days_since("open_detractor_at", "open_detractor_days")
        if (facts.number("open_detractors") or 0) < 1 or days is None or days >= self.late_days:
            return None
        return facts.start_of_day(facts.day + max(int(-(-(self.late_days - days) // 1)), 1))


class PromoterFollowUp(Rule):
    """Good news: a promoter's answer (NPS 9 or 10) waits for a thank-you, and perhaps for a question.

    Source: Festival: ask promoters for a reference or a review while they are glad; Math (advocacy).
    """

    name: ClassVar[str] = "promoter_follow_up"
    about: ClassVar[str] = "a glad answer that nobody thanked for"
    why: ClassVar[str] = "glad customers say yes to a reference or a review, while they are glad"
    rank: ClassVar[int] = 230
    preconditions: ClassVar[tuple[Precondition, ...]] = (Precondition("open_promoters", at_least="answers_min"),)
    tone: ClassVar[Tone] = "opportunity"
    shows: ClassVar[tuple[str, ...]] = ("nps",)
    plays: ClassVar[tuple[Play, ...]] = (
        Play(
            id="thank_you",
            name="Say thank you",
            do="Thank them in person, and ask what they like best; their words are better than ours.",
        ),
        Play(
            id="reference",
            name="Ask for a reference",
            do="Ask if they would talk to one other company, or be quoted in two sentences.",
            who="owner with marketing",
        ),
        Play(
            id="review",
            name="Ask for a review",
            do="Send the link to one review site, and make it a two-minute matter.",
            who="marketing",
        ),
        Play(
            id="referral",
            name="Ask who else",
            do="Ask which team or company they know would gain by it as they do.",
            who="account executive",
        ),
        Play(
            id="advisory",
            name="Invite them in",
            do="Offer a seat on the customer board or an early look at what comes next.",
        ),
    )

    answers_min: int = Field(1, ge=1, le=10_000)

    def evaluate(self, facts: AccountFacts, signal: Signal | None, baseline: Baseline | None) -> RuleResult:
        """Firing while enough wait, Resolved once none does."""
        waiting = facts.number("open_promoters")
        if waiting is None:
            return UNKNOWN
        if waiting < 1:
            return KEPT if signal is None else Resolved("Everybody who was glad has been thanked")
        if waiting < self.answers_min:
            return KEPT
        phrase = f"{plural(round(waiting), 'promoter')} to thank"
        return Firing("info", f"is glad: {phrase}", phrase, {"answers": waiting})


class AnswersTurned(Rule):
    """Fires while the answers of an account are bad: NPS, CSAT or effort, each from `answers_min` answers on.

    Or while the last people who answered NPS were detractors one after the other, `run_min` of them: an account of many
    promoters may turn long before its NPS does.

    Source: Five metrics (NPS is a direction) and Festival: one low answer is a person, several are an account.
    Where one of five people is a detractor, four in a row come by chance after one of 600 answers.
    """

    name: ClassVar[str] = "answers_turned"
    about: ClassVar[str] = "bad answers from several people"
    why: ClassVar[str] = "several low answers are an account, and not a person"
    rank: ClassVar[int] = 140
    preconditions: ClassVar[tuple[Precondition, ...]] = (
        Precondition("nps", at_most="nps_below"),
        Precondition("detractor_run", at_least="run_min"),
        Precondition("csat", at_most="csat_below"),
        Precondition("ces_mean", at_most="ces_below"),
    )
    plays: ClassVar[tuple[Play, ...]] = _DETRACTOR_FOLLOW_UP_PLAYS

    speaks_of: ClassVar[tuple[str, ...]] = ("nps", "csat", "ces_mean")

    opens: bool = True
    answers_min: int = Field(5, ge=1, le=10_000, description="so many answers of a kind at least")
    run_min: int = Field(4, ge=2, le=10_000, description="so many people in a row whose NPS answer is 0 to 6")
    nps_below: float = Field(-20, ge=-100, le=100)
    nps_critical_below: float = Field(-50, ge=-100, le=100)
    csat_below: float = Field(0.4, ge=0, le=1, description="share of 4 and 5 among the answers")
    ces_below: float = Field(3.0, ge=1, le=7, description="mean effort answer, 7 is easiest")

    def evaluate(self, facts: AccountFacts, signal: Signal | None, baseline: Baseline | None) -> RuleResult:
        """Firing while one kind is bad, Resolved once none is."""
        found = self._nps(facts) or self._run(facts) or self._csat(facts) or self._ces(facts)
        if found is not None:
            return found
        if facts.number("nps") is None and facts.number("csat") is None and facts.number("ces_mean") is None:
            return UNKNOWN
        return KEPT if signal is None else Resolved("The answers are better again")

    def _nps(self, facts: AccountFacts) -> Firing | None:
        nps = facts.number("nps")
        if nps is None or nps >= self.nps_below or (count := facts.number("nps_responses") or 0) < self.answers_min:
            return None
        before = facts.number("nps_previous")
        severity: Severity = "critical" if nps < self.nps_critical_below else "warning"
        phrase = f"NPS {whole(nps)}"
        if before is not None and whole(before) != whole(nps):
            phrase = f"NPS went from {whole(before)} to {whole(nps)}"
        return self._firing(severity, f"{phrase} ({plural(round(count), 'answer')})", {"nps": nps, "answers": count})

    def _run(self, facts: AccountFacts) -> Firing | None:
        run = facts.number("detractor_run")
        if run is None or run < self.run_min:
            return None
        who = facts.texts("detractor_run_users")
        named = in_brackets(facts.named("detractor_run_users", "detractor_run"))
        last = f"last {run:.0f} people who answered NPS gave 6 or less"
        return Firing(
            "warning",
            f"has become unhappy: the {last}",
            f"The {last}{named}",
            {"detractors_in_row": run},
            tuple(who),
        )

    def _csat(self, facts: AccountFacts) -> Firing | None:
        csat = facts.number("csat")
        if csat is None or csat >= self.csat_below or (count := facts.number("csat_responses") or 0) < self.answers_min:
            return None
        phrase = f"{csat * count:.0f} of {count:.0f} people are satisfied (CSAT)"
        return self._firing("warning", phrase, {"csat": csat, "answers": count})

    def _ces(self, facts: AccountFacts) -> Firing | None:
        ces = facts.number("ces_mean")
        if ces is None or ces >= self.ces_below or (count := facts.number("ces_responses") or 0) < self.answers_min:
            return None
        return self._firing("warning", f"Ease (CES) is rated {ces:.1f} of 7 ({count:.0f} answers)", {"ces": ces})

    def _firing(self, severity: Severity, phrase: str, evidence: dict[str, Number]) -> Firing:
        return Firing(severity, f"has become unhappy: {within(phrase)}", phrase, evidence)
