-- Who referred these members, of those whom somebody did; ids are sliced by bucket with offsets indexed by bucket.
select r.member_id, r.referrer_kind, r.referrer_value
from lane l
cross join lateral unnest(($3::bytea[])[($2::integer[])[l.bucket + 1] + 1 : ($2::integer[])[l.bucket + 2]]) as u (member_id)
join referral r on r.bucket = l.bucket and r.member_id = u.member_id
where l.bucket = any ($1::integer[])
