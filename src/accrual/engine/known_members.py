"""The members that a demo programme's file names, as commands that make them members. Pure; nothing is appended here."""

from __future__ import annotations

from collections.abc import Sequence

from accrual.domain.commands import Dialect, Profile, Submission, content_digest, encode_command
from accrual.domain.programme import KnownMember, Settings, StoredClient
from accrual.engine.native_fields import read_identity

ACTION = "known_member"


def make_known(members: Sequence[KnownMember], client: StoredClient, settings: Settings) -> list[Submission]:
    """A command a member, in the name of this client. The same member is the same command however often it is applied."""
    made = []
    for number, member in enumerate(members):
        command = Profile(
            dialect=Dialect.INTERNAL,
            action=ACTION,
            identity=read_identity(member.kind, member.value, f"members[{number}]", settings),
            attributes=dict(sorted(member.attributes.items())),
        )
        content = content_digest(encode_command(command) + member.name.encode())
        made.append(
            Submission(
                programme_id=client.programme_id,
                client_id=client.client_id,
                command=command,
                key=b"k" + ACTION.encode() + b"/" + content.hex().encode(),
                content=content,
                body=b"",
                name=member.name or None,
            )
        )
    return made
