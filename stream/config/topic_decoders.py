"""What reads the records of each input topic, as the settings say."""

from stream.config.schema_registry import schema_source
from stream.config.settings import ProcessSettings
from stream.kinds.decode import Decoder
from stream.kinds.feeds import mapping_for


def topic_decoders(settings: ProcessSettings) -> dict[str, Decoder]:
    """Topic to what reads it.

    Raises:
        ConfigError: there is a Schema Registry, and its extra is not installed.
    """
    schema_of = schema_source(settings.schema_registry)
    found = {}
    for topic, kind in settings.kafka.topics.inputs.items():
        feed = settings.feeds.get(kind)
        mapping = mapping_for(feed, topic)
        reads_headers = feed is not None and mapping is not None and feed.cloudevents_headers
        found[topic] = Decoder(kind, mapping, schema_of, reads_headers=reads_headers)
    return found
