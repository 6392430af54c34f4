"""An operation that the brokers' ACLs refuse, told as that and not as a broker that is away."""

from typing import Final

_OF: Final = {
    "Topic": "a topic",
    "Group": "a consumer group",
    "TransactionalId": "a transactional id",
    "Cluster": "the cluster",
}


def denied(error: BaseException | None) -> str | None:
    """What was refused, and what to do; None: the error has another reason.

    Args:
        error: of aiokafka, of kafka-python, or anything that one of theirs caused.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        name = type(error).__name__
        if "Authoriz" in name and "Delegation" not in name:
            what = next((words for start, words in _OF.items() if name.startswith(start)), "something")
            return (
                f"the brokers' ACLs refuse an operation on {what} ({name}: {str(error)[:300]}); `heartline acls` lists "
                "the rights that each process needs, as lines for kafka-acls"
            )
        if isinstance(error, BaseExceptionGroup):
            found = [refused for each in error.exceptions if (refused := denied(each)) is not None]
            if found:
                return found[0]
        error = error.__cause__ or error.__context__
    return None
