"""Addresses of the report pages."""

from django.urls import path

from reports import views

app_name = "reports"

urlpatterns = [
    path("cases/<str:number>/reports/", views.case_reports, name="case_reports"),
    path("cases/<str:number>/reports/report/", views.create_report, name="create_report"),
    path("cases/<str:number>/reports/bundle/", views.create_bundle, name="create_bundle"),
    path("exports/<uuid:export_id>/", views.download, name="download"),
]
