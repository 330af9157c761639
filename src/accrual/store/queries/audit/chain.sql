-- One page of a programme's chained changes in order. $1 programme or 0, $2 the number before the first, $3 most.
select programme_id, number, recorded_at, transaction, subject, subject_key, operation, before_digest, after_digest,
    session_role, acting_role, actor, details, chain
from audit_chain
where programme_id = $1 and number > $2
order by number
limit $3
