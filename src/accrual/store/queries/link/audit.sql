-- Records who judged a held referral and why; once, however often it is said.
insert into audit (audit_id, programme_id, recorded_at, actor, action, subject, before, after)
values ($1, $2, $3, $4, $5, $6, null, $7)
on conflict (audit_id) do nothing
