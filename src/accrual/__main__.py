"""The entry of the program, for `accrual` and `python -m accrual`; what the commands do is in cli."""

from __future__ import annotations

import gc

# Importing makes nothing that is garbage, and looking for some takes a tenth of it. `load` turns the collector on again.
gc.disable()

from accrual.cli.program import app  # noqa: E402 - after that, on purpose


def main() -> None:
    """Run the command that the arguments name."""
    app()


if __name__ == "__main__":
    main()
