"""Which accounts are in trouble, and how the whole portfolio moves. For customer-success teams and who leads them."""

from grafana_foundation_sdk.builders.dashboard import Dashboard, DashboardLink, QueryVariable, Row
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import DashboardLink as Link
from grafana_foundation_sdk.models.dashboard import VariableOption, VariableRefresh, VariableSort

from dashboards.style import (
    BAD,
    BAND_COLOURS,
    GOOD,
    NEUTRAL,
    PROMETHEUS,
    SCORE_STEPS,
    WARNING,
    bars,
    board_address,
    coloured,
    dashboard,
    lines,
    number,
    stacked,
)

_SEGMENT = 'segment=~"$segment"'
# Each account shown with its name, segment and owner as labels.
_NAMED = f"* on (account) group_left (name, segment, owner) heartline_account_info{{{_SEGMENT}}}"
_TO_BOARD = "${board}/accounts/${__field.labels.account:percentencode}"
_TO_ACCOUNT = "/d/heartline-account?var-account=${__field.labels.account}&${__url_time_range}"


def portfolio() -> Dashboard:
    """The dashboard."""
    board = dashboard("portfolio", "portfolio", "Which accounts are in trouble, and how the portfolio moves.")
    board.with_variable(
        QueryVariable("segment")
        .label("Segment")
        .query("label_values(heartline_accounts, segment)")
        .datasource(PROMETHEUS)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(VariableOption(selected=True, text="All", value="$__all"))
    )
    board.with_variable(board_address())
    _now(board)
    _bands(board)
    _movers(board)
    _value(board)
    _revenue(board)
    return board


def _now(board: Dashboard) -> None:
    board.with_row(Row("Now"))
    board.with_panel(
        number(
            "In trouble",
            "Accounts whose band is at risk or critical.",
            f'sum(heartline_accounts{{band=~"at_risk|critical",{_SEGMENT}}})',
            "none",
            ((None, GOOD), (1, WARNING)),
        )
    )
    board.with_panel(
        number(
            "Accounts",
            "All accounts that have a health report.",
            f"sum(heartline_accounts{{{_SEGMENT}}})",
            "none",
        )
    )
    board.with_panel(
        number(
            "Unknown",
            "Accounts with too little data for a score. Unknown is neither good nor bad: connect their data.",
            f'sum(heartline_accounts{{band="unknown",{_SEGMENT}}})',
            "none",
            ((None, NEUTRAL),),
        )
    )
    board.with_panel(
        number(
            "Red flags up",
            "Accounts with a red flag.",
            f"sum(heartline_segment_alerts_open{{{_SEGMENT}}}) or vector(0)",
            "none",
            ((None, GOOD), (1, WARNING)),
        )
    )
    board.with_panel(
        number(
            "NPS",
            "Net promoter score over the latest answer of each user in 90 days, all accounts' answers together.",
            f"100 * sum(heartline_nps_net_promoters{{{_SEGMENT}}}) / (sum(heartline_nps_responses{{{_SEGMENT}}}) > 0)",
            "none",
            ((None, BAD), (0, WARNING), (30, GOOD)),
        ).decimals(0)
    )
    board.with_panel(
        number(
            "Licences in use",
            "Users active in 30 days over licensed seats, of the accounts whose seats are known.",
            f"sum(heartline_licensed_active_users{{{_SEGMENT}}}) / (sum(heartline_licensed_seats{{{_SEGMENT}}}) > 0)",
            "percentunit",
            ((None, BAD), (0.4, WARNING), (0.7, GOOD)),
        ).decimals(0)
    )


def _bands(board: Dashboard) -> None:
    board.with_row(Row("Bands"))
    by_band = lines(
        "Accounts by band",
        "How many accounts are in each band.",
        "none",
        (f"sum by (band) (heartline_accounts{{{_SEGMENT}}})", "{{band}}"),
    )
    board.with_panel(coloured(stacked(by_band), BAND_COLOURS))
    board.with_panel(
        lines(
            "Share in trouble, by segment",
            "Accounts at risk or critical over all accounts of the segment whose health is known.",
            "percentunit",
            (
                f'sum by (segment) (heartline_accounts{{band=~"at_risk|critical",{_SEGMENT}}})'
                f' / (sum by (segment) (heartline_accounts{{band!="unknown",{_SEGMENT}}}) > 0)',
                "{{segment}}",
            ),
        ).min(0)
    )


