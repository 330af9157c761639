"""Reads the query of an address into its fields; the only place that does, so that its bounds hold on every route."""

from __future__ import annotations

from urllib.parse import parse_qs

from accrual.domain.errors import Invalid

FIELDS_MAX = 20
"""Fields of one query, at most; no route knows more than five."""


def read_query(text: str) -> dict[str, list[str]]:
    """The values of each field, decoded, in the order sent. A field without a value has the empty text.

    Raises Invalid `invalid_field` for more than 20 fields.
    """
    try:
        return parse_qs(text, keep_blank_values=True, max_num_fields=FIELDS_MAX)
    except ValueError as error:
        raise Invalid(
            f"The query has more than {FIELDS_MAX} fields. Leave out what the route does not know.",
            code="invalid_field",
        ) from error
