-- Records who changed which setting, from what to what.
insert into audit (audit_id, programme_id, recorded_at, actor, action, subject, before, after)
values ($1, $2, $3, $4, $5, $6, $7, $8)
