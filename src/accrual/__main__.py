"""The entry of the program, for `accrual` and `python -m accrual`; what the commands do is in cli."""

from __future__ import annotations

from accrual.cli.program import app


def main() -> None:
    """Run the command that the arguments name."""
    app()


if __name__ == "__main__":
    main()
