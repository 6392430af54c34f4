"""The faults: each begins at a moment of the round, and is healed after a while."""

import random
import signal
import threading
import time
from collections.abc import Callable
from typing import Final

import redis

from tests.chaos.world import Process, World

Heal = Callable[[], None]
Fault = Callable[[World, random.Random], Heal]


def _nothing() -> None:
    """It heals by itself."""


def _some(world: World, chance: random.Random, which: str) -> Process:
    return chance.choice(world.workers if which == "worker" else world.alertings)


def _kill(which: str) -> Fault:
    def fault(world: World, chance: random.Random) -> Heal:
        _some(world, chance, which).signal(signal.SIGKILL)
        return _nothing

    return fault


def _stop(which: str) -> Fault:
    def fault(world: World, chance: random.Random) -> Heal:
        _some(world, chance, which).signal(signal.SIGTERM)
        return _nothing

    return fault


def _freeze(which: str) -> Fault:
    def fault(world: World, chance: random.Random) -> Heal:
        process = _some(world, chance, which)
        process.signal(signal.SIGSTOP)
        return lambda: process.signal(signal.SIGCONT)

    return fault


def _all_at_once(world: World, chance: random.Random) -> Heal:
    for process in world.processes:
        process.signal(signal.SIGKILL)
    return _nothing


def _rolling(world: World, chance: random.Random) -> Heal:
    def roll() -> None:
        for process in world.processes:
            process.signal(signal.SIGTERM)
            time.sleep(2)

    threading.Thread(target=roll, daemon=True).start()
    return _nothing


def _network(what: str, how: str) -> Fault:
    def fault(world: World, chance: random.Random) -> Heal:
        proxy = world.kafka if what == "kafka" else world.redis
        if how == "delayed":
            proxy.delay(chance.uniform(0.05, 0.4))
        elif how == "half open":
            proxy.half_open()
        elif how == "cut behind a request":
            proxy.cut_after_request(chance.randrange(1, 30))
        else:
            proxy.cut()
        return proxy.heal

    return fault


def _clock(world: World, chance: random.Random) -> Heal:
    process = chance.choice(world.processes)
    process.step_clock(chance.choice((-7, -1, 1, 7)) * 86_400)
    return lambda: process.step_clock(0)


def _broker_killed(world: World, chance: random.Random) -> Heal:
    world.broker.kill()

    def heal() -> None:
        world.broker.start()

    return heal


def _memory_killed(world: World, chance: random.Random) -> Heal:
    world.memory.kill()

    def heal() -> None:
        world.memory.start()

    return heal


def _memory_emptied(world: World, chance: random.Random) -> Heal:
    redis.Redis.from_url(world.redis_url).flushall()
    return _nothing


def _receiver(how: str) -> Fault:
    def fault(world: World, chance: random.Random) -> Heal:
        world.receiver.fault = how

        def heal() -> None:
            world.receiver.fault = None

        return heal

    return fault


FAULTS: Final[dict[str, Fault]] = {
    "worker killed": _kill("worker"),
    "worker stopped": _stop("worker"),
    "worker frozen": _freeze("worker"),
    "alerting killed": _kill("alerting"),
    "alerting stopped": _stop("alerting"),
    "alerting frozen": _freeze("alerting"),
    "all killed together": _all_at_once,
    "rolling restart": _rolling,
    "kafka delayed": _network("kafka", "delayed"),
    "kafka half open": _network("kafka", "half open"),
    "kafka connections cut": _network("kafka", "cut"),
    "kafka cut behind a request": _network("kafka", "cut behind a request"),
    "redis delayed": _network("redis", "delayed"),
    "redis half open": _network("redis", "half open"),
    "redis connections cut": _network("redis", "cut"),
    "redis cut behind a request": _network("redis", "cut behind a request"),
    "clock stepped": _clock,
    "broker killed": _broker_killed,
    "redis killed": _memory_killed,
    "redis emptied": _memory_emptied,
    "receiver answers 429": _receiver("429"),
    "receiver answers 500": _receiver("500"),
    "receiver hangs": _receiver("hang"),
    "receiver's answer lost": _receiver("lost answer"),
}

# After one of these a receiver may get a message again, under the same id; after no other.
REPEATS_EXPLAINED_BY: Final = frozenset(
    {
        "alerting killed",
        "alerting stopped",
        "alerting frozen",
        "all killed together",
        "rolling restart",
        "clock stepped",
        "redis delayed",
        "redis half open",
        "redis connections cut",
        "redis cut behind a request",
        "redis killed",
        "redis emptied",
        "receiver hangs",
        "receiver's answer lost",
    }
)
