"""Receives webhooks and puts them onto Kafka as Heartline's events.

    RELAY_TOKEN=... KAFKA_BOOTSTRAP_SERVERS=localhost:9092 uvicorn relay:app --port 8080

Point Segment at /segment?token=..., Zendesk at /zendesk?token=..., Delighted at /delighted?token=... The answer is 202
only once Kafka has the event, so the sender repeats what was not kept; 204 for what says nothing about an account's
health; 422 with the reason for what can't be read. In production check the sender's own signature as well: each
documents its own.
"""

import hmac
import json
import os
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, HTTPException, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from kafka import KafkaProducer
from translate import delighted, segment, zendesk

TRANSLATORS: dict[str, Callable[[dict[str, Any]], tuple[str, dict[str, Any]] | None]] = {
    "segment": segment,
    "zendesk": zendesk,
    "delighted": delighted,
}
TOKEN = os.environ["RELAY_TOKEN"]
TOPIC_PREFIX = os.environ.get("TOPIC_PREFIX", "")

app = FastAPI(title="Webhooks to Kafka")
producer = KafkaProducer(bootstrap_servers=os.environ["KAFKA_BOOTSTRAP_SERVERS"], acks="all", enable_idempotence=True)


@app.post("/{source}")
async def receive(source: str, request: Request, token: str = Query("")) -> Response:
    """One webhook."""
    if not hmac.compare_digest(token.encode(), TOKEN.encode()):
        raise HTTPException(401, "token: missing or wrong")
    if source not in TRANSLATORS:
        raise HTTPException(404, f"source {source!r}: expected one of {', '.join(TRANSLATORS)}")
    try:
        translated = TRANSLATORS[source](json.loads(await request.body()))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise HTTPException(422, f"{source}: not a payload that this relay knows: {error!r}") from None
    if translated is None:
        return Response(status_code=204)
    topic, event = translated
    future = producer.send(
        TOPIC_PREFIX + topic, key=event["account_id"].encode(), value=json.dumps(event, ensure_ascii=False).encode()
    )
    await run_in_threadpool(future.get, 10)
    return Response(status_code=202)
