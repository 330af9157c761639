-- Budgets of whole promos that went below zero. $1 limit.
select promo_id, slot, remaining from budget where remaining < 0 order by promo_id, slot limit $1
