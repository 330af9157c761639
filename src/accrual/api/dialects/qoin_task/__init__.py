"""Qoin's Loyalty Reward Task: its fields, their translation and its replies. The processor's words never come here."""
