-- Uses of lots that are not there or were too small. $1 bucket, $2 limit.
(
    select 'lots' as check, u.position, u.account,
           'lot ' || u.lot_position || '/' || u.lot_leg || ' is no credit line made before it was used' as text,
           'lot_use' as table
    from lot_use u
    left join line l
        on l.bucket = u.bucket and l.account = u.account and l.position = u.lot_position and l.leg = u.lot_leg
    where u.bucket = $1 and (l.amount is null or l.amount <= 0 or u.lot_position > u.position or u.amount <= 0)
    order by u.position limit $2
)
union all
(
    select 'lots', l.position, l.account, 'more was taken from this lot than its ' || l.amount, 'lot_use'
    from line l
    join (
        select account, lot_position, lot_leg, sum(amount) as taken
        from lot_use where bucket = $1 group by account, lot_position, lot_leg
    ) u on u.account = l.account and u.lot_position = l.position and u.lot_leg = l.leg
    where l.bucket = $1 and u.taken > l.amount
    order by l.position limit $2
)
