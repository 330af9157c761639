-- Stocks of a bucket that are below nothing. $1 bucket, $2 limit.
(
    select 'stocks' as check, null::bigint as position, null::bigint as account,
           'the share of promo ' || promo_id || ' (slot ' || slot || ') is ' || remaining as text, 'budget_share' as table
    from budget_share where bucket = $1 and remaining < 0 limit $2
)
union all
(
    select 'stocks', null, null, 'a quota of promo ' || promo_id || ' (slot ' || slot || ') is ' || remaining, 'quota'
    from quota where bucket = $1 and remaining < 0 limit $2
)
union all
(
    select 'stocks', null, null, 'the stock of prize ' || prize || ' of promo ' || promo_id || ' is ' || remaining,
           'prize_stock'
    from prize_stock where bucket = $1 and remaining < 0 limit $2
)
