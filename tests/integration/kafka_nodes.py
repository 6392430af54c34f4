"""Brokers that ask who one is, and brokers that stand in for each other: what a production cluster is like."""

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


class SecureKafka(KafkaServer):
    """A broker with four doors on loopback: plain for the test, TLS, TLS with SCRAM, TLS with PLAIN.

    Args:
        folder: for certificates.
    """

    def __init__(self, folder: Path) -> None:
        self._tls, self._scram, self._plain = free_ports(3)
        port, controller = free_ports(2)
        authority = trustme.CA()
        self.ca_file = folder / "ca.pem"
        authority.cert_pem.write_to_path(self.ca_file)
        store = folder / "broker.pem"
        store.write_bytes(_as_java_reads_it(authority.issue_cert("localhost", "127.0.0.1")))
        doors = {"PLAINTEXT": port, "SSL": self._tls, "SCRAM": self._scram, "PLAIN": self._plain}
        listeners = ",".join(f"{name}://127.0.0.1:{each}" for name, each in doors.items())
        login = f'required user_{USER}="{PASSWORD}";'
        properties = {
            "listeners": f"{listeners},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": listeners,
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SSL:SSL,SCRAM:SASL_SSL,"
            "PLAIN:SASL_SSL",
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
        super().__init__(port=port, properties=properties)
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
        """The settings that lead a process through one of the doors: "SSL", "SCRAM" or "PLAIN"."""
        port = {"SSL": self._tls, "SCRAM": self._scram, "PLAIN": self._plain}[door]
        values = {
            "BOOTSTRAP_SERVERS": f"localhost:{port}",
            "SECURITY_PROTOCOL": "SSL" if door == "SSL" else "SASL_SSL",
            "SSL_CA_FILE": str(self.ca_file),
        }
        if door != "SSL":
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

    Each must be given the same cluster id when it is formatted: `kafka_config.cluster_id`.
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
        }
        node = KafkaServer(port=own[0], properties=properties, heap_mib=384)
        node._ports = list(own)
        nodes.append(node)
    return nodes
