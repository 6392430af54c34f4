"""Do the Java peers the same job? Some events folded by both folds, and every account's state counted through.

A difference ends the run of the peers: results of another job would compare nothing.
"""

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.peers import java_command
from heartline.bench.worker_process import BenchError
from heartline.bench.workload import Shape, Workload
from heartline.embedded.errors import EmbeddedServerError
from stream.kinds.decode import Decoder
from stream.kinds.folding import fold_event
from stream.kinds.state import AccountState, encode_state
from stream.topics import Kind

KINDS: tuple[Kind, ...] = ("usage", "ticket", "survey")
SHAPE = Shape(events=40_000, accounts=100, users_per_account=50, distribution="zipf")


@dataclass(frozen=True)
class Sizes:
    """Bytes of an encoded state in the mean, here and in the Java peers."""

    python: float
    java: float


def held(state: AccountState) -> list[int]:
    """What a state holds, in the order in which `SameState.java` prints it."""
    activity, days = state.usage, state.usage.days
    features, tickets = activity.features.values(), state.ticket.tickets.values()
    assert activity.first_ms is not None
    assert activity.newest_ms is not None
    return [
        activity.events,
        activity.repeated,
        activity.first_ms,
        activity.newest_ms,
        len(activity.recent_ids.keys),
        len(activity.users),
        sum(user[2].bit_count() for user in activity.users.values()),
        len(features),
        sum(feature.bits.bit_count() for feature in features),
        sum(len(feature.users) for feature in features),
        sum(days.events),
        sum(days.users),
        len(tickets),
        sum(len(ticket.transitions) for ticket in tickets),
        len(state.survey.answers),
    ]


def verify_same(end_ms: int) -> Sizes:
    """Fold the same events by both.

    Args:
        end_ms: by when they happen, epoch milliseconds.

    Raises:
        BenchError: an account's state holds something else in Java.
        EmbeddedServerError: there is no Java, or no jars of the peers.
    """
    read = {kind: Decoder(kind).decode for kind in KINDS}
    states: dict[str, AccountState] = {}
    lines = []
    for record in Workload(SHAPE, end_ms).history():
        event = read[record.kind](record.value)
        fold_event(states.setdefault(event.account_id, AccountState()), event)
        lines.append(f"{KINDS.index(record.kind)} {record.value.decode()}")
    java_counts = _java("\n".join(lines))
    wrong = {
        name: java_counts.get(name, [])[:-1] for name in states if java_counts.get(name, [])[:-1] != held(states[name])
    }
    if wrong or java_counts.keys() != states.keys():
        name = next(iter(wrong), None)
        shown = "" if name is None else f"; {name} holds {held(states[name])} here and {wrong[name]} there"
        raise BenchError(f"the Java peers' fold differs in {len(wrong)} of {len(states)} accounts{shown}")
    sizes = [len(encode_state(state)) for state in states.values()]
    return Sizes(sum(sizes) / len(sizes), sum(counts[-1] for counts in java_counts.values()) / len(java_counts))


def _java(lines: str) -> dict[str, list[int]]:
    """By account what the Java fold's state holds, and at the end its bytes."""
    with tempfile.TemporaryDirectory(prefix="heartline-same-job-") as folder:
        command = java_command("SameState.java", "kafka-streams", Path(folder))
        result = subprocess.run(command, input=lines, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise EmbeddedServerError(f"SameState.java ended with {result.returncode}:\n{result.stderr[-2000:]}")
    rows = (line.split() for line in result.stdout.splitlines())
    return {name: [int(count) for count in counts] for name, *counts in rows}
