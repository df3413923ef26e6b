"""Addresses of earlier systems, at the root of the site."""

from django.urls import path

from detection.api import compat, views

DETECT_KINDS = ("audio", "image", "video")

urlpatterns = [
    *(
        path(
            f"detect/{kind}",
            compat.of_kind(compat.CompatibleView, kind, "file").as_view(),
            name=f"detect_{kind}",
        )
        for kind in DETECT_KINDS
    ),
    path("detect/multimodal", compat.MultimodalView.as_view(), name="detect_multimodal"),
    path("batch", compat.BatchUploadView.as_view(), name="batch"),
    path("analyze", compat.AnalyzeView.as_view(), name="analyze"),
    path("status/multimodal", compat.MultimodalStatusView.as_view(), name="status_multimodal"),
    path("status/<uuid:analysis_id>", compat.StatusView.as_view(), name="status"),
    *(
        path(
            f"api/v1/detect/{kind}",
            compat.of_kind(compat.ProbabilityView, kind, kind).as_view(),
            name=f"v1_detect_{kind}",
        )
        for kind in DETECT_KINDS
    ),
    path("api/v1/batch/process", compat.DirectoryView.as_view(), name="batch_process"),
    path("api/upload", compat.UploadView.as_view(), name="upload"),
    path("api/status/<uuid:analysis_id>", compat.StatusView.as_view(), name="api_status"),
    path("api/history", compat.HistoryView.as_view(), name="history"),
    path("api/clear_history", compat.ClearHistoryView.as_view(), name="clear_history"),
    path("health", views.HealthView.as_view(), name="root_health"),
    path("health/ready", views.ReadyView.as_view(), name="root_ready"),
    path("models/info", views.ModelsInfoView.as_view(), name="models_info"),
]
