-- A member and their accounts of one asset as a command left them. $1 bucket, $2 member_id, $3 asset_id, $4 its position,
-- $5 the position behind which lines are summed, $6 kinds that spend or give back, $7 the kind of mergers.
select m.enrolled_at, m.enrolled_position, p.document, c.facts, o.status, a.role, n.balance_after, s.spent, s.joined
from member m
join command c on c.bucket = m.bucket and c.position = $4
join outcome o on o.bucket = m.bucket and o.position = $4
left join lateral (
    select p.document
    from profile p
    where p.bucket = m.bucket and p.member_id = m.member_id and p.position <= $4
    order by p.position desc
    limit 1
) p on true
left join account a on a.bucket = m.bucket and a.member_id = m.member_id and a.asset_id = $3 and a.role in (0, 1)
left join lateral (
    select l.balance_after
    from line l
    where l.bucket = a.bucket and l.account = a.account_id and l.position <= $4
    order by l.position desc, l.leg desc
    limit 1
) n on true
left join lateral (
    select -coalesce(sum(l.amount) filter (where l.kind = any ($6::smallint[])), 0)::bigint as spent,
           coalesce(bool_or(l.kind = $7 and l.amount > 0), false) as joined
    from line l
    where l.bucket = a.bucket and l.account = a.account_id and l.position > $5 and l.position <= $4
) s on true
where m.bucket = $1 and m.member_id = $2
