"""The comparison that scripts/bench runs: servers, load generators, rows, report."""
