"""Profitflow's PointReward: its fields, what they mean for a point reward, and its replies; no other dialect's words."""
