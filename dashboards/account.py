"""One account: its score and what drives it, its users, features, tickets and answers, with its alerts as annotations.

Only the accounts that have series of their own (the worst and the pinned) are here; the board shows every account.
"""

from typing import Final

from grafana_foundation_sdk.builders.dashboard import AnnotationQuery, Dashboard, DashboardLink, QueryVariable, Row
from grafana_foundation_sdk.models.dashboard import DashboardLinkType, VariableRefresh, VariableSort

from dashboards.style import (
    BAD,
    GOOD,
    NEUTRAL,
    PROMETHEUS,
    SCORE_STEPS,
    WARNING,
    board_address,
    dashboard,
    lines,
    number,
    stacked,
)

_ONE: Final = 'account="$account"'


def measure(name: str) -> str:
    """The query of one measure of the account."""
    return f'heartline_account_measure{{{_ONE},measure="{name}"}}'


def account() -> Dashboard:
    """The dashboard."""
    board = dashboard("account", "account", "One account of those with series of their own: the worst and the pinned.")
    board.with_variable(
        QueryVariable("account")
        .label("Account")
        .query("label_values(heartline_account_info, account)")
        .datasource(PROMETHEUS)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
    )
    board.with_variable(board_address())
    board.link(
        DashboardLink("This account on the board")
        .type(DashboardLinkType.LINK)
        .url("${board}/accounts/${account:percentencode}")
        .target_blank(True)
    )
    board.annotation(
        AnnotationQuery()
        .name("Red flags")
        .datasource(PROMETHEUS)
        .enable(True)
        .icon_color(BAD)
        .expr(f"heartline_account_alerts_open{{{_ONE}}}")
    )
    _now(board)
    _score(board)
    _use(board)
    _voice(board)
    return board


def _now(board: Dashboard) -> None:
    board.with_row(Row("Now"))
    board.with_panel(
        number(
            "Health",
            "Score 0 to 100, higher is healthier.",
            f"heartline_account_health_score{{{_ONE}}}",
            "none",
            SCORE_STEPS,
        )
        .decimals(0)
        .min(0)
        .max(100)
    )
    board.with_panel(
        number(
            "In seven days",
            "Change of the score against seven days ago, points; unknown unless it fell.",
            f"heartline_account_score_change_7d_points{{{_ONE}}}",
            "none",
            ((None, BAD), (-15, WARNING), (-5, NEUTRAL)),
        ).decimals(0)
    )
    board.with_panel(number("Weekly active users", "Distinct users in 7 days.", measure("wau"), "none"))
    board.with_panel(
        number(
            "Licences in use",
            "Users active in 30 days over licensed seats; over 100 % is room for expansion.",
            measure("license_utilization"),
            "percentunit",
            ((None, BAD), (0.4, WARNING), (0.7, GOOD)),
        ).decimals(0)
    )
    board.with_panel(
        number(
            "Open tickets", "Tickets open now.", measure("open_tickets"), "none", ((None, GOOD), (3, WARNING), (6, BAD))
        )
    )
    board.with_panel(
        number(
            "Days silent",
            "Days since anyone of the account used the product.",
            measure("days_since_active"),
            "d",
            ((None, GOOD), (7, WARNING), (30, BAD)),
        )
    )


def _score(board: Dashboard) -> None:
    board.with_row(Row("Score"))
    board.with_panel(
        lines(
            "Health over time",
            "The score; red flags of the account are marked.",
            "none",
            (f"heartline_account_health_score{{{_ONE}}}", "score"),
        )
        .min(0)
        .max(100)
    )
    board.with_panel(
        stacked(
            lines(
                "What keeps it from 100",
                "Points of 100 that each measure takes from the score, its largest ones.",
                "none",
                (f"heartline_account_points_lost{{{_ONE}}}", "{{measure}}"),
            )
        ).min(0)
    )


def _use(board: Dashboard) -> None:
    board.with_row(Row("Use"))
    board.with_panel(
        lines(
            "Active users",
            "Distinct users of the trailing 1, 7 and 30 days.",
            "none",
            *((measure(name), name) for name in ("dau", "wau", "mau")),
            span=8,
        ).min(0)
    )
    board.with_panel(
        lines(
            "Frequency",
            "Mean active days per active user in 30 days.",
            "none",
            (measure("frequency_30d"), "active days in 30"),
            span=8,
        ).min(0)
    )
    board.with_panel(
        lines(
            "Features",
            "Features used in 30 days.",
            "none",
            (measure("features_30d"), "features in 30 days"),
            span=8,
        ).min(0)
    )


def _voice(board: Dashboard) -> None:
    board.with_row(Row("Support and voice"))
    board.with_panel(
        lines(
            "Tickets",
            "Open now, urgent among them, and opened in 30 days.",
            "none",
            (measure("open_tickets"), "open"),
            (measure("open_urgent_tickets"), "urgent"),
            (measure("tickets_opened_30"), "opened in 30 days"),
            span=8,
        ).min(0)
    )
    board.with_panel(
        lines(
            "Longest running escalation",
            "Hours since the oldest ticket that is escalated was escalated.",
            "h",
            (measure("escalation_running_hours"), "hours"),
            span=8,
        ).min(0)
    )
    board.with_panel(
        lines(
            "NPS",
            "Net promoter score of 90 days, -100 to 100; nothing without answers.",
            "none",
            (measure("nps"), "nps"),
            span=8,
        )
        .min(-100)
        .max(100)
    )
