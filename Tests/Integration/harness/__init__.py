"""What the stories share: a real server, a client that speaks the wire by hand, tokens, faults."""
