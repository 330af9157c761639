-- Every programme with its newest settings.
select p.code, s.settings::text
from programme p
cross join lateral (
    select r.settings from programme_revision r
    where r.programme_id = p.programme_id order by r.revision desc limit 1
) s
order by p.code
