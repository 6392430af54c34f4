"""How many use it, of those who could."""

from stream.measures.asked import Asked
from stream.measures.tally import Measures, weekday_mask


def reach(asked: Asked) -> Measures:
    """Of the trailing month: how many use it, of those who could, and how often. Source: docs/metrics.md, reach."""
    month, base, licensed = asked.month, _base(asked), _licensed(asked)
    mau = month.mau
    return {
        "mau": mau,
        "active_user_rate_monthly": mau / base if base is not None else None,
        "active_user_basis": None if base is None else "licensed_seats" if licensed is not None else "known_users_90d",
        "license_utilization": mau / licensed if licensed is not None else None,
        "turnover_exposure": 1 / mau if mau > 0 else None,
        "stickiness": month.active_days / 30 / mau if mau > 0 else None,
        "frequency_30d": month.active_days / mau if mau > 0 else None,
    }


def windows(asked: Asked) -> Measures:
    """The same of the other windows, and by how often people come. Source: docs/metrics.md, active users, frequency."""
    t, base, licensed = asked.tally, _base(asked), _licensed(asked)
    weekdays = weekday_mask(asked.day % 7).bit_count()
    return {
        "dau": t.dau,
        "wau": t.wau,
        "wau_previous": t.wau_previous,
        "mau_previous": t.mau_previous,
        "active_user_rate_daily": t.dau / base if base is not None else None,
        "active_user_rate_weekly": t.wau / base if base is not None else None,
        "license_utilization_daily": t.weekday_days / weekdays / licensed if licensed is not None else None,
        "users_daily": t.daily,
        "users_weekly": t.weekly,
        "users_monthly": asked.mau - t.daily - t.weekly,
    }


def _licensed(asked: Asked) -> int | None:
    """The licensed seats; None where unknown or none."""
    return asked.seats if asked.seats is not None and asked.seats > 0 else None


def _base(asked: Asked) -> int | None:
    """Of whom a share is taken: the licensed seats, else the people known in 90 days; None without either."""
    if asked.seats is not None:
        return _licensed(asked)
    return asked.month.known if asked.month.known > 0 else None
