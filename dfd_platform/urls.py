"""Where every address leads."""

from django.contrib import admin
from django.urls import include, path

from detection.api.views import HealthView, ReadyView

urlpatterns = [
    path("health", HealthView.as_view()),
    path("health/ready", ReadyView.as_view()),
    path("admin/", admin.site.urls),
    path("admin/queues/", include("django_rq.urls")),
    path("api/v1/", include("dfd_platform.api.urls")),
    path("account/", include("allauth.urls")),
    path("", include("accounts.urls")),
    path("cases/", include("cases.urls")),
    path("", include("detection.urls")),
    path("", include("reports.urls")),
]
