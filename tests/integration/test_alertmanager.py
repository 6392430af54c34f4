"""A real Alertmanager takes our alerts, keeps them while they are refreshed, and lets go of them when they are over."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from consumers.alerting.receivers.alertmanager import Alertmanager
from consumers.alerting.receivers.delivery import DeliveryStatus
from heartline.embedded.ports import free_ports
from tests.deadlines import HANG_SECONDS
from tests.integration.roles import wait_for
from tests.notifications import make_notification

pytestmark = pytest.mark.xdist_group("alertmanager")

NOW = datetime.now(UTC)
CONFIG = "route: {receiver: nobody, group_wait: 1s}\nreceivers: [{name: nobody}]\n"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its base; fails the test where there is no Alertmanager."""
    program = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
    if program is None:
        pytest.fail("no alertmanager on PATH: install it (Debian: prometheus-alertmanager), or run make test as root")
    folder: Path = tmp_path_factory.mktemp("alertmanager")
    (folder / "config.yml").write_text(CONFIG)
    base = f"http://127.0.0.1:{free_ports(1)[0]}"
    log = folder / "alertmanager.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [
                program,
                f"--config.file={folder / 'config.yml'}",
                f"--storage.path={folder / 'data'}",
                f"--web.listen-address={base.removeprefix('http://')}",
                "--cluster.listen-address=",
            ],
            stdout=out,
            stderr=out,
        )
    try:
        wait_for(lambda: ready(base), 30, f"Alertmanager is ready; its log: {log}")
        yield base
    finally:
        process.terminate()
        process.wait(HANG_SECONDS)


def ready(base: str) -> bool:
    try:
        with urlopen(f"{base}/-/ready", timeout=30) as result:
            return bool(result.status == 200)
    except OSError:
        return False


def firing(base: str) -> dict[str, Any]:
    """What it holds for active, by account."""
    with urlopen(f"{base}/api/v2/alerts?active=true", timeout=30) as result:
        return {alert["labels"]["account"]: alert for alert in json.load(result)}


def test_an_alert_is_there_while_it_is_open_and_gone_when_it_is_over(url: str) -> None:
    receiver = Alertmanager(
        "am", url, 5, resend_seconds=60, labels={"team": "cs"}, link="https://b.example/{account_id}"
    )
    opened = make_notification("hl-1:opened", account_id="acme", opened_at=NOW - timedelta(hours=1))
    assert receiver.send(opened, None).status is DeliveryStatus.DELIVERED
    wait_for(lambda: "acme" in firing(url), 30, "the alert is active")
    alert = firing(url)["acme"]
    assert alert["labels"] == {
        "alertname": "account_red_flag",
        "severity": "warning",
        "account": "acme",
        "segment": "mid-market",
        "owner": "Dana Fields",
        "source": "heartline",
        "team": "cs",
    }
    assert alert["generatorURL"] == "https://b.example/acme"
    assert alert["annotations"]["alert_id"] == "hl-1"
    assert datetime.fromisoformat(alert["startsAt"]) == opened.opened_at.replace(
        microsecond=opened.opened_at.microsecond // 1000 * 1000
    )

    assert receiver.resend([opened], NOW + timedelta(hours=1)).status is DeliveryStatus.DELIVERED
    assert datetime.fromisoformat(firing(url)["acme"]["endsAt"]) > NOW + timedelta(hours=1)

    over = make_notification("hl-1:resolved", account_id="acme", opened_at=opened.opened_at, resolved_at=NOW, at=NOW)
    assert receiver.send(over, None).status is DeliveryStatus.DELIVERED
    wait_for(lambda: "acme" not in firing(url), 30, "the alert is over")


def test_one_that_is_not_refreshed_ends_by_itself(url: str) -> None:
    """Heartline went for good: nobody is left with an alert that nobody will end."""
    receiver = Alertmanager("am", url, 5, resend_seconds=1, labels={})
    receiver.send(make_notification("hl-2:opened", account_id="globex", opened_at=NOW), None)
    wait_for(lambda: "globex" in firing(url), 30, "the alert is active")
    wait_for(lambda: "globex" not in firing(url), 20, "it ended")


def test_what_alertmanager_refuses_is_a_dead_letter(url: str) -> None:
    """It says 400 to an alert that ends before it began."""
    receiver = Alertmanager("am", url, 5, resend_seconds=60, labels={})
    odd = make_notification("hl-3:resolved", opened_at=NOW, resolved_at=NOW - timedelta(days=1))
    assert receiver.send(odd, None).status is DeliveryStatus.REJECTED
