"""Tests on a real Apache Kafka and a real Redis-protocol server."""
