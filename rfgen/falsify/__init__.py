"""Looks for a treatment that breaks a promise of the firmware: patients, faults, times and magnitudes."""
