"""What comes over the wire is bounded, whatever it claims; and so is how fast it comes."""

import gzip
import zlib

import pytest

from consumers.intake.body import BodyError, parsed, unpacked
from consumers.intake.memberships import Memberships
from consumers.intake.rate import RateLimit

TEXT = b'{"a": 1}'


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (TEXT, ""),
        (TEXT, "identity"),
        (gzip.compress(TEXT, mtime=0), "gzip"),
        (gzip.compress(TEXT, mtime=0), " GZip "),
        (zlib.compress(TEXT), "deflate"),
    ],
)
def test_a_body_is_unpacked(body: bytes, encoding: str) -> None:
    assert unpacked(body, encoding, 100) == TEXT


REFUSED = [
    (gzip.compress(b"x" * 1_000_000, mtime=0), "gzip", 413, "a bomb of a megabyte in a kilobyte"),
    (TEXT, "gzip", 422, "not what it says"),
    (gzip.compress(TEXT, mtime=0)[:-9], "gzip", 422, "cut off"),
    (TEXT, "br", 415, "an encoding that is not known"),
]


@pytest.mark.parametrize(("body", "encoding", "status", "why"), REFUSED, ids=[case[-1] for case in REFUSED])
def test_a_body_that_is_too_much_or_not_what_it_says_is_refused(
    body: bytes, encoding: str, status: int, why: str
) -> None:
    with pytest.raises(BodyError) as caught:
        unpacked(body, encoding, 10_000)
    assert caught.value.status == status


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff\xfe{}", b'"\xc3"', b"NaN", b"[" * 100_000 + b"]" * 100_000, b"{} {}"]
)
def test_what_is_no_json_is_422_and_never_an_error_of_ours(body: bytes) -> None:
    with pytest.raises(BodyError) as caught:
        parsed(body)
    assert caught.value.status == 422


def test_a_sender_waits_for_as_long_as_its_bucket_takes() -> None:
    rate = RateLimit(per_second=100, burst_seconds=2)
    assert rate.wait_seconds("a", 200, 10.0) == 0
    assert rate.wait_seconds("a", 50, 10.0) == 1
    assert rate.wait_seconds("b", 50, 10.0) == 0, "each has its own"
    assert rate.wait_seconds("a", 50, 10.5) == 0
    assert rate.wait_seconds("a", 200, 10.5) == 2, "nothing was taken by a refusal"
    assert rate.wait_seconds("a", 5_000, 13.0) == 0, "more than a bucket holds comes when it is full"


def test_without_a_limit_all_comes() -> None:
    assert RateLimit(0).wait_seconds("a", 10**9, 0.0) == 0


def test_the_memberships_told_longest_ago_go_first() -> None:
    known = Memberships(limit=2)
    known.learn([("u1", "a"), ("u2", "b"), ("u1", "c"), ("u3", "d")])
    assert [known.account_of(user) for user in ("u1", "u2", "u3")] == ["c", None, "d"]
    known.learn([("u1", None)])
    assert known.account_of("u1") is None
    assert len(known) == 1
