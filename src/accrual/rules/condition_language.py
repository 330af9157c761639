"""The two CEL environments of conditions: one with money as a type of its own for checking, one to evaluate in."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from cel_expr_python import cel

from accrual.domain.facts import Trigger
from accrual.rules.condition_names import CALENDAR_PARTS, LINE_FIELDS, NAMES

if TYPE_CHECKING:
    from google.protobuf import descriptor_pool

_BOOL, _INT, _STRING = cel.Type.BOOL, cel.Type.INT, cel.Type.STRING
_TIME, _SPAN = cel.Type.TIMESTAMP, cel.Type.DURATION
_MONEY, _LINE = cel.Type("money"), cel.Type("line")
_TYPES = {
    "string": _STRING,
    "int": _INT,
    "timestamp": _TIME,
    "money": _MONEY,
    "list(string)": cel.Type.List(_STRING),
    "list(line)": cel.Type.List(_LINE),
    "map(string, dyn)": cel.Type.Map(_STRING, cel.Type.DYN),
    "map(string, int)": cel.Type.Map(_STRING, _INT),
}
_ORDER = {"_<_": "less", "_<=_": "less_equals", "_>_": "greater", "_>=_": "greater_equals"}
_ORDERED = {"int64": _INT, "string": _STRING, "timestamp": _TIME, "duration": _SPAN, "money": _MONEY}
_LISTS = {**_ORDERED, "bool": _BOOL, "line": _LINE}


@lru_cache(maxsize=len(Trigger))
def checking(trigger: Trigger) -> cel.Env:
    """Where a condition of a promo with this trigger is checked. Only names that such a promo has are declared."""
    functions = [*_arithmetic(), *_calendar(), *_own()]
    replaced = (*_ORDER, "_+_", "_-_", "_*_", *sorted(CALENDAR_PARTS))
    without = "name: conditions\nstdlib:\n  exclude_functions:\n" + "".join(f'    - name: "{n}"\n' for n in replaced)
    return cel.NewEnv(
        descriptor_pool=_messages(),
        config=cel.NewEnvConfigFromYaml(without),
        variables={name: _TYPES[named.type] for name, named in NAMES.items() if trigger in named.triggers},
        functions=functions,
    )


@lru_cache(maxsize=1)
def evaluating() -> cel.Env:
    """Where conditions run: money is a whole number of minor units, a line is a map, history is looked up by period."""
    variables = {name: _TYPES[named.type] for name, named in NAMES.items()}
    variables |= {name: _INT for name, named in NAMES.items() if named.type == "money"}
    variables["purchase.lines"] = cel.Type.List(cel.Type.Map(_STRING, cel.Type.DYN))
    variables["history.purchases"] = variables["history.spend"] = _TYPES["map(string, int)"]
    variables["history.first"] = _BOOL
    return cel.NewEnv(variables=variables)


def _messages() -> descriptor_pool.DescriptorPool:
    """Money and line as messages: CEL knows no other types that refuse whole numbers and unknown fields."""
    # Imported where a condition is checked: it takes a tenth of what starting a process takes, and few processes check any.
    from google.protobuf import descriptor_pb2, descriptor_pool

    field = descriptor_pb2.FieldDescriptorProto
    kinds = {"string": field.TYPE_STRING, "int": field.TYPE_INT64, "money": field.TYPE_MESSAGE}
    file = descriptor_pb2.FileDescriptorProto(name="conditions.proto", syntax="proto3")
    file.message_type.add(name="money")
    line = file.message_type.add(name="line")
    for number, (name, kind) in enumerate(LINE_FIELDS.items(), 1):
        added = line.field.add(name=name, number=number, type=kinds[kind], label=field.LABEL_OPTIONAL)
        if kind == "money":
            added.type_name = ".money"
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return pool


def _overload(name: str, result: cel.Type, *parameters: cel.Type, is_member: bool = False) -> cel.Overload:
    return cel.Overload(name, return_type=result, parameters=list(parameters), is_member=is_member)


def _arithmetic() -> list[cel.FunctionDecl]:
    """CEL's own overloads again, for it takes no addition to them, with money and without fractions."""
    declared = [
        cel.FunctionDecl(sign, [_overload(f"{word}_{name}", _BOOL, kind, kind) for name, kind in _ORDERED.items()])
        for sign, word in _ORDER.items()
    ]
    lists = [_overload(f"add_list_{name}", *[cel.Type.List(kind)] * 3) for name, kind in _LISTS.items()]
    plus = [
        _overload("add_int64", _INT, _INT, _INT),
        _overload("add_string", _STRING, _STRING, _STRING),
        _overload("add_duration_duration", _SPAN, _SPAN, _SPAN),
        _overload("add_duration_timestamp", _TIME, _SPAN, _TIME),
        _overload("add_timestamp_duration", _TIME, _TIME, _SPAN),
        _overload("add_money", _MONEY, _MONEY, _MONEY),
    ]
    minus = [
        _overload("subtract_int64", _INT, _INT, _INT),
        _overload("subtract_duration_duration", _SPAN, _SPAN, _SPAN),
        _overload("subtract_timestamp_timestamp", _SPAN, _TIME, _TIME),
        _overload("subtract_timestamp_duration", _TIME, _TIME, _SPAN),
        _overload("subtract_money", _MONEY, _MONEY, _MONEY),
    ]
    times = [
        _overload("multiply_int64", _INT, _INT, _INT),
        _overload("multiply_money_int64", _MONEY, _MONEY, _INT),
        _overload("multiply_int64_money", _MONEY, _INT, _MONEY),
    ]
    return [
        *declared,
        cel.FunctionDecl("_+_", plus + lists),
        cel.FunctionDecl("_-_", minus),
        cel.FunctionDecl("_*_", times),
    ]


def _calendar() -> list[cel.FunctionDecl]:
    """Parts of a date, of moments only: of a length of time CEL means something else by the same word."""
    return [
        cel.FunctionDecl(
            name,
            [
                _overload(f"moment_{name}", _INT, _TIME, is_member=True),
                _overload(f"moment_{name}_in_zone", _INT, _TIME, _STRING, is_member=True),
            ],
        )
        for name in sorted(CALENDAR_PARTS)
    ]


def _own() -> list[cel.FunctionDecl]:
    return [
        cel.FunctionDecl("money", [_overload("money_string", _MONEY, _STRING)]),
        cel.FunctionDecl("history.purchases", [_overload("history_purchases", _INT, _STRING)]),
        cel.FunctionDecl("history.spend", [_overload("history_spend", _MONEY, _STRING)]),
        cel.FunctionDecl("history.first", [_overload("history_first", _BOOL)]),
    ]
