"""Sections `receivers` and `routes`: what may be written, where secrets are, and one worded message for a slip."""

from pathlib import Path

import pytest

from alerts.config import AlertingConfig, read_config
from alerts.routing import Subject
from consumers.alerting.receivers.from_settings import Receivers, make_receivers
from consumers.alerting.settings import SlackSettings
from stream.contracts.errors import ConfigError

SECRET = "verysecretverysecretverysecret12"
WHSEC = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

ALL_KINDS = """
money: {currency: USD}
receivers:
  team: {type: slack_webhook, url_env: TEAM_URL}
  bot: {type: slack_bot, token_file: %s, signing_secret_env: SIGNING, channel: C0123, mentions: {Dana Fields: U042}}
  hook: {type: webhook, url: "https://hooks.example/in", secret_env: HOOK_KEY}
  hidden-hook: {type: webhook, url_env: HOOK_URL, secret_env: HOOK_KEY}
  am: {type: alertmanager, url: "http://alertmanager:9093", labels: {team: cs}, username: u, password_env: AM_PASSWORD}
  pager: {type: pagerduty, routing_key_env: PAGER_KEY, messages_per_second: 5}
  mail: {type: email, host: smtp.example, from: cs@example.com, to: [dana@example.com], username: u, password_env: MAIL}
routes:
  - {name: large, match: {segment: [enterprise, strategic], mrr_at_least: 5e3}, receivers: [pager, bot], continue: true}
  - match: {owner: none}
    receivers: mail
    routes:
      - {match: {severity: critical}, receivers: [pager]}
  - receivers: [team]
"""

ENVIRON = {
    "TEAM_URL": f"https://hooks.slack.com/services/{SECRET}",
    "SIGNING": SECRET,
    "HOOK_KEY": WHSEC,
    "HOOK_URL": f"https://hooks.example/{SECRET}",
    "AM_PASSWORD": SECRET,
    "PAGER_KEY": SECRET,
    "MAIL": SECRET,
}


@pytest.fixture
def write(tmp_path: Path) -> "Write":
    """Write a configuration file."""
    return Write(tmp_path)


class Write:
    """Files of one test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def config(self, text: str) -> AlertingConfig:
        """A configuration, read."""
        file = self.folder / "alerting.yaml"
        file.write_text(text)
        return read_config(file)

    def all_kinds(self) -> AlertingConfig:
        """One receiver of each kind."""
        token = self.folder / "token"
        token.write_text(f"xoxb-{SECRET}\n")
        return self.config(ALL_KINDS % token)


def make(config: AlertingConfig, **environ: str) -> Receivers:
    return make_receivers(config, SlackSettings(), ENVIRON | environ)


def test_every_kind_of_receiver_is_made_and_hides_its_secrets(write: Write) -> None:
    """With its own pace, and the signing secret of the Slack app."""
    receivers = make(write.all_kinds())
    assert [channel.name for channel in receivers.channels] == [
        *("team", "bot", "hook", "hidden-hook", "am", "pager", "mail")
    ]
    assert [channel.messages_per_second for channel in receivers.channels][-2:] == [5, 1]
    assert [secret.get_secret_value() for secret in receivers.signing_secrets] == [SECRET]
    for text in (repr(receivers), str(receivers)):
        assert "secret" not in text.replace("signing_secrets", "").replace("SecretStr", "")


@pytest.mark.parametrize(
    ("about", "told"),
    [
        (Subject(rule="r", severity="warning", segment="strategic", mrr=5000.0, owner="Ada"), ("pager", "bot", "team")),
        (Subject(rule="r", severity="warning"), ("mail",)),
        (Subject(rule="r", severity="critical"), ("pager",)),
        (Subject(rule="r", severity="critical", owner="Ada"), ("team",)),
    ],
)
def test_routes_of_the_file_lead_where_they_say(write: Write, about: Subject, told: tuple[str, ...]) -> None:
    assert make(write.all_kinds()).routes.decide(about).receivers == told


def test_one_slack_webhook_of_the_settings_needs_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it was before there were receivers: it is told of everything."""
    slack = SlackSettings(webhook_url=f"https://hooks.slack.com/services/{SECRET}")
    receivers = make_receivers(read_config(), slack, {})
    assert receivers.routes.decide(Subject(rule="r", severity="warning")).receivers == ("slack",)
    assert make_receivers(read_config(), SlackSettings(), {}).channels == ()


def test_the_settings_webhook_stands_beside_the_files_receivers(write: Write) -> None:
    """Under the name slack, unless the file has a receiver of that name; without routes all are told."""
    slack = SlackSettings(webhook_url=f"https://hooks.slack.com/services/{SECRET}", messages_per_second=9)
    beside = write.config("receivers: {pager: {type: pagerduty, routing_key_env: PAGER_KEY}}")
    receivers = make_receivers(beside, slack, ENVIRON)
    assert receivers.routes.decide(Subject(rule="r", severity="warning")).receivers == ("pager", "slack")
    own = write.config("receivers: {slack: {type: slack_webhook, url_env: TEAM_URL, messages_per_second: 2}}")
    assert [channel.messages_per_second for channel in make_receivers(own, slack, ENVIRON).channels] == [2]


