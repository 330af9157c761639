"""What the two Qoin dialects share: routing, items, tickets, signatures, replies. Neither one's own fields are known here."""
