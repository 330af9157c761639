"""The HTTP edge: bytes in, bytes out. What a promo is worth is never decided here."""
