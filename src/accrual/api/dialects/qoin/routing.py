"""Which dialect and action an envelope's routing attributes name; the one table of Qoin's routes. Data's fields stay out."""

from __future__ import annotations

from typing import NamedTuple

from accrual.api.dialects.tolerant import Fields, Misread, fold
from accrual.domain.commands import Dialect
from accrual.domain.errors import Invalid, UnknownRoute

_SHARED = ("register", "registerreferral", "transactionreferral", "luckydraw", "dailycheckin", "productsku")
ACTIONS = {
    Dialect.QOIN_TASK: frozenset({"transaction", *_SHARED}),
    Dialect.QOIN_PROCESSOR: frozenset({"transactionpromo", *_SHARED}),
}
IDENTIFIERS = {"task": Dialect.QOIN_TASK, "processor": Dialect.QOIN_PROCESSOR}


class Route(NamedTuple):
    """Where a request goes: the routing attributes in the partner's own spelling, and the action it asks for."""

    dialect: Dialect
    subject: str
    subject_type: str
    subject_identifier: str
    action: str


def _word(fields: Fields, name: str) -> str:
    value = fields.get(name)
    return fold(value.strip()) if isinstance(value, str) else ""


def find_subject(envelope: Fields) -> Route:
    """The dialect that Subject, SubjectType and SubjectIdentifier name, with an empty action. Raises UnknownRoute.

    The older routing (`reward` / `transaction` / the command) leads to the processor, its action given.
    """
    subject, subject_type = _word(envelope, "subject"), _word(envelope, "subjecttype")
    identifier = _word(envelope, "subjectidentifier")
    if subject == "loyalty" and subject_type == "reward" and identifier in IDENTIFIERS:
        return Route(IDENTIFIERS[identifier], subject, subject_type, identifier, "")
    if subject == "reward" and subject_type == "transaction" and identifier in ACTIONS[Dialect.QOIN_PROCESSOR]:
        return Route(Dialect.QOIN_PROCESSOR, subject, subject_type, identifier, identifier)
    raise UnknownRoute()


def find_route(envelope: Fields) -> Route:
    """The route of a command, Action and Data.command taken together.

    Raises UnknownRoute, and Invalid `action_mismatch` when Action and command are both there and differ.
    """
    route = find_subject(envelope)
    action = _word(envelope, "action")
    if route.action:
        if action != "process":
            raise UnknownRoute()
        action = route.action
    command = _command(envelope)
    action = action or command
    if action not in ACTIONS[route.dialect]:
        raise UnknownRoute()
    if command and command != action:
        named = envelope.spelling("SubjectIdentifier") if route.action else envelope.spelling("Action")
        raise Invalid(f"{named} and Data.command name different commands.", code="action_mismatch")
    return Route(route.dialect, route.subject, route.subject_type, route.subject_identifier, action)


def _command(envelope: Fields) -> str:
    data = envelope.get("data")
    if not isinstance(data, dict):
        return ""
    value = None
    for name, held in data.items():
        if fold(name) == "command":
            value = held
            break
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Misread("command", "expected the name of a command.").within(envelope.spelling("Data"))
    return fold(value.strip())
