"""Dsquares' loyalty integration: its fields, their translation and its replies. Other partners' words never come here."""
