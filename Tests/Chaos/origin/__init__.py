"""Kills the application behind a running server at random and by seed, and keeps a ledger of what both sides know."""
