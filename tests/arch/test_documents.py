"""What the documents promise about the tree is true: paths, links, the table of the map; and no file names a machine."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests.arch.tree import ROOT, project_files

_BINARY = {".png", ".ico", ".woff2", ".gz", ".zst"}
# Spelt in halves, so that this file does not name what it looks for.
_MACHINE = re.compile(
    r"(?<![\w.\-/<>*{}])/(?:ho" + r"me|Us" + r"ers|ro" + r"ot|wo" + r"rk|worksp" + r"ace|m" + r"nt)/\w"
    r"|file:" + r"//|pypi\.o" + r"rg|pythonhosted\.o" + r"rg|npmjs\.o" + r"rg|proxy\.gol" + r"ang\.o" + r"rg"
)
_LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
_TICKED = re.compile(r"`([^`]+)`")


def _machine_names(text: str) -> list[str]:
    return [match.group(0) for match in _MACHINE.finditer(text)]


def _documents() -> list[Path]:
    return [path for path in project_files() if path.suffix == ".md"]


def _broken_links(path: Path, text: str) -> list[str]:
    broken = []
    for target in _LINK.findall(re.sub(r"```[\s\S]*?```", "", text)):
        if re.match(r"https?:|mailto:", target):
            continue
        name, _, anchor = target.partition("#")
        there = (path.parent / name).resolve() if name else path
        if not there.exists() or (anchor and there.suffix == ".md" and anchor not in _anchors(there)):
            broken.append(target)
    return broken


def _anchors(path: Path) -> set[str]:
    """The anchors that Markdown renderers give to headings: lower case, spaces to hyphens, marks dropped."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _where_do_i_rows(text: str) -> list[tuple[str, list[str]]]:
    """Each row of the "Where do I..." table: the question and the paths in ticks of its second column."""
    section = text.partition("## Where do I...")[2].partition("\n## ")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return [(row[0].strip(), _TICKED.findall(row[1])) for row in rows[2:]]


def _missing(paths: list[str]) -> list[str]:
    """Paths with a star are patterns, of which one match is enough; <name> in a path stands for any name."""
    return [path for path in paths if not any(ROOT.glob(re.sub(r"<\w+>", "*", path).rstrip("/")))]


def test_where_do_i_table_names_only_what_exists() -> None:
    rows = _where_do_i_rows((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"))
    assert len(rows) >= 15
    assert [question for question, paths in rows if not paths] == []
    assert {question: missing for question, paths in rows if (missing := _missing(paths))} == {}


def test_where_do_i_check_sees_a_path_that_is_gone() -> None:
    text = (
        "## Where do I...\n\n| to | look |\n|---|---|\n| start | `README.md`, `src/gone.py` |\n\n## Next\n| x | `y` |\n"
    )
    assert _where_do_i_rows(text) == [("start", ["README.md", "src/gone.py"])]
    assert _missing(["README.md", "src/gone.py", "src/<any>/__init__.py", "docs/none-*.md"]) == [
        "src/gone.py",
        "docs/none-*.md",
    ]


def test_links_between_documents_lead_somewhere() -> None:
    documents = _documents()
    assert {ROOT / "README.md", ROOT / "ARCHITECTURE.md", ROOT / "docs" / "README.md"} <= set(documents)
    broken = {
        str(path.relative_to(ROOT)): links
        for path in documents
        if (links := _broken_links(path, path.read_text(encoding="utf-8")))
    }
    assert broken == {}


def test_link_check_sees_a_broken_link_and_a_missing_heading() -> None:
    text = (
        "[a](README.md) [b](gone.md) [c](README.md#no-such-heading) [d](https://example.test)\n```\n[e](code.md)\n```"
    )
    assert _broken_links(ROOT / "CHANGELOG.md", text) == ["gone.md", "README.md#no-such-heading"]


def test_every_decision_record_is_listed_and_names_its_check() -> None:
    records = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
    assert records
    index = (ROOT / "docs" / "adr" / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in records if f"({path.name})" not in index] == []
    assert [path.name for path in records if "## Held by" not in path.read_text(encoding="utf-8")] == []
    assert [path.name for path in records if len(path.read_text(encoding="utf-8").split()) > 700] == []


@pytest.mark.parametrize("name", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE"])
def test_document_is_there_and_says_something(name: str) -> None:
    assert len((ROOT / name).read_text(encoding="utf-8").split()) > 50


def test_every_check_of_the_doctor_has_its_page_in_faults() -> None:
    doctor = (ROOT / "src" / "accrual" / "engine" / "doctor.py").read_text(encoding="utf-8")
    checks = set(re.findall(r'(?:_warning|_problem|level)\(\s*"(\w+)"', doctor))
    assert {"parked", "lanes", "disk", "append_only"} <= checks
    faults = (ROOT / "docs" / "operating" / "faults.md").read_text(encoding="utf-8")
    headings = " ".join(re.findall(r"^## (.+)$", faults, re.MULTILINE))
    assert [check for check in sorted(checks) if check not in headings] == []


def test_changelog_has_a_section_for_what_is_coming_or_out() -> None:
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings
    assert [heading for heading in headings if not re.match(r"(Unreleased|\d+\.\d+\.\d+)\b", heading)] == []


def test_no_file_names_a_machine_or_a_registry() -> None:
    files = [path for path in project_files() if path.suffix not in _BINARY]
    assert len(files) > 30
    found = {}
    for path in files:
        if names := _machine_names(path.read_text(encoding="utf-8", errors="replace")):
            found[str(path.relative_to(ROOT))] = names
    assert found == {}


def test_machine_names_are_seen_in_samples() -> None:
    for bad in (
        "/wo" + "rk/main",
        "cd /ro" + "ot/x",
        "see file:" + "///x",
        "https://pypi.o" + "rg/simple",
        "/ho" + "me/ann/x",
    ):
        assert _machine_names(bad), bad
    for good in (
        "the network/worker",
        "src/work/x",
        "/workers",
        "/usr/lib/postgresql",
        "https://www.apache.org/licenses",
        "/rooted",
    ):
        assert _machine_names(good) == [], good


def test_build_server_runs_make_test() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    assert re.search(r"^(exec )?make test$", script.read_text(encoding="utf-8"), re.MULTILINE)


def test_every_runtime_dependency_has_a_decision_record() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {match[0] for requirement in project["dependencies"] if (match := re.match(r"[\w-]+", requirement))}
    assert names
    records = " ".join(path.read_text(encoding="utf-8").lower() for path in (ROOT / "docs" / "adr").glob("[0-9]*.md"))
    assert [name for name in sorted(names) if name not in records] == []
