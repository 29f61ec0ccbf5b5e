"""JSON documents as values again, each piece the inverse of the module of `reports/json` that writes it."""
