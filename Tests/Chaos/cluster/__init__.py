"""Breaks a cluster on purpose: three nodes, an engine between them, and a ledger of what every subscriber has to hear."""
