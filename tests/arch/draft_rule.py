"""The rule that what decides commands changes nothing but by a draft, with samples. Nothing here reads a file."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import PurePosixPath

from tests.arch.source_rules import Rule, Source

DECIDES = (
    "chaining", "earlier", "earned", "entries", "keeping", "keeping_levels", "link_forest", "linking", "lot_book", "moving",
    "process", "process_links", "process_moves", "process_plain", "process_profiles", "purse", "reward_desk", "settle",
    "stocks",
)  # fmt: skip
"""Modules of the engine that run while a command is decided; those in `moves` besides."""

REMEMBERED = ("earlier", "earned", "link_forest", "lot_book")
"""Modules whose objects the worker remembers from one command to the next, so that not even their own methods may assign."""

OF_THE_COMMAND = ("scene", "decision", "desk", "last", "task", "known")
"""What is made for one command and gone with it."""

OUTSIDE_OF_DRAFTS = {
    ("process", "_decide_in_turn"): "the last step of a command, and of a bucket",
    ("process", "begin"): "a batch begins",
    ("earned", "put"): "what was read",
    ("earned", "_look_at"): "a sum that may be forgotten at any time",
    ("link_forest", "put"): "what was read",
    ("lot_book", "load"): "what was read",
    ("earlier", "_has_passed"): "an index that is made again at any time",
}

CHANGES = {
    "add", "append", "clear", "discard", "extend", "insert", "pop", "popitem", "remove", "reverse", "setdefault", "sort",
    "update",
}  # fmt: skip

_Function = ast.FunctionDef | ast.AsyncFunctionDef


def changes_by_drafts_alone(source: Source) -> Iterator[str]:
    path = PurePosixPath(source.path)
    if path.parts[0] != "engine" or not (path.stem in DECIDES or "moves" in path.parts):
        return
    for node in ast.walk(source.tree()):
        if isinstance(node, _Function) and (path.stem, node.name) not in OUTSIDE_OF_DRAFTS:
            yield from _changes_in(node, made_here=node.name == "__init__" or path.stem not in REMEMBERED)


def _changes_in(function: _Function, *, made_here: bool) -> Iterator[str]:
    """`made_here`: whether `self` is an object of one command, or one that is just being made."""
    own = _made_in(function) | set(OF_THE_COMMAND) | ({"self"} if made_here else set())
    for node in ast.walk(function):
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign | ast.Delete):
            targets = node.targets
        elif isinstance(node, ast.AugAssign | ast.AnnAssign):
            targets = [node.target]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGES:
            by_draft = any(_root(each) in ("draft", "_draft") for each in (node.func.value, *node.args))
            targets = [] if by_draft else [node.func]
        for target in (leaf for each in targets for leaf in _leaves(each)):
            if isinstance(target, ast.Attribute | ast.Subscript) and not _is_own(target, own):
                yield f"line {target.lineno}: {ast.unparse(target)} is changed, and not by a draft"


def _leaves(target: ast.expr) -> Iterator[ast.expr]:
    if isinstance(target, ast.Tuple | ast.List):
        for each in target.elts:
            yield from _leaves(each)
    else:
        yield target


def _made_in(function: _Function) -> set[str]:
    """Names for what this function makes, or has from a draft as its own."""
    made = set()
    for node in ast.walk(function):
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        is_new = isinstance(
            value, ast.Dict | ast.List | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp | ast.Call | ast.BinOp
        )
        if is_new and value is not None and not _is_looked_up(value):
            made.update(target.id for target in targets if isinstance(target, ast.Name))
    return made - {"draft", "_draft"}


def _is_looked_up(value: ast.expr) -> bool:
    """Whether a call answers what is somewhere already: `.get` and its kind, but not a draft's `.own`."""
    return isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr in (
        "get", "setdefault", "forest", "lots",
    )  # fmt: skip


def _is_own(target: ast.Attribute | ast.Subscript, own: set[str]) -> bool:
    base: ast.expr = target.value
    if isinstance(base, ast.Call) and isinstance(base.func, ast.Attribute) and base.func.attr == "own":
        return True
    names = []
    while isinstance(base, ast.Attribute | ast.Subscript | ast.Call):
        if isinstance(base, ast.Attribute):
            names.append(base.attr)
        base = base.func if isinstance(base, ast.Call) else base.value
    if not isinstance(base, ast.Name) or base.id not in own:
        return False
    # What an object of one command refers to may well be the worker's.
    return not set(names) & {"_state", "_cell", "cell", "posting", "_transit", "lots"}


def _root(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _src(path: str, *lines: str) -> Source:
    body = "\n".join(f"    {line}" for line in lines)
    return Source(path=path, text=f"def decide(cell, posting, draft, state, self, scene, key):\n{body}\n")


CHANGES_BY_DRAFTS = Rule(
    name="changes by drafts alone",
    check=changes_by_drafts_alone,
    good=(
        _src("engine/process.py", "draft.own(cell).row = 1", "mine = draft.own(cell)", "mine.row, mine.profile = 1, 2"),
        _src("engine/keeping.py", "draft.add(draft.posting.marks, key)", "draft.put(cell.counters, key, 1)"),
        _src("engine/moves/send.py", "parcels = {}", "parcels[key] = 1", "scene.follow_ups.append(key)"),
        _src("engine/purse.py", "self.after[key] = 1", "self.lots(1).add(key, self._draft)"),
        _src("engine/load.py", "cell.row = 1"),
        _src("worker/lane.py", "state.shares.clear()"),
    ),
    bad=(
        _src("engine/process.py", "cell.row = 1"),
        _src("engine/process.py", "key, cell.row = 1, 2"),
        _src("engine/process.py", "cell.installs += (key,)"),
        _src("engine/keeping.py", "posting.marks.append(key)"),
        _src("engine/keeping.py", "draft.posting.marks.append(key)"),
        _src("engine/keeping.py", "draft.moved[key] = 1"),
        _src("engine/keeping.py", "del cell.counters[key]"),
        _src("engine/reward_desk.py", "self._state.quotas[key] -= 1"),
        _src("engine/reward_desk.py", "self._state.pools[key].remove(key)"),
        _src("engine/stocks.py", "share = self._state.shares.get(key)", "share.left = 1"),
        _src("engine/moves/send.py", "scene.cell.counters[key] = 1"),
        _src("engine/lot_book.py", "self.total = 1"),
        _src("engine/lot_book.py", "self._lots.append(key)"),
    ),
)
