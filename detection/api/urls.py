"""Addresses of the examination room below ``/api/v1/``."""

from django.urls import path

from detection.api import reviews, views

urlpatterns = [
    *reviews.urlpatterns,
    path("analyses", views.AnalysesView.as_view(), name="analyses"),
    path("analyses/batch", views.BatchView.as_view(), name="analyses_batch"),
    path("analyses/<uuid:analysis_id>", views.AnalysisView.as_view(), name="analysis"),
    path("analyses/<uuid:analysis_id>/cancel", views.CancelView.as_view(), name="cancel"),
    path("analyses/<uuid:analysis_id>/rerun", views.RerunView.as_view(), name="rerun"),
    path(
        "analyses/<uuid:analysis_id>/compare/<uuid:other_id>",
        views.CompareView.as_view(),
        name="compare",
    ),
    path("analyses/<uuid:analysis_id>/finding", views.FindingView.as_view(), name="finding"),
    path("analyses/<uuid:analysis_id>/artefacts", views.ArtefactsView.as_view(), name="artefacts"),
    path("artefacts/<uuid:artefact_id>", views.ArtefactView.as_view(), name="artefact"),
    path(
        "artefacts/<uuid:artefact_id>/content",
        views.ArtefactContentView.as_view(),
        name="artefact_content",
    ),
    path("models", views.ModelsView.as_view(), name="models"),
    path("health", views.HealthView.as_view(), name="health"),
    path("health/ready", views.ReadyView.as_view(), name="ready"),
]
