"""Qoin's Reward Processor Loyalty: its fields, their translation and its replies. The task's words never come here."""
