"""The portfolio's process on a real broker: killed while it reads, started again, asked, and told something late."""

import json
import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from kafka import KafkaProducer

from consumers.portfolio.days import day_number, parse_period
from consumers.portfolio.figures import BY_ID, FIGURES
from consumers.portfolio.query import Query
from consumers.portfolio.store import Store
from heartline.synthetic.business import business
from stream.topics import Topics
from tests.integration.processes import Family
from tests.integration.roles import wait_for
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
        for place, event in enumerate(company.events):
            company.send(event)
            if place == len(company.events) // 2:
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
