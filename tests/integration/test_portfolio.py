"""The portfolio's process on a real broker: killed while it reads, started again, asked, and told something late."""

import json
import random
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import msgspec
import pytest
from kafka import KafkaProducer

from consumers.kafka_client import ensure_topics, read_to_end
from consumers.portfolio.days import day_number, parse_period
from consumers.portfolio.figures import BY_ID, FIGURES
from consumers.portfolio.query import Query
from consumers.portfolio.store import Store
from heartline.synthetic.business import business
from stream.config.settings import KafkaSettings
from stream.contracts.account_day import AccountDay
from stream.contracts.partitioner import partition_of
from stream.topics import Kind, Topics
from tests.integration.processes import Family
from tests.integration.roles import Role, wait_for
from tests.integration.topics import last_values
from tests.servers import Kafka
from tests.unit.consumers.portfolio.books import RULES, Event, moment_ms, records

END = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
TOKEN = "a-token-that-may-only-read"
PARTITIONS = 3


class Company:
    """A synthetic company on topics of its own."""

    def __init__(self, kafka: Kafka, prefix: str) -> None:
        self.kafka, self.topics = kafka, Topics(prefix)
        self.events = business(END, 150, 2)
        self.producer = KafkaProducer(bootstrap_servers=kafka.bootstrap_servers, linger_ms=20)

    def send(self, event: Event) -> None:
        key = str(event.get("account_id") or event.get("currency"))
        self.producer.send(
            self.topics.topic_of(event["type"]),
            json.dumps(event).encode(),
            key=key.encode(),
            partition=sum(key.encode()) % PARTITIONS,
            timestamp_ms=moment_ms(str(event.get("recorded_at", event["timestamp"]))),
        )


@pytest.fixture
def company(kafka: Kafka, prefix: str) -> Iterator[Company]:
    found = Company(kafka, prefix)
    yield found
    found.producer.close()


def started(company: Company, folder: Path) -> Family:
    env = {
        "KAFKA_BOOTSTRAP_SERVERS": company.kafka.bootstrap_servers,
        "HEARTLINE_KAFKA__TOPIC_PREFIX": company.topics.prefix,
        "HEARTLINE_KAFKA__PARTITIONS": str(PARTITIONS),
        "HEARTLINE_PORTFOLIO__METRICS_PORT": "null",
        "HEARTLINE_BOARD__READ_TOKEN": TOKEN,
    }
    folder.mkdir()
    return Family(["portfolio", "serve", "--port", "0", "--file", str(folder.parent / "p.duckdb")], folder, env)


def ask(family: Family, path: str, token: str | None = TOKEN, **more: Any) -> Any:
    url = family.out.partition("portfolio ready on ")[2].split()[0]
    request = Request(f"{url}/api/v1/{path}?{urlencode(more, doseq=True)}")
    if token is not None:
        request.add_header("Authorization", f"Bearer {token}")
    with urlopen(request, timeout=60) as answer:
        return json.load(answer)


def test_a_process_killed_while_it_reads_goes_on_and_counts_everything_once(company: Company, tmp_path: Path) -> None:
    with started(company, tmp_path / "one") as first:
        first.wait_said("the portfolio listens")
        random.Random(1).shuffle(company.events)  # late, and out of order across partitions
        company.events.sort(key=lambda event: event["event_id"])  # yet a correction after what it corrects
        for index, event in enumerate(company.events):
            company.send(event)
            if index == len(company.events) // 2:
                company.producer.flush()
                wait_for((tmp_path / "p.duckdb").exists, 30, "the file")
                time.sleep(0.3)  # somewhere in the middle of a transaction, or not
                first.process.kill()
                first.process.wait()
        company.producer.flush()
    with started(company, tmp_path / "two") as second:
        second.wait_said("portfolio ready on")
        store = Store(RULES)
        store.append(records(company.events))
        store.refresh()
        query = Query(store.cursor(), RULES, day_number(datetime.now(UTC).date()))
        quarter = f"{END.year}-Q{(END.month + 2) // 3}"
        expected = {each.figure: each for each in query.figures(list(FIGURES), [parse_period(quarter)])}
        found = {row["figure"]: row for row in ask(second, "portfolio/figures", period=quarter)["figures"]}
        for id_, value in expected.items():
            assert (found[id_]["numerator"], found[id_]["n"]) == (pytest.approx(value.numerator), value.n), id_
        assert BY_ID.keys() < found.keys()
        status = ask(second, "portfolio/status")
        assert (status["ready"], status["unusable"], status["accounts_to_derive"]) == (True, 0, 0)
        assert status["records"] == len(company.events)

        paying = next(row for row in ask(second, "portfolio/accounts", figure="arr", period=quarter))
        late = {
            "type": "subscription",
            "event_id": "late",
            "account_id": paying["account_id"],
            "subscription_id": "another",
            "status": "started",
            "amount": 1000,
            "currency": "EUR",
            "timestamp": END.isoformat(),
        }
        company.send(late | {"recorded_at": datetime.now(UTC).isoformat()})
        company.producer.flush()
        before = found["arr"]["minor"]

        def arr() -> int:
            (row,) = ask(second, "portfolio/figures", period=quarter, figure="arr")["figures"]
            return int(row["minor"])

        wait_for(lambda: arr() == before + 1_200_000, 30, "the late event's revenue")
        with pytest.raises(HTTPError, match="401"):
            ask(second, "portfolio/figures", token=None)
        assert "/api/v1/portfolio/figures" in ask(second, "openapi.json")["paths"]
        second.process.terminate()
        assert second.wait_ended() == 0


