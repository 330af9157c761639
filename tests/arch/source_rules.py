"""The rules that each module under src keeps, with samples that keep and break them. Nothing here reads a file."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

FILE_LINES_MAX = 400
ALONE_LINES_MAX = 500
ALONE = frozenset({"draw_verify.py"})
"""Programs that people copy and run by themselves, so all that they need is in one file."""
FUNCTION_LINES_MAX = 80

BANNED_NAMES = {
    "utils",
    "util",
    "helpers",
    "helper",
    "common",
    "base",
    "manager",
    "service",
    "handler",
    "handlers",
    "misc",
}

# The HTTP edge answers whatever comes. The lane outlives it, and the step that decides for the lane parks the one command
# that cannot be decided, as the step that decides for a backtest then has to. Everywhere else an unforeseen error must
# travel up to them.
MAY_CATCH_EVERYTHING = ("api/app.py", "domain/guard.py", "engine/process.py", "engine/simulate.py", "worker/lane.py")

PURE = ("domain", "rules")
EXACT = ("domain", "rules", "engine")

_CLOCK_AND_CHANCE = {
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
    ("Instant", "now"),
    ("ZonedDateTime", "now"),
    ("PlainDateTime", "now"),
    ("Date", "today_in_system_tz"),
    ("time", "time"),
    ("time", "monotonic"),
    ("os", "urandom"),
    ("uuid", "uuid1"),
    ("uuid", "uuid4"),
    ("uuid", "uuid7"),
}
_CLOCK_AND_CHANCE_BARE = {"uuid1", "uuid4", "uuid7", "urandom", "monotonic", "perf_counter", "token_bytes", "token_hex"}

_SQL = re.compile(
    r"^\s*("
    r"select\s[\s\S]*\bfrom\s|select\s+[$\d]|insert\s+into\s|update\s+[\w.]+\s+(as\s+\w+\s+)?set\s|delete\s+from\s"
    r"|copy\s+[\w.\"]+\s*(\(|from\b|to\b)|with\s+(recursive\s+)?\w+\s*(\([^)]*\)\s*)?as\s*(materialized\s*)?\("
    r"|create\s+(table|index|unique|role|database|schema)\s|alter\s+(table|role|database)\s|truncate\s+\w+|lock\s+table\s"
    r")",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class Source:
    """One module: its path from src/accrual, such as `domain/ids.py`, and its text."""

    path: str
    text: str

    @property
    def part(self) -> str:
        return PurePosixPath(self.path).parts[0]

    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A check gives one sentence for each breach, and none for a module that keeps the rule."""

    name: str
    check: Callable[[Source], Iterator[str]]
    good: tuple[Source, ...]
    bad: tuple[Source, ...]


