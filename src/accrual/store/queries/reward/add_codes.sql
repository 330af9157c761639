-- Adds the codes that a pool does not have, behind its last one, in the order given. $1 bucket, $2 subject, $3 codes, $4 last.
insert into reward_code (bucket, subject, number, code)
select $1, $2, $4::bigint + row_number() over (order by w.place), w.code
from unnest($3::text[]) with ordinality as w (code, place)
where not exists (select from reward_code c where c.bucket = $1 and c.subject = $2 and c.code = w.code)
returning number
