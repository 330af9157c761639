"""How each command that moves points without a promo is carried out, one module a family; the map says which is which."""
