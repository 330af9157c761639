"""The native API, version 1: Accrual in its own words. No partner's word lives here."""
