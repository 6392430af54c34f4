"""Help texts from docstrings: paragraphs flow to the width of the terminal, examples stay as they are written."""

import inspect
from collections.abc import Callable
from typing import Any


def prose(command: Callable[..., Any]) -> str:
    """The help of a command, from its docstring.

    A paragraph that begins with the backspace character is an example and keeps its lines.
    """
    paragraphs = inspect.cleandoc(command.__doc__ or "").split("\n\n")
    return "\n\n".join(text if text.startswith("\b") else " ".join(text.split()) for text in paragraphs)
