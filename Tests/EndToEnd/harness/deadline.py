"""Waiting on a condition, never on the clock alone."""

import os
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = float(os.environ.get("E2E_PATIENCE", "10"))
"""Seconds that anything prompt may take. Raise it for a sanitizer build or a crowded machine."""


def eventually(condition: Callable[[], T], what: str, within: float = PATIENCE) -> T:
    """Polls until `condition` returns something true, returns that, and fails after `within` seconds."""
    deadline = time.monotonic() + within
    while True:
        outcome = condition()
        if outcome:
            return outcome
        if time.monotonic() >= deadline:
            raise AssertionError(f"still not so after {within:g} s: {what} (last outcome: {outcome!r})")
        time.sleep(0.005)
