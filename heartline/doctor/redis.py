"""The store: whether it answers, whether it may forget what it is told, and what time it thinks it is."""

import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

import redis

from consumers.alerting.unreadable import SetAside
from consumers.redis_client import RedisSettings, connect, describe_url, scheme_problem
from heartline.doctor.check import Check, broken, note, ok
from stream.config.redact import redact

SKEW_NOTE_SECONDS: Final = 2.0
SKEW_BROKEN_SECONDS: Final = 60.0


def check_redis(settings: RedisSettings) -> Iterator[Check]:
    """Everything about the store."""
    where = describe_url(settings.url.get_secret_value())
    client = connect(settings)
    try:
        info = client.info()
        before = time.time()
        seconds, microseconds = client.time()
        skew_seconds = seconds + microseconds / 1e6 - (before + time.time()) / 2
        unreadable = SetAside(client, settings.key_prefix).count()
    except redis.RedisError as error:
        advice = "set REDIS_URL to your server, or start one: heartline servers run --redis-port 6379"
        problem = scheme_problem(settings, error)
        yield broken("Redis", problem or f"{where} can't be used: {redact(str(error))}", advice)
        return
    finally:
        client.close()
    yield ok("Redis", f"{where}: {_product(info)}")
    yield check_policy(str(info.get("maxmemory_policy", "noeviction")), int(info.get("maxmemory", 0)))
    yield check_persistence(info)
    yield check_skew(skew_seconds)
    yield check_unreadable(unreadable, settings.key_prefix)


def _product(info: Mapping[str, Any]) -> str:
    if "valkey_version" in info:
        return f"Valkey {info['valkey_version']}"
    return f"Redis {info.get('redis_version', 'of an unknown version')}"


def check_policy(policy: str, maxmemory: int) -> Check:
    """Open alerts and undelivered messages must never be evicted."""
    if policy == "noeviction":
        return ok("maxmemory-policy", policy)
    found = f"{policy}: a full store would throw away open alerts and undelivered messages"
    advice = "CONFIG SET maxmemory-policy noeviction, and the same in its configuration file"
    if maxmemory == 0:
        return note("maxmemory-policy", f"{found}; it has no limit now", advice)
    return broken("maxmemory-policy", found, advice)


def check_persistence(info: Mapping[str, Any]) -> Check:
    """What is lost with the store is evaluated again from Kafka, and messages may repeat."""
    if int(info.get("aof_enabled", 0)):
        return ok("persistence", "append-only file")
    return note(
        "persistence",
        "no append-only file: after a crash of Redis red flags may be told again",
        "CONFIG SET appendonly yes, and the same in its configuration file",
    )


def check_unreadable(count: int, prefix: str) -> Check:
    """No entry had to be set aside."""
    if count == 0:
        return ok("entries", "all that were looked at can be read")
    return note(
        "entries",
        f"{count} entries could not be read and are set aside under {prefix}unreadable",
        "another release or program wrote them; alerting's log names each. Once it is settled, delete that key",
    )


def check_skew(skew_seconds: float) -> Check:
    """The clocks of this machine and of the store agree."""
    found = f"{abs(skew_seconds):.1f} s {'behind' if skew_seconds > 0 else 'ahead of'} Redis's"
    if abs(skew_seconds) >= SKEW_BROKEN_SECONDS:
        return broken("clock", f"this machine's clock is {found}", "switch on time synchronisation (NTP) on both")
    if abs(skew_seconds) >= SKEW_NOTE_SECONDS:
        return note("clock", f"this machine's clock is {found}", "switch on time synchronisation (NTP) on both")
    return ok("clock", f"agrees with Redis's within {max(abs(skew_seconds), 0.1):.1f} s")
