"""Settings: where they are read from, and the one message that a wrong one gets."""

import time
from pathlib import Path
from typing import Any

import pytest

from stream.config.settings import KafkaSettings, Settings, load
from stream.config.yaml_source import FILE_BYTES_MAX
from stream.contracts.errors import ConfigError


@pytest.fixture(autouse=True)
def no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.startswith("HEARTLINE_") or name in {"KAFKA_BOOTSTRAP_SERVERS", "REDIS_URL"}:
            monkeypatch.delenv(name)


def yaml_file(folder: Path, text: str | bytes) -> Path:
    path = folder / "heartline.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def refusal(path: Path | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        load(Settings, path)
    return str(caught.value)


def test_without_anything_set_the_defaults_work() -> None:
    settings = load(Settings)
    assert settings.kafka.bootstrap_servers == "localhost:9092"
    assert settings.kafka.topics.health == "account-health"
    assert settings.feeds == {}


def test_the_environment_wins_over_yaml_and_yaml_over_the_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = yaml_file(tmp_path, "kafka: {partitions: 6, app_id: yaml}\nworker: {clock: event}\n")
    monkeypatch.setenv("HEARTLINE_CONFIG", str(path))
    monkeypatch.setenv("HEARTLINE_KAFKA__PARTITIONS", "24")
    settings = load(Settings)
    assert (settings.kafka.partitions, settings.kafka.app_id, settings.worker.clock) == (24, "yaml", "event")
    assert settings.kafka.replication_factor == 1  # what neither says stays


def test_a_named_file_wins_over_the_environments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEARTLINE_CONFIG", str(tmp_path / "missing.yaml"))
    assert load(Settings, yaml_file(tmp_path, "kafka: {partitions: 3}")).kafka.partitions == 3


@pytest.mark.parametrize(("value", "port"), [(None, 9101), ("", 9101), ("0", 0), ("9200", 9200), ("null", None)])
def test_null_in_the_environment_means_none(
    value: str | None, port: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if value is not None:
        monkeypatch.setenv("HEARTLINE_WORKER__METRICS_PORT", value)
    assert load(Settings).worker.metrics_port == port


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({"KAFKA_BOOTSTRAP_SERVERS": "everyday:1"}, "everyday:1"),  # wins over the file
        ({"HEARTLINE_KAFKA__BOOTSTRAP_SERVERS": "long:1"}, "long:1"),
        ({"KAFKA_BOOTSTRAP_SERVERS": "everyday:1", "HEARTLINE_KAFKA__BOOTSTRAP_SERVERS": "long:1"}, "long:1"),
        ({"KAFKA_BOOTSTRAP_SERVERS": ""}, "yaml:1"),  # empty is unset
        ({}, "yaml:1"),
    ],
)
def test_the_everyday_names_are_read_and_the_long_ones_win(
    env: dict[str, str], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    path = yaml_file(tmp_path, "kafka: {bootstrap_servers: 'yaml:1', app_id: mine}")
    settings = load(Settings, path)
    assert (settings.kafka.bootstrap_servers, settings.kafka.app_id) == (expected, "mine")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "kafka: {partitions: 0}",
            [".yaml:1: kafka.partitions = 0: expected greater than or equal to 1"],
        ),
        ("kafka: {partitions: many}", ["kafka.partitions = 'many'", "valid integer"]),
        (
            "kafka: {partitons: 6}",
            ["kafka.partitons: not known here; did you mean partitions?"],
        ),  # a slip is told, not ignored
        ("kafka: {security_protocol: TLS}", ["kafka.security_protocol = 'TLS'", "'SASL_SSL' or 'SASL_PLAINTEXT'"]),
        ("kafka: {topic_prefix: 'a b'}", ["kafka.topic_prefix = 'a b'"]),  # no Kafka topic name
        ("kafka: 5", ["kafka = 5"]),
        ("worker: {clock: sun}", ["worker.clock = 'sun'", "'wall' or 'event'"]),
        ("worker: {checkpoint_interval_seconds: .nan}", ["worker.checkpoint_interval_seconds = .nan"]),
        ("worker: {metrics_port: 70000}", ["worker.metrics_port = 70000", "65535"]),
        ("feeds: {invoices: {}}", ["feeds.invoices", "'outcome', 'subscription' or 'user'"]),
        ("feeds: {usage: {fields: [a]}}", ["feeds.usage.fields = a list: expected a mapping"]),
        ("product: {core_features: export}", ["product.core_features = 'export'", "list"]),
    ],
)
def test_a_wrong_value_is_named_with_what_is_accepted(text: str, words: list[str], tmp_path: Path) -> None:
    path = yaml_file(tmp_path, text)
    message = refusal(path)
    assert message.startswith(f"wrong configuration:\n  {path}:1: ")
    for word in words:
        assert word in message


def test_all_wrong_values_stand_in_one_message(tmp_path: Path) -> None:
    message = refusal(yaml_file(tmp_path, "kafka: {partitions: 0, replication_factor: 99}\nworker: {clock: sun}"))
    assert [line.split(": ")[1].split(" = ")[0] for line in message.splitlines()[1:]] == [
        "kafka.partitions",
        "kafka.replication_factor",
        "worker.clock",
    ]


def test_a_wrong_value_in_the_environment_is_named_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEARTLINE_WORKER__METRICS_PORT", "http")
    assert "worker.metrics_port = 'http'" in refusal()
    assert "HEARTLINE_WORKER__METRICS_PORT" in refusal()