def _movers(board: Dashboard) -> None:
    board.with_row(Row("Who"))
    links: list[Builder[Link]] = [
        DashboardLink("Its dashboard").url(_TO_ACCOUNT),
        DashboardLink("On the board").url(_TO_BOARD).target_blank(True),
    ]
    board.with_panel(
        bars(
            "Least healthy",
            "Score 0 to 100 of the least healthy accounts; click one to see why. Of a segment: those among the worst.",
            "none",
            f"bottomk(12, heartline_account_health_score {_NAMED})",
            "{{name}}",
            SCORE_STEPS,
        )
        .min(0)
        .max(100)
        .decimals(0)
        .data_links(links)
    )
    board.with_panel(
        bars(
            "Fell the most in seven days",
            "Change of the score against seven days ago, in points; click one to see why.",
            "none",
            f"bottomk(12, heartline_account_score_change_7d_points {_NAMED})",
            "{{name}}",
            ((None, BAD), (-15, WARNING), (-5, NEUTRAL)),
        )
        .max(0)
        .decimals(0)
        .data_links(links)
    )
    board.with_panel(
        stacked(
            lines(
                "Red flags up, by rule",
                "Accounts with a red flag, by the rule of the signal that leads.",
                "none",
                (f"sum by (rule) (heartline_segment_alerts_open{{{_SEGMENT}}})", "{{rule}}"),
            )
        )
    )
    board.with_panel(
        lines(
            "Red flags raised and ended",
            "A day, all segments; a red flag that comes back within its window is re-opened, not raised anew.",
            "none",
            (
                'sum by (kind) (increase(heartline_alert_transitions_total{kind=~"opened|reopened|resolved"}[1d]))',
                "{{kind}}",
            ),
        )
    )
    board.with_panel(
        bars(
            "What came of red flags, in 30 days",
            "Accounts looked at 7, 30 and 90 days after a play or the end: what people did about it, and how it went. "
            "More that lasted with a play than with none says that plays help. All segments.",
            "none",
            "sum by (action, outcome) (increase(heartline_alert_follow_ups_total[30d]))",
            "{{action}}: {{outcome}}",
            ((None, NEUTRAL),),
        )
        .span(24)
        .min(0)
        .decimals(0)
    )


def _value(board: Dashboard) -> None:
    board.with_row(Row("Usage and voice"))
    board.with_panel(
        lines(
            "Active users",
            "Distinct users of the trailing 1, 7 and 30 days, added up over accounts.",
            "none",
            (f"sum by (window) (heartline_active_users{{{_SEGMENT}}})", "{{window}}"),
            span=8,
        )
    )
    board.with_panel(
        lines(
            "Adoption by segment",
            "Mean depth: share of the core features in use, over the accounts where it is known. "
            "Empty until product.core_features is set.",
            "percentunit",
            (
                f"sum by (segment) (heartline_depth_ratio_sum{{{_SEGMENT}}})"
                f" / (sum by (segment) (heartline_depth_accounts{{{_SEGMENT}}}) > 0)",
                "{{segment}}",
            ),
            span=8,
        )
        .min(0)
        .max(1)
    )
    board.with_panel(
        lines(
            "NPS by segment",
            "All answers of the segment together; none without answers.",
            "none",
            (
                f"100 * sum by (segment) (heartline_nps_net_promoters{{{_SEGMENT}}})"
                f" / (sum by (segment) (heartline_nps_responses{{{_SEGMENT}}}) > 0)",
                "{{segment}}",
            ),
            span=8,
        )
        .min(-100)
        .max(100)
    )


def _revenue(board: Dashboard) -> None:
    board.with_row(Row("Revenue, as `heartline portfolio serve` has it"))
    board.with_panel(
        number(
            "Revenue a year",
            "Annual recurring revenue of today's customers, in the company's currency.",
            f"sum(heartline_portfolio_arr{{{_SEGMENT}}})",
            "short",
        ).span(6)
    )
    board.with_panel(
        number(
            "Of it at risk",
            "Of customers whose band is at risk or critical.",
            f'sum(heartline_portfolio_arr{{band=~"at_risk|critical",{_SEGMENT}}})',
            "short",
            ((None, GOOD), (1, WARNING)),
        ).span(6)
    )
    board.with_panel(
        number(
            "Net retention of a year",
            "What the customers of a year ago are worth today / what they were worth then; all segments.",
            "heartline_portfolio_trailing_year_nrr_ratio",
            "percentunit",
            ((None, BAD), (0.9, WARNING), (1, GOOD)),
        ).span(6)
    )
    board.with_panel(
        number(
            "Gross retention of a year",
            "The same, each customer with at most what it was worth then; all segments.",
            "heartline_portfolio_trailing_year_grr_ratio",
            "percentunit",
            ((None, BAD), (0.8, WARNING), (0.9, GOOD)),
        ).span(6)
    )
    by_band = lines(
        "Revenue by band",
        "Annual recurring revenue by the customers' health.",
        "short",
        (f"sum by (band) (heartline_portfolio_arr{{{_SEGMENT}}})", "{{band}}"),
    )
    board.with_panel(coloured(stacked(by_band), BAND_COLOURS))
    board.with_panel(
        lines(
            "Revenue at risk by segment",
            "Annual recurring revenue of customers at risk or critical.",
            "short",
            (f'sum by (segment) (heartline_portfolio_arr{{band=~"at_risk|critical",{_SEGMENT}}})', "{{segment}}"),
        )
    )
