-- Award lines of a member's accounts at one position, in leg order. $4 is the kind of line.
select k.account, k.leg, k.amount, k.active_at
from account a
join line k on k.bucket = a.bucket and k.account = a.account_id
where a.bucket = $1::integer and a.member_id = $2::bytea and k.position = $3::bigint and k.kind = $4::smallint
order by k.leg
