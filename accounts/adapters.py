"""allauth's questions to this site: who may open an account?"""

from __future__ import annotations

from allauth.account.adapter import DefaultAccountAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.http import HttpRequest

from accounts.addresses import client_ip


class AccountAdapter(DefaultAccountAdapter):
    """Nobody signs up by himself: administrators create accounts."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        return client_ip(request)


class SocialAccountAdapter(DefaultSocialAccountAdapter):
    """Whoever the configured identity provider knows gets an account, without any role."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: object) -> bool:
        return True