def test_a_route_to_a_webhook_that_the_settings_lack_is_named(write: Write) -> None:
    config = write.config("routes: [{receivers: [slack]}]")
    with pytest.raises(ConfigError, match=r"'slack' needs slack\.webhook_url"):
        make(config)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("receivers:\n  a: {type: pigeon}\n", 2, "receivers.a.type = 'pigeon': expected 'slack_webhook', 'slack_bot'"),
        ("receivers:\n  a:\n    type: pagerduty\n", 2, "receivers.a: expected either routing_key_env"),
        (
            f"receivers:\n  a:\n    type: pagerduty\n    routing_key: {SECRET}\n    routing_key_env: K\n",
            4,
            "receivers.a.routing_key: not known here; did you mean routing_key_env?",
        ),
        (
            f"receivers:\n  a:\n    type: slack_webhook\n    url: https://hooks.slack.com/{SECRET}\n",
            4,
            "receivers.a.url: not known here; did you mean url_env?",
        ),
        (
            f"receivers:\n  a:\n    type: slack_bot\n    channel: C0123\n    token_env: xoxb-{SECRET}\n",
            5,
            "receivers.a.token_env = (hidden)",
        ),
        ("receivers:\n  a: {type: slack_bot, token_env: T, channel: '#cs'}\n", 2, "receivers.a.channel = '#cs'"),
        (
            f"receivers:\n  a: {{type: webhook, secret_env: S, url: 'https://u:{SECRET}@x.example'}}\n",
            2,
            "receivers.a: it holds a user, a password or a query",
        ),
        ("receivers:\n  a: {type: webhook, secret_env: S, url: 'http://x.y'}\n", 2, "expected an https:// address"),
        ("receivers:\n  a: {type: webhook, secret_env: S}\n", 2, "expected one of url, url_env"),
        (
            "receivers:\n  a: {type: email, host: smtp.example, from: a@b.c, to: [d@e.f], security: none}\n",
            2,
            "security none is for this machine only",
        ),
        ("receivers:\n  a: {type: email, host: h, from: 'a@b.c Bcc: x@y.z', to: [d@e.f]}\n", 2, "receivers.a.from"),
        ("receivers:\n  a: {type: email, host: h, from: a@b.c, to: [d@e.f], username: u}\n", 2, "a username needs"),
        ("receivers:\n  two words: {type: pagerduty, routing_key_env: K}\n", 2, "receivers.two words"),
        ("routes:\n  - match: {segment: x}\n    receivers: [slack]\n", 2, "the last route must take everything"),
        ("routes: []\n", 1, "the last route must take everything"),
        ("routes:\n  - receivers: [pagr]\n", 2, "routes[0].receivers[0] = 'pagr': no receiver has this name"),
        ("routes:\n  - match: {}\n", 2, "a route needs receivers"),
        ("routes:\n  - receivers: [slack]\n    match: {colour: red}\n", 3, "routes[0].match.colour: not known here"),
        ("routes:\n  - receivers: [slack]\n    match: {mrr_at_least: -1}\n", 3, "routes[0].match.mrr_at_least = -1"),
    ],
)  # fmt: skip
def test_a_slip_is_named_with_file_line_field_and_value(write: Write, text: str, line: int, said: str) -> None:
    """And a secret that was written into the file by mistake is not repeated."""
    with pytest.raises(ConfigError) as caught:
        write.config(text)
    assert f"alerting.yaml:{line}: " in str(caught.value)
    assert said in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"PAGER_KEY": ""}, "receivers.pager.routing_key_env = PAGER_KEY: the environment variable is not set"),
        ({"TEAM_URL": f"http://hooks.slack.com/{SECRET}"}, "receivers.team.url (hidden): expected an https:// address"),
        (
            {"TEAM_URL": f"https://evil.example/{SECRET}"},
            "receivers.team.url (hidden): its host is not in allowed_hosts",
        ),
        (
            {"HOOK_URL": f"http://x.example/{SECRET}"},
            "receivers.hidden-hook.url (hidden): expected an https:// address",
        ),
        ({"HOOK_URL": f"file:///etc/{SECRET}"}, "receivers.hidden-hook.url (hidden)"),
        ({"HOOK_KEY": SECRET[:8]}, "receivers.hook.secret (hidden): expected whsec_"),
    ],
)
def test_a_secret_that_is_missing_or_none_is_named_and_not_shown(
    write: Write, environ: dict[str, str], said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        make(write.all_kinds(), **environ)
    assert said in str(caught.value)
    assert SECRET[:8] not in str(caught.value).replace("whsec_", "")


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "No such file"), ("", "the file is empty"), ("\n \n", "the file is empty"), (b"\xff\xfe", "not text")],
)
def test_a_secrets_file_that_holds_none_is_named(write: Write, content: str | bytes | None, said: str) -> None:
    config = write.all_kinds()
    token = write.folder / "token"
    token.unlink()
    if content is not None:
        token.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigError, match=r"receivers\.bot\.token_file = ") as caught:
        make(config)
    assert said in str(caught.value)
