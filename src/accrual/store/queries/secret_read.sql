-- The secret of this installation, from which codes are drawn.
select value from installation_secret where name = $1
