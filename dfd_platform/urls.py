"""Where every address leads."""

from django.contrib import admin
from django.urls import include, path

from dfd_platform.api.docs import RedocPage, SwaggerPage

urlpatterns = [
    path("", include("detection.api.compat_urls")),
    path("docs", SwaggerPage.as_view(url_name="api:schema")),
    path("redoc", RedocPage.as_view(url_name="api:schema")),
    path("admin/", admin.site.urls),
    path("admin/queues/", include("django_rq.urls")),
    path("api/v1/", include("dfd_platform.api.urls")),
    path("account/", include("allauth.urls")),
    path("", include("accounts.urls")),
    path("account/", include("webhooks.urls")),
    path("cases/", include("cases.urls")),
    path("", include("detection.urls")),
    path("", include("reports.urls")),
]

handler404 = "dfd_platform.errors.not_found"
handler500 = "dfd_platform.errors.server_error"
