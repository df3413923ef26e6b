"""The router of ``/api/v1/``: every room's resources, the schema and its pages."""
