"""All tests: unit (pure), functional (agents without a broker), integration (real servers)."""
