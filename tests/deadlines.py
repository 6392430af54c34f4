"""How long a test waits before it takes something for never to come: long, for a busy machine is no failure.

Nothing is measured by it. A test that passes waits for its condition and no longer.
"""

from typing import Final

HANG_SECONDS: Final = 150.0
