"""Readings of CPU and memory are those of the process that was asked for."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from accrual.bench.processes import cpu_s, peak_rss_mb, postmaster_of, server_cpu_s, us_a_command

pytestmark = pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="this system has no /proc")  # noqa: PTH110


def test_work_of_this_process_shows_in_its_cpu() -> None:
    before = cpu_s([os.getpid()])
    until_s = time.process_time() + 0.2
    while time.process_time() < until_s:
        pass
    after = cpu_s([os.getpid()])
    assert before is not None
    assert after is not None
    assert 0.15 <= after - before < 2


def test_cpu_of_a_parent_counts_its_children_living_and_dead() -> None:
    spin = "import time\nwhile time.process_time() < 0.3: pass\n"
    before = server_cpu_s(os.getpid())
    subprocess.run([sys.executable, "-c", spin], check=True, timeout=30)
    with subprocess.Popen([sys.executable, "-c", spin + "print('done', flush=True)\ninput()\n"],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as living:  # fmt: skip
        assert living.stdout is not None
        assert living.stdout.readline() == "done\n"
        after = server_cpu_s(os.getpid())
        living.communicate("\n", timeout=30)
    assert before is not None
    assert after is not None
    assert after - before >= 0.55


def test_process_that_is_gone_or_no_server_says_nothing() -> None:
    with subprocess.Popen([sys.executable, "-c", "pass"]) as child:
        child.wait(timeout=30)
    assert cpu_s([child.pid]) is None
    assert peak_rss_mb(child.pid) is None
    assert server_cpu_s(None) is None
    assert postmaster_of(os.getpid()) is None
    assert us_a_command(None, 5) is None
    assert us_a_command(1.0, 0) is None


def test_peak_memory_is_in_megabytes() -> None:
    size = peak_rss_mb(os.getpid())
    assert size is not None
    assert 10 < size < 4_000
