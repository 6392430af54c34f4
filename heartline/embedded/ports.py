"""Free ports on loopback."""

import contextlib
import random
import socket

LOOPBACK = "127.0.0.1"
# Below every platform's range of ephemeral ports (Linux from 32768, macOS from 49152): while a server is down between
# two starts, a client that dials its port must not be given that very port as its own and so keep it taken.
CANDIDATES = range(20_000, 32_000)


def is_free(port: int) -> bool:
    """Tell whether a server can listen on this port of the loopback address now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        return _bind(probe, port)


def free_ports(count: int) -> list[int]:
    """Give `count` different ports that nobody listens on now.

    Raises OSError when a thousand tries find too few. Another process may still take one before its user does:
    whoever starts a server on it tries again with others.
    """
    found: list[int] = []
    with contextlib.ExitStack() as held:
        for port in random.SystemRandom().sample(CANDIDATES, 1000):
            if len(found) == count:
                break
            probe = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            if _bind(probe, port):
                found.append(port)
    if len(found) < count:
        raise OSError(f"found {len(found)} free ports on {LOOPBACK} in {CANDIDATES}, needed {count}")
    return found


def usual_or_free(usual: int) -> int:
    """The usual port of a server, where every client looks first; another one when somebody has it."""
    return usual if is_free(usual) else free_ports(1)[0]


def is_open(port: int) -> bool:
    """Tell whether somebody accepts connections on this port of the loopback address."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((LOOPBACK, port)) == 0


def _bind(probe: socket.socket, port: int) -> bool:
    # As the servers do it: connections of a former server in TIME_WAIT do not keep the port taken.
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        probe.bind((LOOPBACK, port))
    except OSError:
        return False
    return True
