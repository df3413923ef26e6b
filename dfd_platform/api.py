"""The router of ``/api/v1/``: every room's resources under one address."""

from django.urls import URLPattern, URLResolver

urlpatterns: list[URLPattern | URLResolver] = []
