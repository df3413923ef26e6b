"""Pages of the accounts room; allauth's own pages are included by the platform."""

from django.urls import path

from accounts import views

app_name = "accounts"

urlpatterns = [
    path("account/keys/", views.keys, name="keys"),
    path("account/keys/new/", views.new_key, name="new_key"),
    path("account/keys/<uuid:key_id>/rotate/", views.rotate, name="rotate_key"),
    path("account/keys/<uuid:key_id>/revoke/", views.revoke, name="revoke_key"),
    path("account/security/", views.security, name="security"),
]
