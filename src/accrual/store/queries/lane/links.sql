-- Who referred these members, of those whom somebody did; ids are sliced by bucket with offsets indexed by bucket.
select r.member_id, r.referrer_kind, r.referrer_value
from lane l
cross join lateral unnest(($3::bytea[])[($2::integer[])[l.bucket + 1] + 1 : ($2::integer[])[l.bucket + 2]]) as u (member_id)
cross join lateral (
    select k.member_id, k.referrer_kind, k.referrer_value
    from referral k
    where k.bucket = l.bucket and k.member_id = u.member_id
    offset 0 -- a probe for each, whatever the planner believes of the table's size
) r
where l.bucket = any ($1::integer[])