def test_mistakes_of_file_and_environment_stand_in_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEARTLINE_WORKER__CLOCK", "sun")
    path = yaml_file(tmp_path, "worker:\n  clock: wall\nkafka:\n  partitions: 0\n")
    assert refusal(path).splitlines() == [
        "wrong configuration:",
        f"  {path}:4: kafka.partitions = 0: expected greater than or equal to 1",
        "  HEARTLINE_WORKER__CLOCK: worker.clock = 'sun': expected 'wall' or 'event'",
    ]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("HEARTLINE_WORKR__CLOCK", "HEARTLINE_WORKR__CLOCK: no process has a section 'workr'; did you mean worker?"),
        ("HEARTLINE_WORKER__CLOK", "HEARTLINE_WORKER__CLOK: worker.clok: not known here; did you mean clock?"),
    ],
)
def test_a_slip_in_a_variables_name_is_told(name: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "wall")
    assert words in refusal()


def test_a_section_in_the_environment_that_is_not_json_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEARTLINE_FEEDS", "usage=org")
    assert '"feeds"' in refusal()
    assert "JSON" in refusal()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- kafka\n- worker", ":1: the file = a list: expected sections, as kafka or worker; there are alerting, "),
        ("just words", ":1: the file = 'just words': expected sections"),
        ("5: {partitions: 1}", ":1: 5: no process has such a section; accepted are alerting"),
        (
            "kafak: {partitions: 1}",
            ":1: kafak: no process has such a section; did you mean kafka?",
        ),
        ("kafka: {partitions: 1", "not valid YAML"),
        (
            "kafka: !!python/object/apply:os.system ['true']",
            "kafka = a list: expected a plain value",
        ),
        (b"\xff\xfe\xfd", "not valid YAML"),
        ("[" * 50_000, "nested too deeply"),
        ("kafka: " + "9" * 10_000, "kafka = 9999999999"),  # an integer longer than Python reads
        ("#" * (FILE_BYTES_MAX + 1), "larger than 1048576 bytes"),
    ],
    ids=lambda value: str(value)[:16],
)
def test_a_file_that_is_no_configuration_is_refused(text: str | bytes, words: str, tmp_path: Path) -> None:
    path = yaml_file(tmp_path, text)
    message = refusal(path)
    assert message.startswith((f"configuration {path}:", f"wrong configuration:\n  {path}:1: "))
    assert words in message


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "kafka: {}\n", "redis: {url: x}\nslack: {}\n"])
def test_an_empty_file_and_other_processes_sections_are_fine(text: str, tmp_path: Path) -> None:
    assert load(Settings, yaml_file(tmp_path, text)) == load(Settings)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert "No such file or directory; check the path" in refusal(tmp_path / "nowhere.yaml")
    assert "Is a directory" in refusal(tmp_path)


def test_aliases_of_aliases_do_not_blow_up(tmp_path: Path) -> None:
    """Nine levels of nine: written out it would be gigabytes."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    started = time.process_time()
    message = refusal(yaml_file(tmp_path, "\n".join([*lines, "kafka: {bootstrap_servers: *a9}"])))
    assert message.endswith("its aliases make more than 100000 values of it")
    assert time.process_time() - started < 5


def test_an_alias_of_itself_is_refused(tmp_path: Path) -> None:
    assert "nested more than 20 deep" in refusal(yaml_file(tmp_path, "feeds: &a {usage: *a}"))


SECRET = "s3cr3t-of-ours"


@pytest.mark.parametrize(
    "text",
    [
        f"kafka: {{sasl_password: {SECRET}}}",
        f"kafka: {{sasl_password: [{SECRET}]}}",  # refused, and still not told
        f"kafka: {{sasl_password: {{{SECRET}: 1}}, partitions: 0}}",
    ],
)
def test_a_secret_is_in_no_message_and_no_repr(text: str, tmp_path: Path) -> None:
    path = yaml_file(tmp_path, text)
    try:
        shown = repr(load(Settings, path)) + str(load(Settings, path).kafka)
    except ConfigError as error:
        shown = str(error)
    assert SECRET not in shown
    assert "hidden" in shown or "**" in shown


def test_the_topics_carry_prefix_and_application_id() -> None:
    topics = KafkaSettings(topic_prefix="eu-", app_id="hl").topics
    assert topics.inputs == {
        "eu-product-usage": "usage",
        "eu-support-tickets": "ticket",
        "eu-survey-responses": "survey",
        "eu-account-updates": "account",
        "eu-touchpoints": "touchpoint",
        "eu-outcomes": "outcome",
        "eu-subscriptions": "subscription",
        "eu-users": "user",
    }
    assert (topics.health, topics.dead_letters) == ("eu-account-health", "eu-dead-letters")
    assert (topics.changelog, topics.repartition) == ("eu-hl-state-changelog", "eu-hl-repartition")
    assert topics.sources == [*topics.inputs, topics.aliases, topics.repartition]
    specs: dict[str, Any] = {spec.name: spec for spec in topics.specs(7)}
    assert {spec.partitions for spec in specs.values()} == {7}
    assert (
        specs[topics.health].config["cleanup.policy"] == specs[topics.changelog].config["cleanup.policy"] == "compact"
    )
    alerting = {topics.alerts, topics.alert_commands}
    assert alerting == {"eu-account-alerts", "eu-alert-commands"}
    assert set(specs) == {
        *topics.sources,
        topics.health,
        topics.dead_letters,
        topics.scorecard_reviews,
        topics.quarantine,
        topics.waiting_aliases,
        topics.changelog,
        *alerting,
        *topics.ledger,
    }
    assert {name for name, spec in specs.items() if spec.config.get("retention.ms") == "-1"} == set(topics.ledger)
    assert topics.ledger["eu-account-days"] == "account_day"
