"""The router of ``/api/v1/``: every room's resources under one address."""

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("uploads/", include("cases.tus.urls")),
]