def test_the_days_of_accounts_reach_the_figures_through_kills_and_late_events(
    kafka: Kafka, prefix: str, tmp_path: Path
) -> None:
    """Worker to account-days to ledger to figure: each day once, and again only where something came late for it."""
    topics, today = Topics(prefix, f"{prefix}app"), datetime.now(UTC).date()
    begin, first = today - timedelta(days=30), today - timedelta(days=8)  # the worker starts on the first
    common = {
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "HEARTLINE_KAFKA__TOPIC_PREFIX": prefix,
        "HEARTLINE_KAFKA__APP_ID": topics.app_id,
        "HEARTLINE_KAFKA__PARTITIONS": str(PARTITIONS),
    }
    worker_env = common | {
        "HEARTLINE_WORKER__CLOCK": "event",
        "HEARTLINE_WORKER__CHECKPOINT_INTERVAL_SECONDS": "0.2",
        "HEARTLINE_WORKER__SESSION_TIMEOUT_SECONDS": "6",
        "HEARTLINE_WORKER__METRICS_PORT": "null",
    }
    ensure_topics(_settings(kafka, prefix), list(topics.inputs))
    producer, used = KafkaProducer(bootstrap_servers=kafka.bootstrap_servers), dict[str, list[tuple[date, str]]]()

    def send(kind: Kind, account: str, day: date, **more: Any) -> None:
        moment = datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=9, seconds=len(used))
        event = {"event_id": uuid.uuid4().hex, "account_id": account, "timestamp": moment.isoformat()} | more
        partition = partition_of(account, PARTITIONS)
        producer.send(topics.input(kind), json.dumps(event).encode(), key=account.encode(), partition=partition)

    def visit(account: str, day: date, user: str) -> None:
        used.setdefault(account, []).append((day, user))
        send("usage", account, day, user_id=user, feature="reports")

    def live(from_day: date, to_day: date) -> None:
        for number in range((to_day - from_day).days):
            for account, people in (("acme", 3), ("birch", 2)):
                visit(account, from_day + timedelta(days=number), f"u{number % people}")
        producer.flush()

    for account in ("acme", "birch"):
        send("account", account, begin, segment="smb", licensed_seats=10)
        priced = {"amount": 100, "currency": "EUR", "product": "core"}
        send("subscription", account, begin, subscription_id=account, status="started", **priced)
    live(begin, first)
    worker = Role(["worker"], worker_env, tmp_path / "worker.log")
    with worker:
        worker.start("worker ready")
        wait_for(lambda: len(last_values(kafka.bootstrap_servers, topics.health)) == 2, 60, "both are evaluated")
        live(first, first + timedelta(days=4))
        wait_for(lambda: len(_days(kafka, topics)) > 0, 60, "the first day is written")
        worker.kill()
        live(first + timedelta(days=4), today)
        worker.start("worker ready")
        late = first + timedelta(days=2)
        wait_for(lambda: ("acme", today - timedelta(days=2)) in _days(kafka, topics), 60, "all days until then")
        visit("acme", late, "late")
        producer.flush()
        time.sleep(0.3)  # before or after the state that knows of it is written
        worker.kill()
        worker.start("worker ready")
        live(today, today + timedelta(days=1))
        closed = [first + timedelta(days=number) for number in range((today - first).days)]

        def people(account: str, day: date) -> int:
            return len({user for at, user in used[account] if timedelta(0) <= day - at < timedelta(days=30)})

        wait_for(
            lambda: all(_days(kafka, topics).get(("acme", day), [0])[-1] == people("acme", day) for day in closed),
            60,
            "the late visit is in its day and those after it",
        )
        found = _days(kafka, topics)
        assert {key for key, versions in found.items() if len(versions) > 1} <= {
            ("acme", day) for day in closed if day >= late
        }, "nothing else is written twice"
        assert worker.stop() == 0
    producer.close()

    portfolio_env = common | {"HEARTLINE_PORTFOLIO__METRICS_PORT": "null", "HEARTLINE_BOARD__READ_TOKEN": TOKEN}
    command = ["portfolio", "serve", "--port", "0", "--file", str(tmp_path / "p.duckdb")]
    with Family(command, tmp_path / "portfolio", portfolio_env) as family:
        family.wait_said("portfolio ready on")
        period = f"{closed[0]}..{closed[-1]}"
        figures = ["active_user_rate", "health_score", "arr"]
        rows = ask(family, "portfolio/figures", period=period, figure=figures)["figures"]
        told = {(row["figure"], row["period"]): row for row in rows}
        for day in closed:
            active = told["active_user_rate", day.isoformat()]
            assert (active["numerator"], active["denominator"]) == (people("acme", day) + people("birch", day), 20), day
            assert told["health_score", day.isoformat()]["n"] == 2
            assert told["arr", day.isoformat()]["minor"] == 240_000
        family.process.terminate()
        assert family.wait_ended() == 0


def _days(kafka: Kafka, topics: Topics) -> dict[tuple[str, date], list[int | None]]:
    """By account and day the people of the last 30 days, in each version that was committed."""
    found: dict[tuple[str, date], list[int | None]] = {}
    for record in read_to_end(_settings(kafka, topics.prefix), topics.account_days):
        day = msgspec.json.decode(record.value, type=AccountDay)
        found.setdefault((day.account_id, day.day), []).append(day.mau)
    return found


def _settings(kafka: Kafka, prefix: str) -> KafkaSettings:
    return KafkaSettings(bootstrap_servers=kafka.bootstrap_servers, topic_prefix=prefix, partitions=PARTITIONS)
