-- Budgets of whole promos that went below zero or above what they started with. $1 limit.
select promo_id, slot, remaining from budget where remaining < 0 or remaining > amount order by promo_id, slot limit $1
