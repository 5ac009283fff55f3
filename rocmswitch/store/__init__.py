"""The files that we own: layout, catalog, cache, trees."""
