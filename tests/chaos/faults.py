"""The faults: each begins at a moment of the round, and is healed after a while."""

import contextlib
import random
import signal
import threading
import time
from collections.abc import Callable
from typing import Any, Final

import redis

from tests.chaos.proxy import FaultyProxy
from tests.chaos.world import World

Heal = Callable[[], None]
Fault = Callable[[World, random.Random], Heal]


def _nothing() -> None:
    """It heals by itself."""


def _signalled(group: str, number: int) -> Fault:
    """One process of a group gets a signal; one that is frozen goes on when it is healed."""

    def fault(world: World, chance: random.Random) -> Heal:
        process = chance.choice(getattr(world, group))
        process.signal(number)
        return lambda: process.signal(signal.SIGCONT)

    return fault


def _all_at_once(world: World, chance: random.Random) -> Heal:
    for process in world.processes:
        process.signal(signal.SIGKILL)
    return _nothing


def _one_after_another(act: Callable[[Any], None]) -> Fault:
    def fault(world: World, chance: random.Random) -> Heal:
        def roll() -> None:
            for process in world.processes:
                act(process)
                time.sleep(2)

        rolling = threading.Thread(target=roll, daemon=True)
        rolling.start()
        return rolling.join

    return fault


def _network(what: str, how: str) -> Fault:
    """Redis's connections, or those of all brokers or of one."""

    def fault(world: World, chance: random.Random) -> Heal:
        proxies: list[FaultyProxy] = [world.memory.proxy]
        if what == "kafka":
            proxies = [each.proxy for each in world.brokers]
            proxies = chance.choice((proxies, [chance.choice(proxies)]))
        seconds, requests = chance.uniform(0.05, 0.4), chance.randrange(1, 30)
        for proxy in proxies:
            if how == "delayed":
                proxy.delay(seconds)
            elif how == "half open":
                proxy.half_open()
            elif how == "cut behind a request":
                proxy.cut_after_request(requests)
            else:
                proxy.cut()

        def heal() -> None:
            for proxy in proxies:
                proxy.heal()

        return heal

    return fault


def _clock(world: World, chance: random.Random) -> Heal:
    process = chance.choice(world.processes)
    process.step_clock(chance.choice((-7 * 86_400, -86_400, -3_600, -20, 20, 3_600, 86_400, 7 * 86_400)))
    return lambda: process.step_clock(0)


def _brokers(count: int, act: str) -> Fault:
    def fault(world: World, chance: random.Random) -> Heal:
        hurt = chance.sample(world.brokers, min(count, len(world.brokers)))
        for each in hurt:
            getattr(each, act)()

        def heal() -> None:
            for each in hurt:
                each.revive()

        return heal

    return fault


def _redis(act: str) -> Fault:
    def fault(world: World, chance: random.Random) -> Heal:
        getattr(world.memory, act)()
        return world.memory.revive

    return fault


def _redis_emptied(world: World, chance: random.Random) -> Heal:
    with contextlib.suppress(redis.RedisError):  # another fault has it away, or its disk is full
        redis.Redis.from_url(world.redis_url, socket_timeout=2).flushall()
    return _nothing


def _full(name: str) -> Fault:
    def fault(world: World, chance: random.Random) -> Heal:
        if (disk := world.disks.get(name)) is None:
            return _nothing  # see `is_possible`
        disk.fill()
        return disk.free

    return fault


def _receiver(how: str) -> Fault:
    def fault(world: World, chance: random.Random) -> Heal:
        world.receiver.fault = how

        def heal() -> None:
            world.receiver.fault = None

        return heal

    return fault


FAULTS: Final[dict[str, Fault]] = {
    "worker killed": _signalled("workers", signal.SIGKILL),
    "worker stopped": _signalled("workers", signal.SIGTERM),
    "worker frozen": _signalled("workers", signal.SIGSTOP),
    "alerting killed": _signalled("alertings", signal.SIGKILL),
    "alerting stopped": _signalled("alertings", signal.SIGTERM),
    "alerting frozen": _signalled("alertings", signal.SIGSTOP),
    "intake killed": _signalled("intakes", signal.SIGKILL),
    "intake frozen": _signalled("intakes", signal.SIGSTOP),
    "portfolio killed": _signalled("portfolios", signal.SIGKILL),
    "all killed together": _all_at_once,
    "rolling restart": _one_after_another(lambda process: process.signal(signal.SIGTERM)),
    "rolling upgrade": _one_after_another(lambda process: process.upgrade()),
    "clock stepped": _clock,
    "kafka delayed": _network("kafka", "delayed"),
    "kafka half open": _network("kafka", "half open"),
    "kafka connections cut": _network("kafka", "cut"),
    "kafka cut behind a request": _network("kafka", "cut behind a request"),
    "broker killed": _brokers(1, "kill"),
    "broker frozen": _brokers(1, "freeze"),
    "two brokers killed": _brokers(2, "kill"),
    "broker's disk full": _full("broker"),
    "redis delayed": _network("redis", "delayed"),
    "redis half open": _network("redis", "half open"),
    "redis connections cut": _network("redis", "cut"),
    "redis cut behind a request": _network("redis", "cut behind a request"),
    "redis killed": _redis("kill"),
    "redis frozen": _redis("freeze"),
    "redis emptied": _redis_emptied,
    "redis' disk full": _full("redis"),
    "stores' disk full": _full("stores"),
    "receiver answers 429": _receiver("429"),
    "receiver answers 500": _receiver("500"),
    "receiver hangs": _receiver("hang"),
    "receiver's answer lost": _receiver("lost answer"),
}
_DISK_OF: Final = {"broker's disk full": "broker", "redis' disk full": "redis", "stores' disk full": "stores"}
_GROUP_OF: Final = {"intake killed": "intakes", "intake frozen": "intakes", "portfolio killed": "portfolios"}
# Once in an installation's life.
ONCE: Final = "rolling upgrade"

# What the sender of a message may not know any more: whether the receiver took it. After no other fault may a message
# come again.
REPEATS_EXPLAINED_BY: Final = frozenset(
    {
        "alerting killed",
        "alerting stopped",
        "alerting frozen",
        "all killed together",
        "rolling restart",
        "rolling upgrade",
        "clock stepped",
        "redis delayed",
        "redis half open",
        "redis connections cut",
        "redis cut behind a request",
        "redis killed",
        "redis frozen",
        "redis emptied",
        "redis' disk full",
        "receiver hangs",
        "receiver's answer lost",
    }
)


def is_possible(name: str, world: World) -> bool:
    """False where what it hurts is not there: a disk that this user may not mount, a process that does not run."""
    if name in _DISK_OF:
        return _DISK_OF[name] in world.disks
    return name not in _GROUP_OF or bool(getattr(world, _GROUP_OF[name]))


def draw(chance: random.Random) -> list[str]:
    """One to three faults of a round."""
    return chance.sample(sorted(FAULTS.keys() - {ONCE}), chance.randrange(1, 4))
