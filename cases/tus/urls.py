"""Addresses of resumable uploads, included under ``/api/v1/uploads/``."""

from django.urls import path

from cases.tus.views import OneUpload, Uploads

app_name = "tus"
urlpatterns = [
    path("", Uploads.as_view(), name="uploads"),
    path("<uuid:upload_id>", OneUpload.as_view(), name="upload"),
]
