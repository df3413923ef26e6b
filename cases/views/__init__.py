"""Pages of cases and evidence; thin: they call selectors and services."""
