"""The broker's settings for one node on a small machine, as pure functions."""

import base64
import os
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

from heartline.embedded.ports import LOOPBACK

NODE_ID = 1
HEAP_MIB = 512
LOG_PATTERN = "%d{ISO8601} %p %c: %m%n"


def server_properties(
    data_dir: Path, port: int, controller_port: int, extra: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Give the settings of a broker that is its own controller; `extra` adds to them and wins.

    Everything that is not named here is Kafka's own default. In particular a topic may raise `max.message.bytes` by
    itself: the broker's `message.max.bytes` is only the default of topics that say nothing, and with one replica no
    follower fetches. Source: Apache Kafka documentation, broker and topic configurations.
    """
    broker, controller = f"PLAINTEXT://{LOOPBACK}:{port}", f"CONTROLLER://{LOOPBACK}:{controller_port}"
    return {
        "process.roles": "broker,controller",
        "node.id": str(NODE_ID),
        "controller.quorum.voters": f"{NODE_ID}@{LOOPBACK}:{controller_port}",
        "listeners": f"{broker},{controller}",
        "advertised.listeners": broker,
        "inter.broker.listener.name": "PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "log.dirs": str(data_dir),
        "auto.create.topics.enable": "false",
        # One node holds every replica.
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        # A small machine.
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.num.partitions": "4",
        "num.network.threads": "2",
        "num.io.threads": "4",
        "log.cleaner.dedupe.buffer.size": "8388608",  # of the heap; the default is 128 MiB
        "log.segment.bytes": "67108864",
        # A group's first member need not wait for others: seconds in every test and demo.
        "group.initial.rebalance.delay.ms": "0",
        # After a kill, the controller takes the broker for alive until its session ends; the default is 9 s.
        "broker.session.timeout.ms": "3000",
        "broker.heartbeat.interval.ms": "500",
        # The records by which the controller shows twice a second that it lives: alone, it shows nobody, and writes and
        # reads them for a third of what an idle broker costs.
        "metadata.max.idle.interval.ms": "0",
        # Replayed history keeps its old timestamps, and the default of seven days would delete it at once.
        "log.retention.ms": "-1",
        **(extra or {}),
    }


def properties_text(properties: Mapping[str, str]) -> str:
    """Give a Java properties file, with the characters escaped that mean something there.

    Source: java.util.Properties.load.
    """
    return "".join(f"{_escape(key, '=: #!')}={_escape(value, '')}\n" for key, value in properties.items())


def log4j2_properties() -> str:
    """Give the logging settings of Kafka 4 (log4j 2): warnings and worse, on standard output."""
    return properties_text(
        {
            "rootLogger.level": "warn",
            "rootLogger.appenderRef.console.ref": "console",
            "appender.console.type": "Console",
            "appender.console.name": "console",
            "appender.console.layout.type": "PatternLayout",
            "appender.console.layout.pattern": LOG_PATTERN,
        }
    )


def log4j_properties() -> str:
    """Give the logging settings of Kafka 3.9 (reload4j): warnings and worse, on standard output."""
    return properties_text(
        {
            "log4j.rootLogger": "WARN, console",
            "log4j.appender.console": "org.apache.log4j.ConsoleAppender",
            "log4j.appender.console.layout": "org.apache.log4j.PatternLayout",
            "log4j.appender.console.layout.ConversionPattern": LOG_PATTERN,
        }
    )


def java_arguments(class_path: Sequence[Path], settings_dir: Path, heap_mib: int = HEAP_MIB) -> list[str]:
    """Give java's arguments up to the main class, for a quick start and a small heap.

    `settings_dir` holds log4j2.properties and log4j.properties; each line of Kafka reads its own.
    """
    return [
        f"-Xms{min(128, heap_mib)}m",
        f"-Xmx{heap_mib}m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-XX:+ExitOnOutOfMemoryError",
        "-XX:-UsePerfData",
        "-Djava.awt.headless=true",
        "-Djava.net.preferIPv4Stack=true",
        f"-Dlog4j2.configurationFile={(settings_dir / 'log4j2.properties').absolute().as_uri()}",
        f"-Dlog4j.configuration={(settings_dir / 'log4j.properties').absolute().as_uri()}",
        "-cp",
        os.pathsep.join(str(jar) for jar in class_path),
    ]


def argument_file_text(arguments: Sequence[str]) -> str:
    """Give a file for `java @FILE`, which keeps four dozen jars out of the process list.

    Source: the `java` command, "java Command-Line Argument Files".
    """
    quoted = (argument.replace("\\", "\\\\").replace('"', '\\"') for argument in arguments)
    return "".join(f'"{argument}"\n' for argument in quoted)


def random_id() -> str:
    """Give a new random id as Kafka has them for clusters and folders: 16 bytes in URL-safe base64.

    Never with a leading dash, which would be an option to Kafka's tool.
    """
    while (text := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return text


def _escape(text: str, special: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
    for character in special:
        escaped = escaped.replace(character, f"\\{character}")
    return f"\\{escaped}" if escaped.startswith(" ") else escaped
