"""The OpenAPI schema, and Swagger UI and ReDoc from our own host.

Both viewers write style elements at run time (and ReDoc starts a worker from a blob), so these two
pages alone relax the Content-Security-Policy for styles; scripts stay with our own files.
"""

from __future__ import annotations

from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_replace
from django.utils.decorators import method_decorator
from drf_spectacular.views import (
    SpectacularAPIView,
    SpectacularRedocView,
    SpectacularSwaggerSplitView,
)
from rest_framework.permissions import AllowAny

VIEWER_POLICY = {"style-src": [SELF, UNSAFE_INLINE], "worker-src": ["blob:"]}


class SchemaView(SpectacularAPIView):
    """The schema itself; it holds no data, so everybody may read it."""

    permission_classes = (AllowAny,)
    throttle_classes = ()


@method_decorator(csp_replace(VIEWER_POLICY), name="dispatch")
class SwaggerPage(SpectacularSwaggerSplitView):
    """Swagger UI."""

    permission_classes = (AllowAny,)


@method_decorator(csp_replace(VIEWER_POLICY), name="dispatch")
class RedocPage(SpectacularRedocView):
    """ReDoc."""

    permission_classes = (AllowAny,)
    template_name = "api/redoc.html"
