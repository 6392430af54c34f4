"""The settings of the alerting process: one worded message for a wrong one, and never a secret in it."""

from pathlib import Path

import pytest

from consumers.alerting.settings import AlertingSettings
from consumers.redis_client import RedisSettings
from heartline.reference.settings_page import PROCESSES
from stream.config.settings import SECTIONS, KafkaSettings, load
from stream.contracts.errors import ConfigError
from stream.engine.fence import transactional_id

SECRET = "T000/B000/verysecret"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REDIS_URL", "KAFKA_BOOTSTRAP_SERVERS", "HEARTLINE_CONFIG"):
        monkeypatch.delenv(name, raising=False)


def test_the_defaults_need_no_configuration() -> None:
    """And tell nobody, listen on loopback only, and check the host of a webhook."""
    settings = load(AlertingSettings)
    assert settings.slack.webhook_url is None
    assert settings.alerting.metrics_host == "127.0.0.1"
    assert settings.group_id == "heartline-alerting"
    assert settings.slack.allowed_hosts == ["hooks.slack.com"]


def test_installations_that_differ_in_their_prefix_alone_share_nothing() -> None:
    """Neither groups, nor transactional ids, nor keys in one Redis: each of them would mix their states."""
    one, two = (AlertingSettings(kafka=KafkaSettings(topic_prefix=prefix)) for prefix in ("one.", "two."))
    for of in (
        lambda settings: settings.kafka.installation,
        lambda settings: transactional_id(settings.kafka.installation, 0),
        lambda settings: settings.group_id,
        lambda settings: settings.redis.key_prefix,
        lambda settings: settings.kafka.topics.changelog,
    ):
        assert of(one) != of(two)
    assert one.redis.key_prefix == "one.heartline:"


def test_a_key_prefix_that_is_set_stays() -> None:
    settings = AlertingSettings(kafka=KafkaSettings(topic_prefix="one."), redis=RedisSettings(key_prefix="shared:{0}:"))
    assert settings.redis.key_prefix == "shared:{0}:"


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Docker Compose hands on a variable that nobody set."""
    monkeypatch.setenv("HEARTLINE_SLACK__WEBHOOK_URL", "")
    assert load(AlertingSettings).slack.webhook_url is None


def test_the_sections_that_a_file_may_have_are_those_of_the_processes() -> None:
    """A section that none has is a slip; one that some process has must be known to all."""
    assert set(SECTIONS) == {name for settings in PROCESSES.values() for name in settings.model_fields}


def test_environment_goes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As everywhere in Heartline; other processes' sections are no error."""
    file = tmp_path / "heartline.yaml"
    file.write_text("worker: {clock: event}\nalerting: {segments_max: 3, worst_n: 5}\n")
    monkeypatch.setenv("HEARTLINE_ALERTING__SEGMENTS_MAX", "25")
    monkeypatch.setenv("REDIS_URL", "rediss://:pw@redis.example:6380/1")
    settings = load(AlertingSettings, file)
    assert settings.alerting.segments_max == 25
    assert settings.alerting.worst_n == 5
    assert settings.redis.url.get_secret_value() == "rediss://:pw@redis.example:6380/1"
    assert "pw" not in repr(settings)


@pytest.mark.parametrize(
    "url",
    [
        f"https://hooks.slack.com.evil.example/services/{SECRET}",  # a host that only begins alike
        f"https://evil.example/hooks.slack.com/{SECRET}",  # the right name in the wrong place
        f"https://hooks.slack.com@evil.example/{SECRET}",  # user information is not the host
        f"http://hooks.slack.com/services/{SECRET}",  # not encrypted
        f"https://127.0.0.1/{SECRET}",  # loopback, not allowed by default
        f"https://169.254.169.254/{SECRET}",  # a cloud's metadata
        f"file:///etc/{SECRET}",
        SECRET,
    ],
)
def test_a_webhook_elsewhere_is_refused_without_showing_it(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the setting and hides the value."""
    monkeypatch.setenv("HEARTLINE_SLACK__WEBHOOK_URL", url)
    with pytest.raises(ConfigError, match=r"slack\.webhook_url") as caught:
        load(AlertingSettings)
    assert "verysecret" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("name", "value", "url"),
    [
        ("ALLOWED_HOSTS", '["chat.example"]', f"https://chat.example/hooks/{SECRET}"),
        ("ALLOW_INSECURE_LOOPBACK", "true", f"http://127.0.0.1:8080/{SECRET}"),
        ("ALLOW_INSECURE_LOOPBACK", "true", f"http://[::1]:8080/{SECRET}"),
        ("ALLOW_INSECURE_LOOPBACK", "false", f"https://hooks.slack.com/services/{SECRET}"),
    ],
)
def test_a_webhook_that_the_operator_allows_is_taken(
    name: str, value: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And stays hidden in every rendering of the settings."""
    monkeypatch.setenv(f"HEARTLINE_SLACK__{name}", value)
    monkeypatch.setenv("HEARTLINE_SLACK__WEBHOOK_URL", url)
    settings = load(AlertingSettings)
    assert settings.slack.webhook_url is not None
    assert settings.slack.webhook_url.get_secret_value() == url
    assert "verysecret" not in f"{settings} {settings!r} {settings.model_dump()} {settings.model_dump_json()}"


def test_loopback_is_the_only_place_for_plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even when loopback is allowed."""
    monkeypatch.setenv("HEARTLINE_SLACK__ALLOW_INSECURE_LOOPBACK", "true")
    monkeypatch.setenv("HEARTLINE_SLACK__WEBHOOK_URL", "http://hooks.slack.com/services/x")
    with pytest.raises(ConfigError, match="https"):
        load(AlertingSettings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HEARTLINE_ALERTING__SEGMENTS_MAX", "-1"),
        ("HEARTLINE_ALERTING__CLOCK", "sundial"),
        ("HEARTLINE_ALERTING__WORST_N", "-1"),
        ("HEARTLINE_REDIS__KEY_PREFIX", "two words"),
        ("HEARTLINE_SLACK__MESSAGES_PER_SECOND", "0"),
        ("HEARTLINE_ALERTING__NO_SUCH_SETTING", "1"),
    ],
)
def test_a_wrong_value_is_named(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the variable to set."""
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=name):
        load(AlertingSettings)


def test_a_wrong_redis_address_is_named_and_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may hold a password."""
    monkeypatch.setenv("REDIS_URL", "http://:verysecret@localhost")
    with pytest.raises(ConfigError, match=r"redis\.url") as caught:
        load(AlertingSettings)
    assert "verysecret" not in str(caught.value)


@pytest.mark.parametrize("value", [f'"https://hooks.slack.com/services/{SECRET}"', f'["https://x/{SECRET}"]'])
def test_an_address_in_the_place_of_a_section_is_hidden(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when somebody writes `slack: https://...`."""
    monkeypatch.setenv("HEARTLINE_SLACK", value)
    with pytest.raises(ConfigError, match="slack") as caught:
        load(AlertingSettings)
    assert "verysecret" not in str(caught.value)
