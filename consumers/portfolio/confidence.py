"""How far a rate over few accounts can be trusted: its 95 % interval."""

from math import inf, sqrt
from typing import Final

Z: Final = 1.959963984540054  # the two-sided 95 % point of the normal distribution


def wilson(successes: int, n: int) -> tuple[float, float] | None:
    """The interval of a share, both ends within 0..1; None over nobody.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).

    >>> [round(end, 3) for end in wilson(8, 10)]
    [0.49, 0.943]
    """
    if n <= 0:
        return None
    share = successes / n
    spread = Z * Z / n
    middle = (share + spread / 2) / (1 + spread)
    half = Z * sqrt(share * (1 - share) / n + spread / (4 * n)) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)


def ratio_interval(
    n: int,
    sum_x: float,
    sum_y: float,
    sum_xx: float,
    sum_xy: float,
    sum_yy: float,
    bounds: tuple[float, float] = (0.0, inf),
) -> tuple[float, float] | None:
    """The interval of a ratio of two sums, as nrr is one; None below two accounts or over a sum that is not positive.

    Args:
        n: accounts.
        sum_x, sum_y: of the denominators and the numerators of the accounts.
        sum_xx, sum_xy, sum_yy: of their squares and products.
        bounds: what the ratio can be at all; an end of the interval that lies beyond is put there.

    Source: the large-sample variance of a ratio estimator, W. G. Cochran, Sampling Techniques (3rd ed.), 6.4.
    """
    if n < 2 or sum_x <= 0:
        return None
    ratio = sum_y / sum_x
    residuals = max(0.0, sum_yy - 2 * ratio * sum_xy + ratio * ratio * sum_xx)
    half = Z * sqrt(n / (n - 1) * residuals) / sum_x
    return max(ratio - half, bounds[0]), min(ratio + half, bounds[1])


def difference_interval(one_part: int, one_n: int, other_part: int, other_n: int) -> tuple[float, float] | None:
    """The 95 % interval of the difference of two shares; None where one of them is of nobody.

    Source: Newcombe 1998, method 10, which puts Wilson's intervals of both together.

    >>> low, high = difference_interval(56, 70, 48, 80)
    >>> round(low, 4), round(high, 4)
    (0.0524, 0.3339)
    """
    one, other = wilson(one_part, one_n), wilson(other_part, other_n)
    if one is None or other is None:
        return None
    first, second = one_part / one_n, other_part / other_n
    down = ((first - one[0]) ** 2 + (other[1] - second) ** 2) ** 0.5
    up = ((one[1] - first) ** 2 + (second - other[0]) ** 2) ** 0.5
    return first - second - down, first - second + up
