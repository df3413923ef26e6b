"""Pages that join cases and findings; thin: they call selectors and services."""
