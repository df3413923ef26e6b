"""Everything below ``/api/v1/``."""

from django.urls import include, path

from dfd_platform.api.docs import RedocPage, SchemaView, SwaggerPage

app_name = "api"

urlpatterns = [
    path("", include("accounts.api.me")),
    path("", include("cases.api.urls")),
    path("", include("audit.api")),
    path("", include("detection.api.urls")),
    path("", include("reports.api")),
    path("", include("webhooks.api")),
    path("uploads/", include("cases.tus.urls")),
    path("schema", SchemaView.as_view(), name="schema"),
    path("docs", SwaggerPage.as_view(url_name="api:schema"), name="docs"),
    path("redoc", RedocPage.as_view(url_name="api:schema"), name="redoc"),
]
