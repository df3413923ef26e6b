"""The cases room under ``/api/v1/``."""