def _docstrings(tree: ast.Module) -> set[int]:
    """Identities of the constants that are docstrings."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                found.add(id(first.value))
    return found


def opens_with_a_sentence(source: Source) -> Iterator[str]:
    doc = ast.get_docstring(source.tree())
    if doc is None:
        yield "has no docstring that says what lives here"
        return
    first = doc.split("\n\n")[0].strip()
    if len(first.split()) < 4 or not first.endswith((".", ":")):
        yield f"opens with {first!r}, which is no sentence"


def has_a_telling_name(source: Source) -> Iterator[str]:
    for part in PurePosixPath(source.path).with_suffix("").parts:
        words = set(part.strip("_").split("_"))
        if words & BANNED_NAMES:
            yield f"the name {part!r} says nothing about what lives there"


def stays_small(source: Source) -> Iterator[str]:
    count = source.text.count("\n")
    most = ALONE_LINES_MAX if source.path in ALONE else FILE_LINES_MAX
    if count > most:
        yield f"{count} lines, more than {most}: a second thing in it wants its own name"
    for node in ast.walk(source.tree()):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES_MAX:
                yield f"line {node.lineno}: {node.name} has {length} lines, more than {FUNCTION_LINES_MAX}"


def knows_no_clock_or_chance(source: Source) -> Iterator[str]:
    if source.part not in PURE:
        return
    for node in ast.walk(source.tree()):
        match node:
            case ast.Attribute(value=ast.Name(id=owner) | ast.Attribute(attr=owner), attr=name) if (
                owner,
                name,
            ) in _CLOCK_AND_CHANCE or owner in {"random", "secrets"}:
                yield f"line {node.lineno}: {owner}.{name}; time and chance are arguments here"
            case ast.Name(id=name) if name in _CLOCK_AND_CHANCE_BARE:
                yield f"line {node.lineno}: {name}; time and chance are arguments here"


def _is_everything(node: ast.expr | None) -> bool:
    match node:
        case None:
            return True
        case ast.Name(id="Exception" | "BaseException"):
            return True
        case ast.Tuple(elts=elements):
            return any(_is_everything(element) for element in elements)
        case _:
            return False


def lets_errors_travel(source: Source) -> Iterator[str]:
    if source.path in MAY_CATCH_EVERYTHING:
        return
    for node in ast.walk(source.tree()):
        match node:
            case ast.ExceptHandler(type=caught, body=body) if _is_everything(caught):
                if not (isinstance(body[-1], ast.Raise)):  # cleaning up and raising again hides nothing
                    yield f"line {node.lineno}: catches everything, which only {MAY_CATCH_EVERYTHING} may"
            case ast.Call(func=ast.Name(id="suppress") | ast.Attribute(attr="suppress"), args=caught_types):
                if any(_is_everything(caught) for caught in caught_types):
                    yield f"line {node.lineno}: suppresses everything"


def _may_hold_seconds(node: ast.AST) -> list[ast.AST]:
    """The parts of a node that may be floats, because the name beside them ends in _s."""
    match node:
        case ast.Assign(targets=[ast.Name(id=name) | ast.Attribute(attr=name)], value=value):
            return [value] if name.lower().endswith("_s") else []
        case ast.AnnAssign(target=ast.Name(id=name) | ast.Attribute(attr=name), annotation=annotation, value=value):
            return [annotation, *([value] if value else [])] if name.lower().endswith("_s") else []
        case ast.arg(arg=name, annotation=annotation):
            return [annotation] if annotation and name.endswith("_s") else []
        case ast.keyword(arg=str(name), value=value):
            return [value] if name.endswith("_s") or name == "cutoff" else []  # how alike two words are: difflib's
        case ast.arguments(args=args, defaults=defaults, kwonlyargs=kwonly, kw_defaults=kw_defaults):
            pairs = [*zip(reversed(args), reversed(defaults), strict=False), *zip(kwonly, kw_defaults, strict=True)]
            return [default for arg, default in pairs if default is not None and arg.arg.endswith("_s")]
        case ast.FunctionDef(name=name, returns=returns) | ast.AsyncFunctionDef(name=name, returns=returns):
            return [returns] if returns and name.endswith("_s") else []
        case ast.Call(func=ast.Name(id="isinstance"), args=[_, kinds]):
            return [kinds]  # asking whether something is a float is how it is refused
        case _:
            return []


def counts_exactly(source: Source) -> Iterator[str]:
    if source.part not in EXACT:
        return
    tree = source.tree()
    allowed = {id(inner) for node in ast.walk(tree) for part in _may_hold_seconds(node) for inner in ast.walk(part)}
    for node in ast.walk(tree):
        if id(node) in allowed:
            continue
        match node:
            case ast.Constant(value=float(value)):
                yield f"line {node.lineno}: the float {value}; amounts are integers, rates exact decimals"
            case ast.Name(id="float"):
                yield f"line {node.lineno}: float; amounts are integers, rates exact decimals, durations end in _s"


def leaves_sql_to_the_store(source: Source) -> Iterator[str]:
    if source.part == "store":
        return
    tree = source.tree()
    docstrings = _docstrings(tree)
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(value)) if id(node) not in docstrings and _SQL.match(value):
                yield f"line {node.lineno}: SQL outside the store: {' '.join(value.split())[:50]!r}"


def prints_through_one_place(source: Source) -> Iterator[str]:
    """Commands print through cli/output.py alone, which makes values harmless to terminals and spreadsheets."""
    if not source.path.startswith("cli/") or source.path == "cli/output.py":
        return
    for node in ast.walk(ast.parse(source.text)):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name in _PRINTS:
                yield f"line {node.lineno}: {name}() belongs to cli/output.py"


def reads_queries_in_one_place(source: Source) -> Iterator[str]:
    """Queries of requests are read through api/query.py alone, which bounds their fields."""
    if source.part != "api" or source.path == "api/query.py":
        return
    for node in ast.walk(source.tree()):
        match node:
            case ast.Name(id="parse_qs" | "parse_qsl") | ast.Attribute(attr="parse_qs" | "parse_qsl" | "query_params"):
                yield f"line {node.lineno}: reads a query past api/query.py"
            case ast.ImportFrom(names=names) if any(name.name in {"parse_qs", "parse_qsl"} for name in names):
                yield f"line {node.lineno}: reads a query past api/query.py"


_PRINTS = {
    "print",
    "typer.echo",
    "typer.secho",
    "click.echo",
    "sys.stdout.write",
    "sys.stderr.write",
    "Console",
    "csv.writer",
}


def _src(path: str, text: str) -> Source:
    return Source(path=path, text=text)


RULES = (
    Rule(
        name="opens with a sentence",
        check=opens_with_a_sentence,
        good=(_src("domain/ids.py", '"""Identifiers and how they are derived; nothing here reads a clock."""\n'),),
        bad=(_src("domain/ids.py", "x = 1\n"), _src("domain/ids.py", '"""Ids."""\n'), _src("rules/__init__.py", "")),
    ),
    Rule(
        name="has a telling name",
        check=has_a_telling_name,
        good=(_src("store/tail.py", ""), _src("rules/benefits/fixed.py", ""), _src("store/database.py", "")),
        bad=(
            _src("store/utils.py", ""),
            _src("common/ids.py", ""),
            _src("engine/lane_manager.py", ""),
            _src("api/_base.py", ""),
        ),
    ),
    Rule(
        name="stays small",
        check=stays_small,
        good=(
            _src("a.py", "x = 1\n" * FILE_LINES_MAX),
            _src("a.py", "def f():\n" + "    x = 1\n" * (FUNCTION_LINES_MAX - 1)),
        ),
        bad=(
            _src("a.py", "x = 1\n" * (FILE_LINES_MAX + 1)),
            _src("draw_verify.py", "x = 1\n" * (ALONE_LINES_MAX + 1)),
            _src("a.py", "async def f():\n" + "    x = 1\n" * FUNCTION_LINES_MAX),
        ),
    ),
    Rule(
        name="prints through one place",
        check=prints_through_one_place,
        good=(
            _src("cli/member.py", "echo(view.name)\nopen_console().print(view.name)\n"),
            _src("cli/output.py", "typer.secho(visible(text))\n"),
            _src("bench/due.py", "sys.stdout.write(text)\n"),
        ),
        bad=(
            _src("cli/member.py", "print(view.name)\n"),
            _src("cli/member.py", "typer.echo(view.name)\n"),
            _src("cli/member.py", "Console().print(view.name)\n"),
            _src("cli/statement.py", "csv.writer(sys.stdout)\n"),
        ),
    ),
    Rule(
        name="knows no clock or chance",
        check=knows_no_clock_or_chance,
        good=(
            _src("domain/ids.py", "def age(now, at):\n    return now - at\n"),
            _src("rules/evaluate.py", "day = snapshot.now.date()\n"),
            _src("worker/lane.py", "import time\nt = time.monotonic()\n"),
        ),
        bad=(
            _src("domain/ids.py", "from datetime import datetime\nnow = datetime.now()\n"),
            _src("domain/ids.py", "import datetime\nnow = datetime.datetime.now(tz)\n"),
            _src("rules/draws.py", "import random\nn = random.randint(1, 6)\n"),
            _src("rules/draws.py", "from uuid import uuid4\nn = uuid4()\n"),
            _src("domain/ids.py", "import os\nn = os.urandom(8)\n"),
            _src("rules/window.py", "import time\nn = time.time()\n"),
        ),
    ),
    Rule(
        name="lets errors travel",
        check=lets_errors_travel,
        good=(
            _src("engine/submit.py", "try:\n    f()\nexcept ValueError:\n    g()\n"),
            _src("engine/submit.py", "try:\n    f()\nexcept BaseException:\n    undo()\n    raise\n"),
            _src("engine/submit.py", "try:\n    f()\nexcept Exception as error:\n    raise Broken() from error\n"),
            _src(MAY_CATCH_EVERYTHING[0], "try:\n    f()\nexcept Exception:\n    answer()\n"),
        ),
        bad=(
            _src("engine/submit.py", "try:\n    f()\nexcept Exception:\n    pass\n"),
            _src("engine/submit.py", "try:\n    f()\nexcept:\n    g()\n"),
            _src("engine/submit.py", "try:\n    f()\nexcept (ValueError, Exception):\n    g()\n"),
            _src("store/log.py", "with contextlib.suppress(Exception):\n    f()\n"),
        ),
    ),
    Rule(
        name="counts exactly",
        check=counts_exactly,
        good=(
            _src("domain/amounts.py", "rate = Decimal('0.1')\n"),
            _src("domain/amounts.py", "if isinstance(value, (bool, float)):\n    raise TypeError\n"),
            _src(
                "engine/submit.py", "WAIT_S: float = 0.5\ndef f(delay_s: float = 0.1, *, grace_s: float = 1.5): ...\n"
            ),
            _src("engine/submit.py", "f(timeout_s=0.5)\n"),
            _src("rules/problems.py", "near = get_close_matches(word, names, cutoff=0.5)\n"),
            _src("worker/lane.py", "x = 0.5\n"),
        ),
        bad=(
            _src("domain/amounts.py", "rate = 0.1\n"),
            _src("rules/benefits/percent.py", "points = float(amount)\n"),
            _src("engine/settle.py", "def f(amount: float): ...\n"),
            _src("engine/settle.py", "def f(amount=0.5): ...\n"),
            _src("rules/evaluate.py", "x = amount * 1e2\n"),
        ),
    ),
    Rule(
        name="leaves SQL to the store",
        check=leaves_sql_to_the_store,
        good=(
            _src("store/log.py", "q = 'select bucket from tail'\n"),
            _src("cli/db.py", "help = 'Select a database to start'\n"),
            _src("cli/db.py", "help = 'Copy the address'\n"),
            _src("engine/submit.py", '"""With tail as (a friend)."""\n'),
            _src("cli/bench.py", "help = 'Update the books'\n"),
        ),
        bad=(
            _src("engine/submit.py", "q = 'select bucket from tail'\n"),
            _src("api/app.py", "q = '''\n  INSERT INTO command values (1)'''\n"),
            _src("cli/db.py", "q = f'update {table} set x = 1'\nr = 'update lane set epoch = 1'\n"),
            _src("worker/lane.py", "q = 'with x as (select 1) select 2'\n"),
            _src("bench/drain.py", "q = 'delete from command'\n"),
            _src("bootstrap/wire.py", "q = 'copy line (a, b) from stdin'\n"),
        ),
    ),
    Rule(
        name="reads queries in one place",
        check=reads_queries_in_one_place,
        good=(
            _src("api/query.py", "from urllib.parse import parse_qs\n"),
            _src("api/native/promos.py", "q = read_query(call.query)\n"),
            _src("cli/db.py", "from urllib.parse import parse_qs\n"),
        ),
        bad=(
            _src("api/native/promos.py", "from urllib.parse import parse_qs as read\n"),
            _src("api/native/promos.py", "q = urllib.parse.parse_qs(call.query)\n"),
            _src("api/native/promos.py", "q = parse_qsl(call.query)\n"),
            _src("api/app.py", "q = request.query_params\n"),
        ),
    ),
)
