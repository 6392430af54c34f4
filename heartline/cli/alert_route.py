"""`heartline alert test-route`: who would be told of an alert, and why."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from heartline.cli.options import BootstrapServers, Config, Json, load_settings

if TYPE_CHECKING:
    from alerts.routing import Decision, Subject
    from stream.contracts.report import HealthReport

_PROFILE = "Wins over what the account's report says."


def would_tell(
    rule: Annotated[str, typer.Option("--rule", metavar="RULE", help="The broken rule, such as score_low.")],
    account: Annotated[
        str | None,
        typer.Option("--account", metavar="ID", help="An account; its segment, owner and so on are read from Kafka."),
    ] = None,
    severity: Annotated[Literal["warning", "critical"], typer.Option("--severity", help="Of the alert.")] = "warning",
    segment: Annotated[str | None, typer.Option("--segment", help=_PROFILE)] = None,
    owner: Annotated[str | None, typer.Option("--owner", help=_PROFILE)] = None,
    stage: Annotated[str | None, typer.Option("--stage", help=f"The lifecycle stage. {_PROFILE}")] = None,
    band: Annotated[str | None, typer.Option("--band", help=_PROFILE)] = None,
    mrr: Annotated[float | None, typer.Option("--mrr", help=_PROFILE)] = None,
    renews_in: Annotated[
        int | None, typer.Option("--renews-in", metavar="DAYS", help=f"Days to the renewal. {_PROFILE}")
    ] = None,
    bootstrap_servers: BootstrapServers = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Say who would be told of an alert, by which route, and why the other routes were passed. Nothing is sent.

    No secret is needed. Without --account nothing is read from Kafka: what the options leave out is unknown.

    [bold]Examples[/]

    \b
    heartline alert test-route --account ridge-robotics --rule score_low --severity critical
    heartline alert test-route --rule silence --segment enterprise --owner "Dana Fields"
    """
    from datetime import UTC, datetime

    from alerts.account_facts import AccountFacts
    from alerts.routing import Subject

    report = _report(account, config, bootstrap_servers) if account is not None else None
    profile = report.profile if report is not None else None
    facts = AccountFacts(report, datetime.now(UTC)) if report is not None else None
    about = Subject(
        rule=rule,
        severity=severity,
        account=account,
        segment=segment or (profile.segment if profile is not None else None),
        owner=owner or (profile.owner if profile is not None else None),
        lifecycle_stage=stage or (facts.stage if facts is not None else None),
        band=band or (report.band if report is not None else None),
        mrr=mrr if mrr is not None else (facts.mrr if facts is not None else None),
        currency=facts.currency if mrr is None and facts is not None else None,
        days_to_renewal=renews_in if renews_in is not None else (facts.days_to_renewal if facts is not None else None),
    )
    decision = _decide(config, about)
    if as_json:
        from dataclasses import asdict

        print(json.dumps({"about": asdict(about), **asdict(decision)}, ensure_ascii=False))
        return
    for line in _lines(about, decision):
        print(line)


def _report(account: str, config: Path | None, bootstrap_servers: str | None) -> "HealthReport":
    """The account's report; ends the command where it has none."""
    from heartline.cli.account import tell_missing
    from heartline.topics.current_reports import find_report

    found = find_report(load_settings(config, bootstrap_servers).kafka, account)
    if found.report is None:
        tell_missing(account, found)
        print(
            "or say what the routes look at: --segment, --owner, --stage, --band, --mrr, --renews-in", file=sys.stderr
        )
        raise typer.Exit(1)
    return found.report


def _decide(config: Path | None, about: "Subject") -> "Decision":
    """What the routes of this installation say; the receivers' secrets are left where they are."""
    from alerts.config import SETTINGS_RECEIVER, read_config
    from alerts.route_settings import make_routes
    from alerts.routing import everything_to
    from consumers.alerting.settings import AlertingSettings
    from stream.config.settings import load
    from stream.contracts.errors import ConfigError

    settings = load(AlertingSettings, config)
    alerting = read_config(settings.alerting.config)
    if about.rule not in alerting.book.names:
        raise ConfigError(f"--rule {about.rule}: there is no such rule; there are {', '.join(alerting.book.names)}")
    names = [*alerting.receivers]
    if settings.slack.webhook_url is not None and SETTINGS_RECEIVER not in names:
        names.append(SETTINGS_RECEIVER)
    routes = make_routes(alerting.routes, alerting.money) if alerting.routes is not None else everything_to(*names)
    return routes.decide(about)


def _lines(about: "Subject", decision: "Decision") -> list[str]:
    """The decision for people."""
    facts = (
        ("account", about.account),
        ("segment", about.segment),
        ("owner", about.owner),
        ("lifecycle stage", about.lifecycle_stage),
        ("band", about.band),
        ("mrr", None if about.mrr is None else f"{about.mrr:g} {about.currency or ''}".rstrip()),
        ("renewal", None if about.days_to_renewal is None else f"in {about.days_to_renewal:,} days"),
    )
    lines = [f"{about.rule}, {about.severity}: " + ", ".join(f"{name} {value or 'unknown'}" for name, value in facts)]
    for routed in decision.routed:
        lines.append(f"  told    {routed.receiver}, by route {routed.route!r}: {routed.reason}")
    lines += [f"  nobody  by route {name!r}, on purpose: it has no receivers" for name in decision.silent]
    if not decision.routed and not decision.silent:
        lines.append("  nobody  no route takes it; is a receiver configured?")
    lines += [f"  passed  route {name!r}: {why}" for name, why in decision.passed]
    return lines
