-- Writes settings, outlets and rewards that hold from a revision on; without rewards those of the revision before stay.
insert into programme_revision (programme_id, revision, recorded_at, actor, settings, outlets, rewards)
values (
    $1, $2, $3, $4, $5, $6,
    coalesce(
        $7::jsonb,
        (select rewards from programme_revision where programme_id = $1 order by revision desc limit 1),
        '[]'
    )
)
