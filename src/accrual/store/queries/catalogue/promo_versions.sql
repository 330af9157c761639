-- Reads every promo version that a programme had at a revision.
select promo_version_id, promo_id, version, revision, effective_from, document from promo_version
where programme_id = $1 and revision <= $2
order by promo_id, version
