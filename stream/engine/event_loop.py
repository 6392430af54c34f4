"""The event loop of a worker's threads."""

import asyncio


def new_event_loop() -> asyncio.AbstractEventLoop:
    """uvloop's where it runs, else Python's."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
