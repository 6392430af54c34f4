"""The way in: the command line, embedded servers, demo, replay and snapshot."""

__version__ = "0.2.0"
