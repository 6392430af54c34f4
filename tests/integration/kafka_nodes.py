"""Brokers that ask who one is, and brokers that stand in for each other: what a production cluster is like."""

import base64
import json
import time
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from kafka import KafkaAdminClient
from kafka.admin import ScramMechanism, UserScramCredentialUpsertion

from heartline.embedded import KafkaServer
from heartline.embedded.ports import free_ports

USER, PASSWORD = "heartline-worker", "correct horse battery staple"


# By name, how each is spoken to.
DOORS = {
    "SSL": "SSL",
    "MTLS": "SSL",
    "SCRAM": "SASL_SSL",
    "PLAIN": "SASL_SSL",
    "OPEN": "SASL_PLAINTEXT",
    "OAUTH": "SASL_SSL",
}


def unsecured_token(subject: str) -> str:
    """A JSON Web Token without a signature, as Kafka's own validator for tests takes it."""
    now = int(time.time())
    claims = {"sub": subject, "iat": now - 60, "exp": now + 3600}
    parts = [json.dumps(each, separators=(",", ":")).encode() for each in ({"alg": "none"}, claims)]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts) + "."


class SecureKafka(KafkaServer):
    """A broker with doors on loopback: plain for the test, and each of `DOORS`.

    Args:
        folder: for certificates.
        more: of the broker's settings.
    """

    def __init__(self, folder: Path, more: dict[str, str] | None = None) -> None:
        self._doors = dict(zip(DOORS, free_ports(len(DOORS)), strict=True))
        port, controller = free_ports(2)
        authority = trustme.CA()
        self.ca_file = folder / "ca.pem"
        authority.cert_pem.write_to_path(self.ca_file)
        store = folder / "broker.pem"
        store.write_bytes(_as_java_reads_it(authority.issue_cert("localhost", "127.0.0.1")))
        self.client_file = folder / "client.pem"
        client = authority.issue_cert("heartline-client")
        self.client_file.write_bytes(
            client.private_key_pem.bytes() + b"".join(blob.bytes() for blob in client.cert_chain_pems)
        )
        authorities = folder / "authorities.pem"
        authority.cert_pem.write_to_path(authorities)
        self.token_file = folder / "token"
        self.token_file.write_text(unsecured_token(USER), "utf-8")
        doors = {"PLAINTEXT": port, **self._doors}
        listeners = ",".join(f"{name}://127.0.0.1:{each}" for name, each in doors.items())
        protocols = ",".join(f"{name}:{protocol}" for name, protocol in DOORS.items())
        login = f'required user_{USER}="{PASSWORD}";'
        properties = {
            "listeners": f"{listeners},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": listeners,
            "listener.security.protocol.map": f"PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,{protocols}",
            "listener.name.mtls.ssl.client.auth": "required",
            "listener.name.mtls.ssl.truststore.type": "PEM",
            "listener.name.mtls.ssl.truststore.location": str(authorities),
            "listener.name.open.sasl.enabled.mechanisms": "PLAIN",
            "listener.name.open.plain.sasl.jaas.config": (
                f"org.apache.kafka.common.security.plain.PlainLoginModule {login}"
            ),
            "listener.name.oauth.sasl.enabled.mechanisms": "OAUTHBEARER",
            "listener.name.oauth.oauthbearer.sasl.jaas.config": (
                "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required "
                'unsecuredLoginStringClaim_sub="broker";'
            ),
            "listener.name.oauth.oauthbearer.sasl.server.callback.handler.class": (
                "org.apache.kafka.common.security.oauthbearer.internals.unsecured."
                "OAuthBearerUnsecuredValidatorCallbackHandler"
            ),
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(store),
            "listener.name.scram.sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "listener.name.scram.scram-sha-512.sasl.jaas.config": (
                "org.apache.kafka.common.security.scram.ScramLoginModule required;"
            ),
            "listener.name.plain.sasl.enabled.mechanisms": "PLAIN",
            "listener.name.plain.plain.sasl.jaas.config": (
                f"org.apache.kafka.common.security.plain.PlainLoginModule {login}"
            ),
        }
        super().__init__(port=port, properties=properties | (more or {}))
        self._ports = [port, controller]

    def add_scram_user(self) -> None:
        """Let the user in by SCRAM; call it when the broker runs."""
        admin = KafkaAdminClient(bootstrap_servers=self.bootstrap_servers)
        try:
            admin.alter_user_scram_credentials(
                [UserScramCredentialUpsertion(USER, ScramMechanism.SCRAM_SHA_512, PASSWORD)]
            )
        finally:
            admin.close()

    def environment(self, door: str, password: str = PASSWORD) -> dict[str, str]:
        """The settings that lead a process through one of the doors."""
        values = {"BOOTSTRAP_SERVERS": f"localhost:{self._doors[door]}", "SECURITY_PROTOCOL": DOORS[door]}
        if "SSL" in DOORS[door]:
            values["SSL_CA_FILE"] = str(self.ca_file)
        if door == "MTLS":
            values["SSL_CERT_FILE"] = str(self.client_file)
        elif door == "OAUTH":
            values |= {"SASL_MECHANISM": "OAUTHBEARER", "SASL_TOKEN_FILE": str(self.token_file)}
        elif door != "SSL":
            mechanism = "SCRAM-SHA-512" if door == "SCRAM" else "PLAIN"
            values |= {"SASL_MECHANISM": mechanism, "SASL_USERNAME": USER, "SASL_PASSWORD": password}
        return {f"HEARTLINE_KAFKA__{name}": value for name, value in values.items()}


def _as_java_reads_it(certificate: trustme.LeafCert) -> bytes:
    """The key as PKCS #8 and the certificates behind it."""
    key = load_pem_private_key(certificate.private_key_pem.bytes(), password=None)
    encoded = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return encoded + b"".join(blob.bytes() for blob in certificate.cert_chain_pems)


def three_nodes() -> list[KafkaServer]:
    """Brokers that are each other's controllers and replicas, not started: start them side by side.

    Each must be given the same cluster id when it is formatted: `kafka_config.random_id`.
    """
    free = free_ports(6)
    ports = list(zip(free[:3], free[3:], strict=True))
    nodes = []
    for number, own in enumerate(ports):
        properties = {
            "node.id": str(number),
            "controller.quorum.voters": ",".join(f"{n}@127.0.0.1:{port}" for n, (_, port) in enumerate(ports)),
            "offsets.topic.replication.factor": "3",
            "transaction.state.log.replication.factor": "3",
            "transaction.state.log.min.isr": "2",
            "min.insync.replicas": "2",
            "metadata.max.idle.interval.ms": "500",  # Kafka's own: here the controllers have somebody to show it to
        }
        node = KafkaServer(port=own[0], properties=properties, heap_mib=384)
        node._ports = list(own)
        nodes.append(node)
    return nodes
