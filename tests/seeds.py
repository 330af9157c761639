"""Where tests that draw get their seed: the same for the same code, unless one is named or new ones are wanted. No test here."""

from __future__ import annotations

import os
import random
import sys

SAME = 20_260_101


def seed_for(name: str) -> int:
    """ACCRUAL_TEST_SEED where it is set; a new one under ACCRUAL_TEST_RANDOM; else always the same. Said in any case."""
    chosen = os.environ.get("ACCRUAL_TEST_SEED")
    anew = random.SystemRandom().randrange(1, 2**31) if os.environ.get("ACCRUAL_TEST_RANDOM") else SAME
    seed = int(chosen) if chosen else anew
    sys.stdout.write(f"\n{name}: ACCRUAL_TEST_SEED={seed}\n")
    sys.stdout.flush()
    return seed
