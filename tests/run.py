"""What `make test` runs: every test, then those that use a database once more against an installed PostgreSQL 15, one sum.

Arguments go to both runs. No test lives here.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

BINARIES = "ACCRUAL_TEST_POSTGRES_BIN"
PLACE = "ACCRUAL_TEST_POSTGRES_15"
"""Where the installed PostgreSQL's programs are, if not in the usual place."""
INSTALLED_15 = Path("/usr/lib/postgresql/15/bin")
NEED_A_DATABASE = ["tests/store", "tests/flow", "tests/security", "--ignore-glob=tests/flow/test_bench*"]
"""The benchmarks are left out: they are slow, and what they send the server is sent by the others as well."""
NOTHING_TO_RUN = 5
"""How pytest ends when the arguments have left no test; one of the two runs may have none."""


def say(text: str) -> None:
    """A line, at once: what pytest prints goes to the same place."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def run(arguments: list[str], environment: dict[str, str], counts: Counter[str]) -> int:
    """One run of pytest, counted. Its exit status."""
    with tempfile.TemporaryDirectory(prefix="accrual-report-") as directory:
        report = Path(directory) / "report.xml"
        status = subprocess.run(
            [sys.executable, "-m", "pytest", f"--junitxml={report}", *arguments],
            env={**os.environ, **environment},
            check=False,
        ).returncode
        if report.exists():
            for suite in ElementTree.parse(report).getroot().iter("testsuite"):  # noqa: S314 - pytest wrote it just now
                count = {name: int(suite.get(name, "0")) for name in ("tests", "failures", "errors", "skipped")}
                failed = count["failures"] + count["errors"]
                counts.update(
                    passed=count["tests"] - failed - count["skipped"], failed=failed, skipped=count["skipped"]
                )
    return status


def main(arguments: list[str]) -> int:
    """Both runs and the closing line; 0 when both went well."""
    counts: Counter[str] = Counter(passed=0, failed=0, skipped=0)
    statuses = [run(arguments, {}, counts)]
    installed = Path(os.environ.get(PLACE) or INSTALLED_15)
    if not (installed / "postgres").exists():
        say(f"\nPostgreSQL 15 is not installed here ({installed}): the second run, against it, is skipped.")
    else:
        say(f"\nStore and flow tests once more, against {installed}:")
        chosen = any(Path(argument.partition("::")[0]).exists() for argument in arguments)
        where = [] if chosen else NEED_A_DATABASE
        statuses.append(run([*where, *arguments], {BINARIES: str(installed)}, counts))
    bad = [status for status in statuses if status not in (0, NOTHING_TO_RUN)]
    if statuses[0] == NOTHING_TO_RUN or (bad and not counts["failed"]):
        say("A run of pytest did not come to its end; see above.")
    say(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return 1 if bad or statuses[0] == NOTHING_TO_RUN else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
