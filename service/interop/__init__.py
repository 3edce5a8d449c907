"""Other protocols, spoken at the root beside our own."""
