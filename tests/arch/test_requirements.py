"""What is installed is pinned, hashed and free of addresses; the sets agree with each other and with pyproject.toml."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests.arch.tree import REQUIREMENTS, ROOT

COMPILED = ("runtime.txt", "dev.txt", "build.txt", "audit.txt")
_ADDRESS = re.compile(
    r"(?i)\b(?:https?|file|git\+\w+|ssh):|--(?:extra-)?index-url|--find-links|--trusted-host|^-[ife]\s|\s@\s"
)
_PIN = re.compile(r"^([a-z0-9][a-z0-9-]*)==([0-9][\w.+!]*)( ; .+)?$")
_HASH = re.compile(r"^--hash=sha256:[0-9a-f]{64}$")


def _addresses(text: str) -> list[str]:
    return [line for line in text.splitlines() if _ADDRESS.search(line)]


def _requirements(text: str) -> list[list[str]]:
    """Each requirement as the pin followed by its hashes, continuation lines joined."""
    joined = re.sub(r"\s*\\\n\s*", "\n ", text)
    found: list[list[str]] = []
    for line in joined.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith(" "):
            found[-1].append(line.strip())
        else:
            found.append([line.strip()])
    return found


def _faults(text: str) -> list[str]:
    faults = []
    for pin, *hashes in _requirements(text):
        if not _PIN.match(pin):
            faults.append(f"not pinned: {pin}")
        if not hashes or not all(_HASH.match(each) for each in hashes):
            faults.append(f"not hashed: {pin}")
    return faults


def _pins(name: str) -> dict[str, str]:
    """Package to version and marker."""
    pins = {}
    for pin, *_ in _requirements((REQUIREMENTS / name).read_text(encoding="utf-8")):
        match = _PIN.match(pin)
        assert match, pin
        pins[match[1]] = f"{match[2]}{match[3] or ''}"
    return pins


def _normal(requirement: str) -> str:
    """The package a requirement of pyproject.toml asks for, spelt as pip normalises it."""
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match, requirement
    return re.sub(r"[-_.]+", "-", match[0]).lower()


@pytest.mark.parametrize("name", COMPILED)
def test_every_requirement_is_pinned_and_hashed(name: str) -> None:
    text = (REQUIREMENTS / name).read_text(encoding="utf-8")
    assert len(_requirements(text)) > 3
    assert _faults(text) == []


@pytest.mark.parametrize("path", sorted(REQUIREMENTS.glob("*.[it][nx]*")), ids=lambda path: path.name)
def test_requirements_name_no_address(path: Path) -> None:
    assert _addresses(path.read_text(encoding="utf-8")) == []


def test_unpinned_unhashed_and_addressed_samples_are_caught() -> None:
    digest = "0" * 64
    assert _faults(f"rich==15.0.0 \\\n    --hash=sha256:{digest}\n") == []
    assert _faults("rich==15.0.0\n") == ["not hashed: rich==15.0.0"]
    assert _faults(f"rich>=15 \\\n    --hash=sha256:{digest}\n") == ["not pinned: rich>=15"]
    assert _faults("rich==15.0.0 \\\n    --hash=md5:00\n") == ["not hashed: rich==15.0.0"]
    for line in (
        "--index-url https://example.test/simple",
        "--find-links wheels",
        "rich @ file:" + "///tmp/rich.whl",
        "-e .",
        "rich==15.0.0 # via http://example.test",
        "-i example.test",
    ):
        assert _addresses(f"# made by hand\n{line}\n") == [line]
    assert _addresses(f"rich==15.0.0 ; sys_platform != 'win32' \\\n    --hash=sha256:{digest}") == []


def test_runtime_is_a_part_of_dev_with_the_same_pins() -> None:
    runtime, dev = _pins("runtime.txt"), _pins("dev.txt")
    assert {name: pin for name, pin in runtime.items() if dev.get(name) != pin} == {}


def test_build_and_dev_agree_where_they_meet() -> None:
    build, dev = _pins("build.txt"), _pins("dev.txt")
    assert {name: (build[name], dev[name]) for name in build.keys() & dev.keys() if build[name] != dev[name]} == {}


def test_every_dependency_of_the_package_is_in_the_runtime_set() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {_normal(requirement) for requirement in project["dependencies"]}
    assert wanted
    assert wanted - _pins("runtime.txt").keys() == set()
