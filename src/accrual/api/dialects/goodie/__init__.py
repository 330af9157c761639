"""Goodie's Promotion Posting: its fields, their translation and its replies. Other partners' words never come here."""
