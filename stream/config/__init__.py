"""What an operator may set, and how every process logs.

- `settings`     the settings, and where they are read from
- `located`      YAML files read into pydantic models, every mistake with its line
- `yaml_source`  YAML that remembers its lines, and refuses what is no honest document
- `bearer_token` the token by which Heartline signs in at Kafka with OAUTHBEARER
- `logs`         how every process logs
- `metadata_pace`    how often a Kafka client asks who leads a partition
- `redact`       no secret in any output
- `topic_decoders`   what reads the records of each input topic
- `schema_registry`  schemas of framed records, by HTTP, each asked for once
- `metrics_server`   where Prometheus scrapes a process
"""
