"""Dead letters as people read them."""

import pytest

from consumers.board.dead_letter_view import DeadLetterLog
from stream.contracts.dead_letters import dead_letter
from stream.contracts.errors import BadEvent
from tests.unit.consumers.board.board_app import FakeBoard


def letter(offset: int, value: bytes | None = b"{", reason: str = "not_json") -> bytes:
    return dead_letter("product-usage", 2, offset, 0, b"acme", value, BadEvent(reason, "expected JSON"))


def test_the_newest_are_kept_and_shown_first() -> None:
    letters = DeadLetterLog(2)
    for offset in range(3):
        assert letters.add(letter(offset), 1_772_442_000_000)

    assert [found.position for found in letters.newest(9)] == ["product-usage[2]@2", "product-usage[2]@1"]


def test_reasons_are_counted_and_can_be_chosen() -> None:
    letters = DeadLetterLog(9)
    for reason in ("not_json", "wrong_type", "not_json"):
        letters.add(letter(0, reason=reason), 0)

    assert letters.reasons() == [("not_json", 2), ("wrong_type", 1)]
    assert len(letters.newest(9, "wrong_type")) == 1


def test_an_original_that_is_no_text_shows_its_bytes_and_a_long_one_says_that_it_is_cut() -> None:
    letters = DeadLetterLog(9)
    letters.add(letter(0, b"\xff\x00"), 0)
    letters.add(letter(1, b"x" * 5000), 0)
    letters.add(letter(2, None), 0)

    nothing, long, odd = letters.newest(9)
    assert (nothing.original, nothing.cut) == (None, False)
    assert (len(long.original or ""), long.cut) == (4000, True)
    assert odd.original == "\\xff\x00"


def test_what_is_no_dead_letter_is_passed_over() -> None:
    letters = DeadLetterLog(9)

    assert not letters.add(b"{}", 0)
    assert not letters.add(None, 0)
    assert len(letters) == 0


@pytest.mark.parametrize(("token", "is_shown"), [("operator-token-1234", True), ("reader-token-5678", False)])
def test_an_original_is_for_operators_and_not_for_every_reader(token: str, is_shown: bool) -> None:
    """It may hold what a customer wrote; why it was refused, and where it lies, is for everybody."""
    board = FakeBoard(host="0.0.0.0", token="operator-token-1234", read_token="reader-token-5678")
    board.letter(letter(7, b'{"comment": "between us'))
    headers = {"Authorization": f"Bearer {token}"}
    client = board.client(base="http://board.example")
    page = client.get("/pipeline", headers=headers).text
    assert "product-usage[2]@7" in page
    assert ("between us" in page) is is_shown
    assert ("Shown to operators only." in page) is not is_shown
