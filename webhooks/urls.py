"""Addresses of the web hook pages."""

from django.urls import path

from webhooks import views

app_name = "webhooks"

urlpatterns = [
    path("webhooks/", views.index, name="list"),
    path("webhooks/new/", views.new, name="new"),
    path("webhooks/<uuid:webhook_id>/", views.detail, name="detail"),
    path("webhooks/<uuid:webhook_id>/rotate/", views.rotate, name="rotate"),
    path("webhooks/<uuid:webhook_id>/act/", views.act, name="act"),
]
