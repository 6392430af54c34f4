"""What a checkpoint stands on, kept in the metadata of its offsets: which topics, and how far the changelog reached.

Offsets say nothing of the topic that they count in. With this beside them, a topic that was created again, and a
changelog that was lost, are noticed before anything is skipped or folded onto nothing.
"""

from dataclasses import dataclass

import msgspec

REMEDY = (
    "Stop all workers. To fold everything again from what the input topics still hold, delete the changelog and the "
    "consumer group's offsets (kafka-consumer-groups --group {group} --delete), or use a new kafka.app_id"
)


@dataclass(frozen=True, slots=True)
class Mark:
    """What one committed offset stands on.

    Attributes:
        topic: the id of the topic whose offset it is; None: the broker has no ids.
        changelog: the id of the changelog; None likewise.
        end: the changelog's end offset, at least, after the checkpoint.
    """

    topic: str | None
    changelog: str | None
    end: int

    def encode(self) -> str:
        """The metadata of the offset: a few hundred characters, Kafka takes 4096."""
        return msgspec.json.encode(self).decode()


def read_mark(metadata: str | None) -> Mark | None:
    """The reverse; None where there is no mark: offsets that an operator has reset, or that an older worker wrote."""
    try:
        return msgspec.json.decode(metadata or "", type=Mark)
    except msgspec.DecodeError:
        return None


def contradiction(where: str, mark: Mark, topic: str | None, changelog: str | None, end: int, group: str) -> str | None:
    """What is wrong with the topics as they are, against the last checkpoint's mark; None: nothing.

    Args:
        where: the input partition, "topic[partition]".
        mark: the last checkpoint's.
        topic, changelog: the ids now; None: not known.
        end: the changelog partition's end now.
        group: the consumer group.
    """
    if changelog is not None and mark.changelog is not None and changelog != mark.changelog:
        return (
            f"{where}: the changelog was deleted and created again since the last checkpoint (its id was "
            f"{mark.changelog} and is {changelog}): the states behind the committed offsets are lost. "
            + REMEDY.format(group=group)
        )
    if end < mark.end:
        return (
            f"{where}: the changelog ends at offset {end}, at the last checkpoint it reached {mark.end}: states behind "
            "the committed offsets are lost. Restore it, or: " + REMEDY.format(group=group)
        )
    if topic is not None and mark.topic is not None and topic != mark.topic:
        return (
            f"{where}: the topic was deleted and created again since the last checkpoint (its id was {mark.topic} and "
            f"is {topic}): its first records would be skipped in silence. To keep the states and fold the new topic "
            "from its beginning, stop all workers and reset its offsets "
            f"(kafka-consumer-groups --group {group} --topic {where.partition('[')[0]} --reset-offsets --to-earliest "
            "--execute)"
        )
    return None
