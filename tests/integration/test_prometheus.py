"""A real Prometheus scrapes the processes, and what it stores is what the health topic says."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from dashboards.write import DASHBOARDS, built
from heartline.demo.slack_standin import SlackStandin
from heartline.embedded.ports import free_ports
from heartline.synthetic.company import CORE_FEATURES
from heartline.synthetic.events import events
from heartline.synthetic.success import CURRENCY
from stream.contracts.report import decode_report
from stream.topics import Topics
from tests.deadlines import HANG_SECONDS
from tests.integration.prometheus import Prometheus, prometheus
from tests.integration.roles import Role, wait_for
from tests.integration.topics import group_lag, last_values, unread
from tests.servers import Kafka

pytestmark = pytest.mark.xdist_group("prometheus")


@pytest.fixture(scope="module")
def scraped(
    kafka: Kafka, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Prometheus, Kafka, Topics]]:
    """A company with every kind of event, replayed through all processes, which a Prometheus watches."""
    folder = tmp_path_factory.mktemp("scraped")
    topics = Topics("scraped-", "scraped")
    ports = free_ports(3)
    with SlackStandin() as slack:
        env = {
            "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
            "REDIS_URL": redis_url,
            "HEARTLINE_KAFKA__TOPIC_PREFIX": "scraped-",
            "HEARTLINE_KAFKA__APP_ID": "scraped",
            "HEARTLINE_KAFKA__PARTITIONS": "2",
            "HEARTLINE_REDIS__KEY_PREFIX": "scraped:",
            "HEARTLINE_WORKER__CLOCK": "event",
            "HEARTLINE_WORKER__CHECKPOINT_INTERVAL_SECONDS": "0.2",
            "HEARTLINE_WORKER__METRICS_PORT": str(ports[0]),
            "HEARTLINE_PRODUCT__CORE_FEATURES": json.dumps(CORE_FEATURES),
            "HEARTLINE_ALERTING__CLOCK": "event",
            "HEARTLINE_ALERTING__METRICS_PORT": str(ports[1]),
            "HEARTLINE_ALERTING__WORST_N": "1000",
            "HEARTLINE_PORTFOLIO__METRICS_PORT": str(ports[2]),
            "HEARTLINE_PORTFOLIO__PORT": "0",
            "HEARTLINE_PORTFOLIO__CURRENCY": CURRENCY,
            "HEARTLINE_PORTFOLIO__FILE": str(folder / "portfolio.duckdb"),
            "HEARTLINE_SLACK__WEBHOOK_URL": slack.url,
            "HEARTLINE_SLACK__ALLOW_INSECURE_LOOPBACK": "true",
            "HEARTLINE_SLACK__MESSAGES_PER_SECOND": "1000",
        }
        company = folder / "company.jsonl"
        now = datetime(2026, 3, 2, 15, tzinfo=UTC)
        refused = {"type": "usage", "account_id": "acme", "event_id": "u", "timestamp": "2026-01-01T00:00:00Z"}
        lines = [*events(now, count=20), refused]  # so that there is a dead letter to count, too
        company.write_text("".join(json.dumps(event) + "\n" for event in lines), "utf-8")
        worker = Role(["worker"], env, folder / "worker.log")
        alerting = Role(["alerting"], env, folder / "alerting.log")
        portfolio = Role(["portfolio", "serve"], env, folder / "portfolio.log")
        replay = Role(["replay", str(company)], env, folder / "replay.log")
        with worker, alerting, portfolio, replay:
            worker.start("worker ready")
            alerting.start("alerting ready")
            portfolio.start("portfolio ready")
            names = ("worker", "alerting", "portfolio")
            targets = {name: f"127.0.0.1:{port}" for name, port in zip(names, ports, strict=True)}
            with prometheus(targets, folder) as server:
                wait_for(lambda: len(server.query("up == 1")) > 0, 20, "Prometheus has scraped")
                replay.start()
                assert replay.process is not None
                assert replay.process.wait(HANG_SECONDS) == 0, replay.output()
                servers = kafka.bootstrap_servers
                wait_for(
                    lambda: group_lag(servers, f"{topics.prefix}scraped", list(topics.inputs)) == 0,
                    60,
                    "everything is folded",
                )
                wait_for(
                    lambda: unread(servers, f"{topics.prefix}scraped-alerting", topics.health) == 0,
                    60,
                    "all is evaluated",
                )
                yield server, kafka, topics


def test_the_gauges_carry_the_scores_that_the_topic_carries(scraped: tuple[Prometheus, Kafka, Topics]) -> None:
    server, kafka, topics = scraped
    reports = [decode_report(value) for value in last_values(kafka.bootstrap_servers, topics.health).values()]
    expected = {
        frozenset({("account", report.account_id)}): report.score for report in reports if report.score is not None
    }

    assert expected
    wait_for(
        lambda: server.query("heartline_account_health_score") == pytest.approx(expected), 20, "the scores are scraped"
    )


def test_the_bands_add_up_to_the_accounts_on_the_topic(scraped: tuple[Prometheus, Kafka, Topics]) -> None:
    server, kafka, topics = scraped
    reports = [decode_report(value) for value in last_values(kafka.bootstrap_servers, topics.health).values()]
    expected = {frozenset({("band", band)}): 0 for band in ("healthy", "watch", "at_risk", "critical", "unknown")}
    for report in reports:
        expected[frozenset({("band", report.band)})] += 1

    wait_for(lambda: server.query("sum by (band) (heartline_accounts)") == expected, 20, "the bands are scraped")


def _queries() -> list[tuple[str, str, str]]:
    """(dashboard, panel, expression) of every query that Grafana would send, annotations and variables included."""
    found = []
    for name in DASHBOARDS:
        board = built(name)
        for panel in board["panels"]:
            found += [(name, panel["title"], target["expr"]) for target in panel.get("targets", [])]
        found += [(name, item["name"], item["expr"]) for item in board["annotations"].get("list", [])]
        for variable in (each for each in board["templating"].get("list", []) if each["type"] == "query"):
            found.append((name, variable["name"], f"count({variable['query'].split('(')[1].split(',')[0]})"))
    return found


@pytest.mark.parametrize(("dashboard", "panel", "expression"), _queries())
def test_every_panel_of_every_dashboard_gets_an_answer(
    scraped: tuple[Prometheus, Kafka, Topics], dashboard: str, panel: str, expression: str
) -> None:
    """The variables stand for what Grafana would put there: all segments, and an account that has what is asked."""
    server, _, _ = scraped
    if "$account" in expression:
        expression = expression.replace('account="$account"', 'account=~".+"')
    expression = expression.replace("$segment", ".*")

    wait_for(lambda: len(server.query(expression)) > 0, 20, f"{dashboard} / {panel}: {expression} returns series")


@pytest.mark.parametrize(
    "name",
    [
        "heartline:worker_lag_records:sum",
        "heartline:accounts_unknown:ratio",
        "heartline:dead_letters:ratio_rate15m",
        "segment:heartline_accounts_in_trouble:ratio",
        "segment:heartline_nps:value",
        "segment:heartline_license_utilization:ratio",
    ],
)
def test_the_recording_rules_record_what_is_scraped(scraped: tuple[Prometheus, Kafka, Topics], name: str) -> None:
    """The groups are evaluated every 15 seconds."""
    server, _, _ = scraped

    wait_for(lambda: len(server.query(name)) > 0, 30, f"{name} is recorded")
