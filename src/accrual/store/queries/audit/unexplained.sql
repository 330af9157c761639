-- Rows of the catalogue that are not as the chain last noted them, also those that it does not know or that are gone.
with newest as (
    select distinct on (subject, subject_key) programme_id, subject, subject_key, after_digest, number
    from audit_chain
    order by subject, subject_key, number desc
)
select coalesce(state.programme_id, newest.programme_id) as programme_id, coalesce(state.subject, newest.subject) as subject,
    coalesce(state.subject_key, newest.subject_key) as subject_key, newest.number, state.digest is not null as stands
from audit_state() state
full join newest on newest.subject = state.subject and newest.subject_key = state.subject_key
where state.digest is distinct from newest.after_digest
order by 1, 2, 3
