"""Breaks a running server at random and by seed, and keeps a ledger of what every subscriber has to hear."""

import pathlib
import sys

# The harness of the integration stories: the server's process, and clients of every transport.
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Integration"))
