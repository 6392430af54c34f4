"""Calibration: the model is the product's own score, its fit is held, and what it proposes can be used."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartline.backtest.buckets import Events
from heartline.backtest.landmarks import Landmark, Landmarks
from heartline.backtest.life import MonthEnd, Yardsticks, live
from heartline.calibrate.card_text import card_text
from heartline.calibrate.fit import Objective, as_it_is, fit
from heartline.calibrate.lines import interpolation, line_data
from heartline.calibrate.proposal import Proposal, propose, wanted_measures
from heartline.snapshot import decode_event, decoders_for
from heartline.synthetic import CORE_FEATURES, events
from stream.config.settings import Settings
from stream.contracts.report import Band
from stream.measures.product_config import NO_PRODUCT_CONFIG
from stream.scoring.scorecard import Line, Scorecard
from stream.scoring.scorecard_yaml import read_scorecards
from stream.scoring.shipped import DEFAULT, SHIPPED
from stream.topics import Source
from tests.examples import examples
from tests.unit.backtest.companies import write_churned, write_events
from tests.unit.heartline.test_cli import run

pytestmark = pytest.mark.xdist_group("scikit-learn")

FLOORS: tuple[tuple[Band, float], ...] = (("healthy", 75.0), ("watch", 50.0), ("at_risk", 25.0), ("critical", 0.0))


def card(*lines: Line) -> Scorecard:
    """A scorecard of lines, with the usual bands."""
    return Scorecard("own@1", lines, FLOORS, 0.2)


def line(measure: str, weight: float, *curve: tuple[float, float]) -> Line:
    """A line about usage."""
    return Line(measure, "use", "usage", weight, curve, measure)


@st.composite
def landmark_rows(draw: st.DrawFn) -> list[MonthEnd]:
    """Month-ends with three measures, of which some are unknown, in accounts that some were left by all."""
    value = st.one_of(st.none(), st.floats(0, 10))
    rows = draw(st.lists(st.tuples(value, value, st.integers(0, 3)), min_size=3, max_size=30))
    sources: frozenset[Source] = frozenset({"usage"})
    return [
        MonthEnd(30 * at, 5, {}, {"stickiness": one, "frequency_30d": two, "mau": mau}, sources)
        for at, (one, two, mau) in enumerate(rows)
    ]


@given(st.lists(st.floats(-5, 15), min_size=1), st.lists(st.floats(0, 100), min_size=3, max_size=3))
def test_interpolation_is_the_lines_own(values: list[float], scores: list[float]) -> None:
    """Between its points and beyond its ends."""
    own = line("mau", 1, (0.0, scores[0]), (4.0, scores[1]), (10.0, scores[2]))
    basis = interpolation(np.array(values), np.array([0.0, 4.0, 10.0]))
    assert basis.sum(axis=1) == pytest.approx(1)
    assert basis @ np.array(scores) == pytest.approx([own.score(value) for value in values])


def test_the_model_before_any_fit_is_the_products_score() -> None:
    """On a synthetic company with tickets and answers: unknown lines, deserted and silent accounts, new ones."""
    now = datetime(2026, 5, 20, 13, 30, tzinfo=UTC)
    decoders = decoders_for(Settings())
    lives: dict[str, Events] = {}
    for event in events(now, count=24):
        ms, found = decode_event(json.dumps(event).encode(), decoders, round(now.timestamp() * 1000))
        lives.setdefault(found.account_id, []).append((ms, found))
    core = frozenset(CORE_FEATURES)
    yardsticks = Yardsticks({"it": SHIPPED}, core, NO_PRODUCT_CONFIG, wanted_measures(DEFAULT))
    month_ends, scores = [], []
    for account_id, happened in lives.items():
        life = live(account_id, happened, yardsticks, round(now.timestamp()) // 86_400)
        assert life is not None
        month_ends += life.month_ends
        scores += [life.scores["it"][at.day - life.first_day] for at in life.month_ends]
    lines = [line_data(each, month_ends, DEFAULT.silent_weight_ratio) for each in DEFAULT.lines]
    model = as_it_is(lines).scores(lines)
    known = ~np.isnan(scores)
    assert known.sum() > 60
    assert len(np.unique(np.round(model[known]))) > 10
    assert model[known] == pytest.approx(np.array(scores)[known], abs=0.06)


@examples(25)
@given(landmark_rows(), st.randoms(use_true_random=False))
def test_the_gradient_is_that_of_the_objective(rows: list[MonthEnd], random: object) -> None:
    """Against differences, at any point within the bounds."""
    from scipy.optimize import approx_fprime

    lines = [
        line_data(line("stickiness", 3, (0, 10), (5, 60), (10, 90)), rows),
        line_data(line("frequency_30d", 1, (0, 100), (10, 0)), rows),
        line_data(line("mau", 0, (0, 0), (3, 100)), rows, is_new=True),
    ]
    event = np.arange(len(rows)) % 3 == 0
    objective = Objective(lines, event, slice(None))
    at = objective.start + np.random.default_rng(1).uniform(0.05, 0.3, len(objective.start))
    _, gradient = objective(at)
    assert gradient == pytest.approx(approx_fprime(at, lambda x: objective(x)[0], 1e-7), abs=1e-3, rel=1e-3)


def company(churned: int, *, tells: bool, accounts: int = 120, seed: int = 1) -> Landmarks:
    """Landmarks of accounts in which `wau` says nothing, and `mau` everything or nothing."""
    random = np.random.default_rng(seed)
    rows: list[Landmark] = []
    for index in range(accounts):
        leaves = index < churned
        for month in range(8):
            event = leaves and month >= 6
            mau = random.normal(4 if event and tells else 10, 2)
            measures = dict.fromkeys(wanted_measures(DEFAULT) | {"wau"}, None) | {
                "mau": max(mau, 0.5),
                "wau": random.uniform(0, 10),
                "use_vs_best": random.uniform(0.2, 1.0),
            }
            at = MonthEnd(index % 40 * 20 + month * 30, 12, {}, measures, frozenset({"usage"}))
            rows.append(Landmark(index, at, (8 - month) * 30, leaves, event))
    return Landmarks(
        np.array([row.account_index for row in rows]),
        np.array([row.at.day for row in rows]),
        np.array([row.days for row in rows], np.float64),
        np.array([row.churns for row in rows]),
        np.array([row.event for row in rows]),
        {},
        {},
        [],
        [],
        {},
        rows,
    )


OWN = card(
    line("use_vs_best", 70, (0.1, 0), (0.6, 60), (1.0, 100)),
    line("wau", 30, (0, 0), (10, 100)),
)


def test_a_measure_that_tells_becomes_a_line_and_the_gain_is_seen_on_other_accounts(tmp_path: Path) -> None:
    """And what is written can be used, and scores as it was measured."""
    marks = company(60, tells=True)
    found = propose(OWN, marks, replicates=200)
    assert found.moved
    new = {each.measure: each for each in found.lines}
    assert new["mau"].weight > 10
    assert found.after is not None
    assert found.gain is not None
    assert found.gain.interval is not None
    assert found.gain.interval.low > 0
    assert found.after.value > 0.8
    assert found.forward_after is not None
    assert found.forward_after.value > 0.7
    path = tmp_path / "own.yaml"
    path.write_text(card_text(found, 60, date(2026, 5, 20)))
    read = read_scorecards(path).cards[-1]
    assert read.name == "own-calibrated@2026-05-20"
    lines = [line_data(each, [row.at for row in marks.rows]) for each in found.lines]
    again = [line_data(each, [row.at for row in marks.rows]) for each in read.lines]
    assert as_it_is(again).scores(again) == pytest.approx(as_it_is(lines).scores(lines), abs=0.5)
    assert dict(read.band_floors) == found.floors | {"critical": 0.0}


@pytest.mark.parametrize(
    ("marks", "says"),
    [
        (company(29, tells=True), "29 accounts churned within the horizon"),
        (company(60, tells=False), "did no better"),
        (company(4, tells=True), "4 accounts churned"),
    ],
    ids=["one too few", "nothing to learn", "hardly any"],
)
def test_nothing_moves_where_the_data_do_not_ask_for_it(marks: Landmarks, says: str, tmp_path: Path) -> None:
    """The file says so, and is the scorecard as it was."""
    found = propose(OWN, marks, replicates=50)
    assert not found.moved
    assert says in found.why
    assert found.lines == OWN.lines
    text = card_text(found, 60, date(2026, 5, 20))
    assert "Lines stay" in text
    path = tmp_path / "own.yaml"
    path.write_text(text)
    read = read_scorecards(path).cards[-1]
    assert [(each.measure, each.weight, each.curve) for each in read.lines] == [
        (each.measure, each.weight, each.curve) for each in OWN.lines
    ]


@examples(15)
@given(landmark_rows(), st.integers(0, 2**16))
def test_fitted_curves_stay_monotone_and_within_bounds(rows: list[MonthEnd], seed: int) -> None:
    """Whatever the data say: more of a good thing never costs points."""
    event = np.random.default_rng(seed).random(len(rows)) < 0.5
    lines = [
        line_data(line("stickiness", 3, (0, 10), (5, 60), (10, 90)), rows),
        line_data(line("frequency_30d", 1, (0, 100), (5, 50), (10, 0)), rows),
    ]
    found = fit(lines, event)
    rising, falling = found.curves
    assert (np.diff(rising) >= -1e-9).all()
    assert (np.diff(falling) <= 1e-9).all()
    assert min(rising.min(), falling.min()) >= -1e-9
    assert max(rising.max(), falling.max()) <= 1 + 1e-9
    assert found.weights.sum() == pytest.approx(1)
    assert (found.weights >= 0).all()


def test_the_command_writes_a_scorecard_that_the_product_reads(tmp_path: Path) -> None:
    """With twelve churned accounts nothing moves, and the header says so."""
    write_events(tmp_path / "events.jsonl")
    write_churned(tmp_path / "churned.csv")
    out = tmp_path / "own.yaml"
    given = [str(tmp_path / "events.jsonl"), "--churned", str(tmp_path / "churned.csv"), "--out", str(out)]
    result = run("calibrate", *given, "--horizon", "90d")
    assert result.exit_code == 0, result.output
    assert "12 churned accounts" in result.stdout
    assert "Lines stay" in result.stdout
    assert [each.measure for each in read_scorecards(out).cards[-1].lines] == [each.measure for each in DEFAULT.lines]
    validated = run("scorecard", "validate", str(out))
    assert validated.exit_code == 0, validated.output


def test_a_proposal_is_made_the_same_every_time() -> None:
    """Nothing depends on the machine's chance."""
    first: Proposal = propose(OWN, company(40, tells=True, accounts=60), replicates=50)
    second = propose(OWN, company(40, tells=True, accounts=60), replicates=50)
    assert first == second
