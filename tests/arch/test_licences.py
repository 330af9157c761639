"""Every runtime package carries a licence that may be shipped with an Apache-2.0 program."""

from __future__ import annotations

import importlib.metadata
import re

import pytest

from tests.arch.tree import REQUIREMENTS

APPROVED = {
    "0BSD", "Apache-2.0", "BSD",
    "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MIT-0", "MPL-2.0", "PSF-2.0", "PostgreSQL", "Unlicense",
}  # fmt: skip
SPELT = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache Software License": "Apache-2.0",
    "ISC License": "ISC",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Python Software Foundation License": "PSF-2.0",
}
"""Names that older metadata uses, as SPDX identifiers."""

_PACKAGE = re.compile(r"^([a-z0-9][a-z0-9-]*)==\S+( ; .+)? \\$", re.MULTILINE)


def licences_of(expression: str | None, text: str | None, classifiers: list[str]) -> set[str]:
    """SPDX identifiers of a package: its expression, else the short text of its licence field, else its classifiers."""
    if expression:
        return set(re.findall(r"[\w.-]+", expression)) - {"AND", "OR", "WITH"}
    if text and len(text) < 60:
        return {SPELT.get(text, text)}
    names = [each.rpartition(" :: ")[2] for each in classifiers if each.startswith("License :: ")]
    return {SPELT.get(name, name) for name in names if name != "OSI Approved"}


@pytest.mark.parametrize(
    "package", [found[1] for found in _PACKAGE.finditer((REQUIREMENTS / "runtime.txt").read_text())]
)
def test_licence_of_runtime_package_is_approved(package: str) -> None:
    try:
        metadata = importlib.metadata.metadata(package)
    except importlib.metadata.PackageNotFoundError:
        pytest.skip(f"{package} is for another platform")
    found = licences_of(
        metadata.get("License-Expression"), metadata.get("License"), metadata.get_all("Classifier") or []
    )
    assert found, f"{package} names no licence"
    assert found <= APPROVED, f"{package} is under {found - APPROVED}"


def test_pinned_packages_are_found() -> None:
    assert len(_PACKAGE.findall((REQUIREMENTS / "runtime.txt").read_text())) > 20


@pytest.mark.parametrize(
    ("metadata", "found"),
    [
        (("MIT OR GPL-3.0-only", None, []), {"MIT", "GPL-3.0-only"}),
        ((None, "AGPL-3.0", []), {"AGPL-3.0"}),
        ((None, "GNU GENERAL PUBLIC LICENSE " * 9, ["License :: OSI Approved :: GNU GPLv3"]), {"GNU GPLv3"}),
        ((None, None, []), set()),
    ],
)
def test_other_licences_are_seen(metadata: tuple[str | None, str | None, list[str]], found: set[str]) -> None:
    assert licences_of(*metadata) == found
    assert not found or found - APPROVED
