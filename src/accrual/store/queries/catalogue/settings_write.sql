-- Writes settings and outlets that hold from a revision on.
insert into programme_revision (programme_id, revision, recorded_at, actor, settings, outlets)
values ($1, $2, $3, $4, $5, $6)
