"""Who may come in: API keys."""
