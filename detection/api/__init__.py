"""The examination room under ``/api/v1/``, and the addresses of earlier systems."""
