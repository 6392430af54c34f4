"""How many use it, of those who could."""

from stream.measures.tally import Measures, Tally, weekday_mask


def reach(t: Tally, seats: int | None, day: int) -> Measures:
    """How many use it, of those who could. Source: docs/metrics.md, active users and licences."""
    base = seats if seats is not None and seats > 0 else t.known if t.known > 0 and seats is None else None
    weekdays = weekday_mask(day % 7).bit_count()
    licensed = seats if seats is not None and seats > 0 else None
    return {
        "dau": t.dau,
        "wau": t.wau,
        "mau": t.mau,
        "wau_previous": t.wau_previous,
        "mau_previous": t.mau_previous,
        "active_user_rate_daily": t.dau / base if base is not None else None,
        "active_user_rate_weekly": t.wau / base if base is not None else None,
        "active_user_rate_monthly": t.mau / base if base is not None else None,
        "active_user_basis": None if base is None else "licensed_seats" if licensed is not None else "known_users_90d",
        "license_utilization": t.mau / licensed if licensed is not None else None,
        "license_utilization_daily": t.weekday_days / weekdays / licensed if licensed is not None else None,
        "turnover_exposure": 1 / t.mau if t.mau > 0 else None,
    }
