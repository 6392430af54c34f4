"""Puts usage events onto Kafka the way Heartline wants them: keyed by account, acknowledged, safe to repeat.

KAFKA_BOOTSTRAP_SERVERS=localhost:9092 python produce.py product-usage < events.jsonl
"""

import json
import os
import sys

from kafka import KafkaProducer


def main(topic: str) -> None:
    """Send every line of standard input; ends with an error if Kafka did not take one of them."""
    producer = KafkaProducer(
        bootstrap_servers=os.environ["KAFKA_BOOTSTRAP_SERVERS"],
        # The default partitioner of kafka-python is Kafka's own; the key alone decides.
        key_serializer=str.encode,
        value_serializer=lambda event: json.dumps(event, ensure_ascii=False).encode(),
        acks="all",
        enable_idempotence=True,
        linger_ms=20,
        compression_type="gzip",
    )
    sent = [producer.send(topic, key=event["account_id"], value=event) for event in map(json.loads, sys.stdin)]
    producer.flush()
    for future in sent:
        future.get(timeout=30)  # raises what went wrong with this record
    producer.close()
    print(f"{len(sent)} events on {topic}")


if __name__ == "__main__":
    main(sys.argv[1])
