"""Storms: which messages go by themselves, and which as one; a table of queues and what goes now."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.context import DigestSettings
from alerts.digest_policy import DeliveryKind, PendingDelivery, plan_delivery
from alerts.messages.digest import digest_notification
from alerts.messages.plain_text import as_text
from tests.notifications import OPENED, make_notification

SETTINGS = DigestSettings(after=3, within_seconds=60, critical_after=2)
NOW_MS = 1_000_000


def queue(text: str) -> list[PendingDelivery]:
    """`w1 c2 w1>r1`: a letter and a number each; c is critical, p of no account, h by hand; `x>y` waits for x."""
    found = []
    for word in text.split():
        after, _, name = word.rpartition(">")
        fields = {"severity": "critical" if name[0] == "c" else "warning"}
        kind = "acknowledged" if name[0] == "h" else "opened"
        notification = make_notification(f"{name}:{kind}", **fields, **({"account_id": None} if name[0] == "p" else {}))
        found.append(PendingDelivery(name, after or None, notification))
    return found


def sent(text: str) -> list[tuple[DeliveryKind, int]]:
    """`one@5 digest@59`: what went, and how many seconds ago."""
    kinds: dict[str, DeliveryKind] = {"one": "one", "critical": "critical", "digest": "digest"}
    pairs = (word.split("@") for word in text.split())
    return [(kinds[kind], NOW_MS - int(ago) * 1000) for kind, ago in pairs]


@pytest.mark.parametrize(
    ("reason", "waiting", "before", "individual", "grouped"),
    [
        ("three are no storm", "w1 w2 w3", "", None, ""),
        ("four are", "w1 w2 w3 w4", "", "", "w1 w2 w3 w4"),
        ("what went counts", "w1 w2 w3", "one@10", "", "w1 w2 w3"),
        ("what went long ago does not", "w1 w2 w3", "one@61", None, ""),
        ("too few for a digest wait for more, or for the window", "w1", "one@1 one@2 one@3", "", ""),
        ("after a digest the rest waits", "w1 w2 w3 w4", "digest@10", "", ""),
        ("for a window", "w1 w2 w3 w4", "digest@61", "", "w1 w2 w3 w4"),
        ("critical ones go by themselves", "w1 c1 w2 w3 w4", "", "c1", "w1 w2 w3 w4"),
        ("but not any number of them", "c1 c2 c3 w1 w2 w3", "", "c1 c2", "c3 w1 w2 w3"),
        ("those that went count", "c1 c2 w1 w2 w3 w4", "critical@5", "c1", "c2 w1 w2 w3 w4"),
        ("critical ones are no storm for the others", "c1 c2 w1 w2 w3", "", None, ""),
        ("worse, while its opening is collected: with it", "w1 w1>c1 w2 w3 w4", "", "", "w1 c1 w2 w3 w4"),
        ("of no account, or by hand: never collected", "p1 h1 w1 w2 w3 w4", "", "p1 h1", "w1 w2 w3 w4"),
    ],
)
def test_what_goes_now(reason: str, waiting: str, before: str, individual: str | None, grouped: str) -> None:
    """At most three in a minute, and two critical ones; None: no storm, all go as ever."""
    found = plan_delivery(queue(waiting), sent(before), SETTINGS, NOW_MS)
    assert found.is_burst == (individual is not None), reason
    assert (list(found.individual), list(found.grouped)) == ((individual or "").split(), grouped.split()), reason


@given(
    st.lists(st.tuples(st.sampled_from("wcph"), st.booleans()), max_size=40),
    st.lists(st.tuples(st.sampled_from(["one", "critical", "digest"]), st.integers(0, 120)), max_size=30),
)
def test_nothing_goes_twice_and_nothing_out_of_its_order(
    kinds: list[tuple[str, bool]], before: list[tuple[DeliveryKind, int]]
) -> None:
    """What goes is of what waits, each once; nobody goes by himself before the one that he waits for."""
    names = [f"{kind}{number}" for number, (kind, _) in enumerate(kinds)]
    words = [
        f"{names[at - 1]}>{name}" if chained and at > 0 else name
        for at, (name, (_, chained)) in enumerate(zip(names, kinds, strict=True))
    ]
    waiting = queue(" ".join(words))
    found = plan_delivery(waiting, [(kind, NOW_MS - ago * 1000) for kind, ago in before], SETTINGS, NOW_MS)
    going = [*found.individual, *found.grouped]
    assert len(going) == len(set(going))
    assert set(going) <= set(names)
    if not found.is_burst:
        assert going == []
        assert sum(name[0] == "w" for name in names) <= SETTINGS.after
    after = {item.id: item.after for item in waiting}
    for assigned, name in enumerate(going):
        if after[name] in names:
            assert after[name] in going[:assigned]


def test_a_digest_is_by_owner_and_the_same_for_the_same_messages() -> None:
    """So that a repeat is known for one; whoever has the worst stands first."""
    notifications = [
        make_notification("hl-1:opened", account_name="Acme", owner="Dana", score=44.0),
        make_notification("hl-2:opened", account_name="Globex", owner="Ada", score=12.0, severity="critical"),
        make_notification("hl-3:opened", account_name="Initech", owner=None, score=30.0),
        make_notification("hl-4:opened", account_name="Hooli", owner="Dana", score=20.0),
        make_notification("hl-4:resolved", account_name="Hooli", owner="Dana"),
    ]
    digest = digest_notification(notifications, OPENED, OPENED)
    assert (
        digest.id
        == digest_notification(notifications, OPENED, OPENED).id
        != digest_notification(notifications[1:], OPENED, OPENED).id
    )
    assert (digest.kind, digest.severity, digest.account_id, digest.is_open) == ("digest", "critical", None, False)
    lines = [line for line in as_text(digest.message).splitlines() if line]
    assert lines[0].startswith("🗂 3 red flags (1 critical), 1 resolved")
    assert [line for line in lines if line.startswith(("Ada", "Without an owner", "Dana"))] == [
        "Ada  (1)",
        "Without an owner  (1)",
        "Dana  (1)",
    ]
    assert "Resolved: Hooli" in lines
