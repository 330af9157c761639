-- Every client that is not ended, with whether it has a key and what its document says.
select p.code, c.code, c.key_digest is not null, c.document::text
from client c
join programme p on p.programme_id = c.programme_id
where c.ended_at is null
order by p.code, c.code
