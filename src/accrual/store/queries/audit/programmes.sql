-- The programmes that have chained changes, 0 for what belongs to none.
select distinct programme_id from audit_chain order by programme_id
