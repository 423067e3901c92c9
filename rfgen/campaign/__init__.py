"""Campaigns: many random treatments from one specification and one seed."""
