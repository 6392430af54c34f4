"""A broker's data folder, formatted as one was before: a start does without a second Java, a second of a processor.

What `kafka-storage format` writes are the ids of cluster, node and folder, and the feature levels of a new cluster,
which are the same for each cluster of a version. The levels are kept from the first time that Kafka wrote them here.
"""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

from heartline.embedded.kafka_config import NODE_ID, properties_text, random_id
from heartline.embedded.kafka_lock import KafkaLock

_CHECKPOINT: Final = "bootstrap.checkpoint"


def checkpoint_path(lock: KafkaLock, folder: Path) -> Path:
    """Where the feature levels of a new cluster of this version are kept, or would be."""
    return folder / f"kafka-{lock.version}-{_CHECKPOINT}"


def write(data_dir: Path, known: Path) -> bool:
    """Format a data folder for a cluster of its own; False, and nothing written, where the feature levels aren't known.

    Source: Apache Kafka 3.9 and 4.3, org.apache.kafka.metadata.properties.MetaProperties (version 1).
    """
    if not known.is_file():
        return False
    data_dir.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(known, data_dir / _CHECKPOINT)
    ids = {"version": "1", "cluster.id": random_id(), "node.id": str(NODE_ID), "directory.id": random_id()}
    # Last: with it, a folder counts as formatted.
    (data_dir / "meta.properties").write_text(properties_text(ids), encoding="utf-8")
    return True


def keep(data_dir: Path, known: Path) -> None:
    """Keep the feature levels that Kafka has just written into a data folder; two may do so at once."""
    known.parent.mkdir(parents=True, exist_ok=True)
    descriptor, incoming = tempfile.mkstemp(prefix=".incoming-", dir=known.parent)
    os.close(descriptor)
    shutil.copyfile(data_dir / _CHECKPOINT, incoming)
    Path(incoming).replace(known)
