"""People and keys in Django admin. Signing in to the admin goes through the sign-in page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.contrib.auth import admin as auth_admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts import services
from accounts.actors import actor_for
from accounts.models import ApiKey, User

if TYPE_CHECKING:  # generic for the type checker only
    ModelAdmin = admin.ModelAdmin[Any]
    UserAdmin = auth_admin.UserAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin
    UserAdmin = auth_admin.UserAdmin

# Django's own admin sign-in knows neither second factors nor the rest of the sign-in page.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]


@admin.register(User)
class PlatformUserAdmin(UserAdmin):
    """People with their site role. Accounts are switched off rather than deleted."""

    list_display = ("username", "email", "site_role", "is_active", "last_login")
    list_filter = ("site_role", "is_active", "is_staff")
    fieldsets = (
        *(UserAdmin.fieldsets or ()),
        (
            "Platform",
            {
                "fields": (
                    "site_role",
                    "qualifications",
                    "timezone",
                    "quota_bytes",
                    "quota_analyses",
                )
            },
        ),
    )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(ApiKey)
class ApiKeyAdmin(ModelAdmin):
    """Keys without their secrets; the one thing to do with a key here is to revoke it."""

    list_display = ("name", "key_id", "owner", "scopes", "expires_at", "revoked_at", "last_used_at")
    list_filter = ("revoked_at", "expires_at")
    search_fields = ("name", "=key_id", "owner__username")
    exclude = ("digest",)
    actions = ("revoke",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.action(description="Revoke the selected keys", permissions=["view"])
    def revoke(self, request: HttpRequest, keys: QuerySet[ApiKey]) -> None:
        actor = actor_for(request)
        for key in keys:
            services.revoke_api_key(actor=actor, api_key=key)
        self.message_user(request, f"{len(keys)} keys were revoked.")
