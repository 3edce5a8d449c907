"""Wire types: what is sent and answered, as validated and as documented in OpenAPI.  Nothing is computed here."""
