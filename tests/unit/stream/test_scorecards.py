"""Scorecards from YAML: what is accepted, how every mistake is told, and which one an account gets."""

import contextlib
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.calendar.clock import ManualClock
from stream.calendar.day import DAY_MS, end_of_day_ms
from stream.config.settings import Settings
from stream.config.yaml_source import FILE_BYTES_MAX
from stream.contracts.errors import ConfigError
from stream.contracts.report import decode_report
from stream.kinds.state import AccountState
from stream.measures import measure
from stream.measures.catalogue import SCORABLE
from stream.measures.product_config import NO_PRODUCT_CONFIG, ProductConfig
from stream.measures.registry import MEASURES
from stream.scoring.scorecard import Line, Veto
from stream.scoring.scorecard_selection import scorecard_for
from stream.scoring.scorecard_yaml import read_scorecards
from stream.scoring.shipped import DEFAULT, SHIPPED
from stream.worker.account_partition import AccountPartition
from stream.worker.health_processor import HealthProcessor, make_processor
from tests.streams import CORE, TOPICS, Raw, fold, make_stream, record

LINE = "{weight: 1, curve: {0: 0, 10: 100}}"
PAGE = Path(__file__).resolve().parents[3] / "docs" / "scorecards.md"
GOOD = f"""
- name: big
  version: 2026-03
  for: {{segments: [enterprise], lifecycle_stages: [active, returned]}}
  coverage_min_ratio: 0.5
  dwell_days: 3
  bands:
    healthy: {{enter: 80, exit: 75}}
    watch: 50
    at_risk: {{enter: 25, exit: 20.5}}
  groups:
    adoption:
      weight: 30
      measures:
        mau: {{weight: 1, curve: {{0: 0, 10: 100}}, label: people, unit: days}}
        depth: {{weight: 2, curve: {{0: 0, 1: 100}}}}
    support:
      measures:
        open_tickets: {{weight: 7, curve: {{0: 100, 5: 0}}}}
  vetoes:
    - name: stuck
      measure: escalation_running_hours
      at_least: 72
      cap_score: 40
      label: an escalation runs for three days
- name: rest
  version: 1
  groups: {{use: {{measures: {{dau: {LINE}}}}}}}
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "cards.yaml"
    path.write_text(text, "utf-8")
    return path


def refusal(tmp_path: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read_scorecards(written(tmp_path, text))
    return str(caught.value).replace(str(tmp_path), "")


def test_everything_that_can_be_written_is_read(tmp_path: Path) -> None:
    big, rest = read_scorecards(written(tmp_path, GOOD)).cards
    assert (big.name, rest.name) == ("big@2026-03", "rest@1")
    assert big.lines[0] == Line("mau", "adoption", "usage", 10, ((0, 0), (10, 100)), "people", "days")
    assert big.lines[1] == Line("depth", "adoption", "usage", 20, ((0, 0), (1, 100)), "core features in use", "percent")
    assert (big.lines[2].weight, big.lines[2].source) == (7, "tickets")  # a group without a weight has its measures'
    assert list(big.band_floors) == [("healthy", 80), ("watch", 50), ("at_risk", 25), ("critical", 0)]
    assert list(big.band_exits) == [("healthy", 75), ("watch", 50), ("at_risk", 20.5), ("critical", 0)]
    label = "an escalation runs for three days"
    assert big.vetoes == (Veto("stuck", "escalation_running_hours", "tickets", 72, None, 40, label, "hours"),)
    assert (big.segments, big.lifecycle_stages) == (frozenset({"enterprise"}), frozenset({"active", "returned"}))
    assert (big.coverage_min_ratio, big.dwell_days) == (0.5, 3)
    assert [card.remembers for card in (big, rest)] == [True, False]
    assert (rest.coverage_min_ratio, rest.dwell_days) == (0.3, 0)
    assert rest.band_floors == DEFAULT.band_floors


def test_the_example_of_the_documentation_is_a_good_one(tmp_path: Path) -> None:
    example = PAGE.read_text("utf-8").split("```yaml\n")[1].split("```")[0]
    names = [card.name for card in read_scorecards(written(tmp_path, example)).cards]
    assert names == ["enterprise@3", "everyone@1"]


def one(body: str, version: str = "1") -> str:
    return f"- name: own\n  version: {version}\n{body}"


def measures(text: str) -> str:
    return one(f"  groups:\n    use:\n      measures:\n        {text}\n")


FINE = f"  groups: {{use: {{measures: {{dau: {LINE}}}}}}}\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (measures(f"maus: {LINE}"), "/cards.yaml:6: [0].groups.use.measures.maus: there is no measure 'maus'"),
        (measures(f"maus: {LINE}"), "did you mean mau"),
        (measures(f"feature_status: {LINE}"), "there is no measure 'feature_status' that is a number"),
        (
            measures("dau: {weight: 0, curve: {0: 0, 1: 1}}"),
            ":6: [0].groups.use.measures.dau.weight = 0: expected greate",
        ),
        (measures("dau: {weight: -1, curve: {0: 0, 1: 1}}"), "weight = -1: expected greater than 0"),
        (measures("dau: {weight: much, curve: {0: 0, 1: 1}}"), "weight = 'much': expected a valid number"),
        (measures("dau: {weight: .nan, curve: {0: 0, 1: 1}}"), "weight = .nan: expected a finite number"),
        (measures("dau: {weight: .inf, curve: {0: 0, 1: 1}}"), "weight = .inf: expected a finite number"),
        (measures("dau: {weight: true, curve: {0: 0, 1: 1}}"), "weight = true: expected a valid number"),
        (measures("dau: {weight: , curve: {0: 0, 1: 1}}"), "weight = nothing: expected a valid number"),
        (
            measures("dau: {weight: 1, answers_min: 3, curve: {0: 0, 1: 1}}"),
            "dau.answers_min = 3: is of measures of answers",
        ),
        (measures("nps: {weight: 1, answers_min: 0, curve: {0: 0, 1: 1}}"), "answers_min = 0: expected greater than"),
        (measures("dau: {curve: {0: 0, 1: 1}}"), "[0].groups.use.measures.dau.weight: is missing"),
        (measures("dau: {weight: 1, curve: {0: 0}}"), "expected 2 to 50 points of value: score"),
        (measures("dau: {weight: 1, curve: {1: 0, 0: 5}}"), "expected values that ascend"),
        (measures("dau: {weight: 1, curve: {a: 0, 1: 5}}"), "curve.a = 0: expected a number before the colon"),
        (measures("dau: {weight: 1, curve: {0: 0, 1: 101}}"), "curve.1 = 101: expected less than or equal to 100"),
        (measures("dau: {weight: 1, curve: [0, 1]}"), "curve = a list: expected a mapping"),
        (measures("dau: {weight: 1, curve: {0: 0, 1: 1}, unit: miles}"), "unit = 'miles': expected 'count', 'percent'"),
        (measures("dau: {wieght: 1}"), "dau.wieght: not known here; did you mean weight? accepted are weight, curve"),
        (measures(f"dau: {LINE}\n        dau: {LINE}"), ":7: [0].groups.use.measures.dau: stands here twice"),
        (
            one(f"  groups: {{a: {{measures: {{dau: {LINE}}}}}, b: {{measures: {{dau: {LINE}}}}}}}"),
            "[0].groups.b.measures.dau: is in another group, too",
        ),
        (
            one("  groups: {a: {weight: 0, measures: {dau: " + LINE + "}}}"),
            "[0].groups.a.weight = 0: expected greater than 0",
        ),
        (one("  groups: {}"), "[0].groups: expected at least 1 item"),
        (one("  groups: {a: {measures: {}}}"), "[0].groups.a.measures: expected at least 1 item"),
        (one(""), ": [0].groups: is missing"),
        (one(FINE, version=""), "version = nothing: expected a valid string"),
        (one(FINE + "  bands: {healthy: 50, watch: 50, at_risk: 25}\n"), "thresholds cross"),
        (one(FINE + "  bands: {healthy: 40, watch: 50, at_risk: 25}\n"), "[0].bands.healthy = 40: thresholds cross"),
        (
            one(FINE + "  bands: {healthy: {enter: 75, exit: 76}, watch: 50, at_risk: 25}\n"),
            "bands.healthy: thresholds",
        ),
        (one(FINE + "  bands: {healthy: 75, watch: {enter: 50, exit: 20}, at_risk: 25}\n"), "bands.watch: thresholds"),
        (
            one(FINE + "  bands: {healthy: 175, watch: 50, at_risk: 25}\n"),
            "bands.healthy = 175: expected less than or eq",
        ),
        (one(FINE + "  bands: {healthy: 75, watch: 50}\n"), "[0].bands: at_risk is missing"),
        (one(FINE + "  dwell_days: 365\n"), "dwell_days = 365: expected less than or equal to 90"),
        (one(FINE + "  coverage_min_ratio: 30\n"), "coverage_min_ratio = 30: expected less than or equal to 1"),
        (
            one(FINE + "  for: {lifecycle_stages: [old]}\n"),
            "lifecycle_stages[0] = 'old': expected 'trial', 'onboar",
        ),
        (one(FINE + "  for: {segments: [smb]}\n"), "[0].for: the last scorecard, own@1, must be for all accounts"),
        (one(FINE + "  for: {}\n"), "leave `for` out where it is for all"),
        (one(FINE) + one(FINE), "[1].name = 'own': two scorecards have this name and version, own@1"),
        (one(FINE) + one(FINE, "2"), "[0]: own@1 is for all; no scorecard behind it is ever chosen"),
        (
            one(
                FINE
                + "  vetoes: ["
                + ", ".join(["{name: n, measure: dau, at_most: 0, cap_score: 9, label: x}"] * 2)
                + "]"
            ),
            "vetoes[1].name = 'n': two vetoes have this name",
        ),
        (
            one(FINE + "  vetoes: [{name: override, measure: dau, at_most: 0, cap_score: 9, label: x}]\n"),
            "vetoes[0].name = 'override': expected a name that is not a measure's, nor override",
        ),
        (
            one(FINE + "  vetoes: [{name: dau, measure: dau, at_most: 0, cap_score: 9, label: x}]\n"),
            "vetoes[0].name = 'dau': expected a name that is not a measure's",
        ),
        (
            one(FINE + "  vetoes: [{name: n, measure: dau, at_most: 0, at_least: 0, cap_score: 9, label: x}]\n"),
            "[0].vetoes[0]: expected either at_least or at_most",
        ),
        ("name: own\n", " = a mapping: expected a valid list"),
        ("[]", ": expected at least 1 item"),
        ("", "empty; expected a list of scorecards"),
        ("a: [", "not valid YAML"),
        ("!!python/object/apply:os.system [ls]", " = a list: expected a plain value"),
        ("[" * 5000, "nested too deeply"),
        ("[" * 30 + "]" * 30, ":1: nested more than 20 deep"),
        ("a: &a [*a]", "its aliases make more than 100000 values|nested more than 20 deep"),
        (
            "a: &a [1,1,1,1,1,1,1,1,1]\n"
            + "".join(
                f"{b}: &{b} [*{a},*{a},*{a},*{a},*{a},*{a},*{a},*{a}]\n"
                for a, b in zip("abcdefg", "bcdefgh", strict=True)
            ),
            "its aliases make more than 100000 values",
        ),
        ("#" * (FILE_BYTES_MAX + 1), f"larger than {FILE_BYTES_MAX} bytes"),
    ],
)
def test_every_mistake_names_its_place_and_what_is_accepted(tmp_path: Path, text: str, told: str) -> None:
    said = refusal(tmp_path, text)
    assert any(part in said for part in told.split("|")), said


def test_all_mistakes_are_told_at_once_in_the_order_of_their_lines(tmp_path: Path) -> None:
    said = refusal(tmp_path, measures(f"maus: {LINE}") + "  bands: 7\n  color: red\n").splitlines()
    assert [line.split(":")[1] for line in said[1:]] == ["6", "7", "8"]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: No such file"):
        read_scorecards(tmp_path / "nowhere.yaml")


@given(st.integers(0, 1 << 32))
def test_a_broken_file_is_refused_and_never_crashes(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    """Lines lost, doubled and words replaced: either still good, or refused in words."""
    rng = random.Random(seed)
    lines = GOOD.splitlines()
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(lines))
        word = rng.choice(
            ["", "null", "-1", "[", "{}", "*x", "&x", "true", "1e999", "<<: 1", "? a", "2020-01-01", "\x07"]
        )
        lines[at : at + 1] = rng.choice(
            [[], [lines[at], lines[at]], [lines[at].replace("mau", word)], [lines[at] + word]]
        )
    path = tmp_path_factory.getbasetemp() / "broken.yaml"
    path.write_text("\n".join(lines), "utf-8")
    with contextlib.suppress(ConfigError):
        assert read_scorecards(path).cards


SEATS: Raw = {
    **{
        "type": "subscription",
        "event_id": "seats",
        "account_id": "acme",
        "subscription_id": "own",
        "status": "started",
    },
    **{"seats": 9, "timestamp": 20_060 * DAY_MS},
}


def test_a_scorecard_may_name_every_measure_that_is_a_number_and_no_other() -> None:
    numbers: set[str] = set()
    others = {name for name, found in MEASURES.items() if found.unit == "word"}
    for seed in range(30):
        _, partition = fold([*make_stream(seed, 400, 150), SEATS])
        for state in partition.states.values():
            key_action = "export" if seed % 2 else "never"
            product = ProductConfig(frozenset({key_action}), ("export", "never"), launches=(("never", 20_100),))
            found = measure(state, end_of_day_ms(state.usage.newest_day), CORE, product)
            numbers |= {name for name, value in found.items() if isinstance(value, int | float)}
            others |= {name for name, value in found.items() if isinstance(value, dict | list)}
    assert numbers == set(SCORABLE)
    assert numbers | others == set(measure(AccountState(), 0))


# The choice


@pytest.mark.parametrize(
    ("segment", "stage", "name"),
    [
        ("enterprise", "active", "big@2026-03"),
        ("enterprise", "trial", "rest@1"),  # all conditions must hold
        ("smb", "active", "rest@1"),
        (None, None, "rest@1"),
    ],
)
def test_an_account_gets_the_first_scorecard_that_is_for_it(
    tmp_path: Path, segment: str | None, stage: str | None, name: str
) -> None:
    cards = read_scorecards(written(tmp_path, GOOD))
    assert cards.choose({"segment": (segment, 0)}, stage).name == name
    assert SHIPPED.choose({"segment": (segment, 0)}) is DEFAULT


@pytest.mark.parametrize(
    ("first_day", "given", "name"),
    [
        (19_990, None, "rest@1"),  # derived: onboarding
        (19_850, None, "big@2026-03"),  # derived: active
        (19_700, None, "big@2026-03"),  # derived: active, and long so
        (19_700, "trial", "rest@1"),  # given, and that counts
    ],
)
def test_the_stage_is_derived_where_the_feed_gives_none(
    tmp_path: Path, first_day: int, given: str | None, name: str
) -> None:
    cards = read_scorecards(written(tmp_path, GOOD))
    use: Raw = {"type": "usage", "event_id": "e", "account_id": "acme", "user_id": "u", "feature": "f"}
    profile: Raw = {"type": "account", "account_id": "acme", "segment": "enterprise", "lifecycle_stage": given}
    _, partition = fold([use | {"timestamp": first_day * DAY_MS}, profile])
    state = partition.states["acme"]
    assert scorecard_for(cards, state, end_of_day_ms(20_000), frozenset(), NO_PRODUCT_CONFIG).name == name
    assert scorecard_for(SHIPPED, state, end_of_day_ms(20_000), frozenset(), NO_PRODUCT_CONFIG) is DEFAULT


def test_the_worker_judges_by_the_scorecards_of_its_settings(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    processor = make_processor(Settings(scorecards=path), ManualClock(end_of_day_ms(20_000)))
    partition = AccountPartition(0)
    profile = {"type": "account", "account_id": "acme", "segment": "enterprise", "lifecycle_stage": "active"}
    use = {"type": "usage", "event_id": "e", "account_id": "acme", "user_id": "u", "feature": "f"}
    processor.fold(partition, TOPICS.input("usage"), [record("usage", use | {"timestamp": 20_000 * DAY_MS})])
    told = [published(processor, partition)]
    processor.fold(partition, TOPICS.input("account"), [record("account", profile)])
    told.append(published(processor, partition))
    assert told == [["rest@1"], ["big@2026-03"]]
    with pytest.raises(ConfigError, match=r"wrong scorecards"):
        make_processor(Settings(scorecards=written(tmp_path, one(""))))


def published(processor: HealthProcessor, partition: AccountPartition) -> list[str]:
    for _ in processor.evaluate(partition):
        pass
    outputs, partition.outputs = partition.outputs, []
    return [decode_report(output.value or b"").scorecard for output in outputs]
