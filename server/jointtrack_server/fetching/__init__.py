"""Pictures by URL: looked up once, fetched from checked addresses only, bounded in every way."""
