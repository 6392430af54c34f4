"""Open pages are told what has changed: bursts as one event, from any thread, and until the end."""

import threading

from consumers.board.live_updates import NAMED_MAX, Hub


async def test_a_burst_from_another_thread_is_one_event_with_every_account() -> None:
    hub = Hub()
    listener = hub.open()
    assert listener is not None
    events = listener.events()
    assert (await anext(events)).event == "hello"

    def burst() -> None:
        for name in ("b", "a", "b"):
            hub.changed({name})

    thread = threading.Thread(target=burst)
    thread.start()
    thread.join()

    event = await anext(events)
    assert (event.event, event.data) == ("changed", {"accounts": ["a", "b"]})
    await events.aclose()  # type: ignore[attr-defined]  # an async generator
    hub.close(listener)
    assert hub.listeners == 0


async def test_very_many_accounts_are_not_named() -> None:
    hub = Hub()
    listener = hub.open()
    assert listener is not None
    events = listener.events()
    await anext(events)
    hub.changed({str(number) for number in range(NAMED_MAX + 1)})

    assert (await anext(events)).data == {"accounts": None}


async def test_at_the_end_every_stream_ends() -> None:
    hub = Hub()
    listener = hub.open()
    assert listener is not None
    events = listener.events()
    await anext(events)
    hub.end()

    assert [event async for event in events] == []
