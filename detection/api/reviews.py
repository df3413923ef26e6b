"""Reviews over HTTP: who is asked, asking, opinions, sign-offs and dissents.

Keys read; only a person, signed in, asks for a review or gives one.
"""

from __future__ import annotations

import uuid
from typing import Any

import django_filters as filters
from django.db.models import QuerySet
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actors import actor_for
from accounts.api.fields import TextModelSerializer
from accounts.api.filters import TruthFilter
from accounts.api.views import Resource
from accounts.models import User
from cases.permissions import CaseAction, require
from detection import selectors, services
from detection.models import Review, ReviewKind, ReviewRequest


class ReviewSerializer(TextModelSerializer):
    """A person's word on an analysis; ``request`` names the request that it answers."""

    analysis = serializers.UUIDField(source="analysis_id", read_only=True)
    request = serializers.UUIDField(source="request_id", read_only=True, allow_null=True)
    reviewer = serializers.CharField(source="reviewer.username", read_only=True)
    kind = serializers.ChoiceField(choices=ReviewKind.choices)

    class Meta:
        model = Review
        fields = (
            "id",
            "analysis",
            "request",
            "reviewer",
            "kind",
            "text",
            "agrees",
            "blind",
            "created_at",
        )
        read_only_fields = ("id", "blind", "created_at")


class Reviewer(serializers.SlugRelatedField[User]):
    """A person by user name, of those whom the view offers."""

    def get_queryset(self) -> QuerySet[User]:
        offered = self.context.get("reviewers")
        return offered() if offered else User.objects.none()


class AskedReviewSerializer(serializers.ModelSerializer[ReviewRequest]):
    """Somebody is asked for an opinion; ``answer`` is their review, null until it is given."""

    case = serializers.UUIDField(source="analysis.exhibit.case_id", read_only=True)
    analysis = serializers.UUIDField(source="analysis_id", read_only=True)
    reviewer = Reviewer(slug_field="username")
    requested_by = serializers.CharField(source="requested_by.username", read_only=True)
    answer = serializers.UUIDField(read_only=True, allow_null=True, default=None)

    class Meta:
        model = ReviewRequest
        fields = (
            "id",
            "case",
            "analysis",
            "reviewer",
            "requested_by",
            "blind",
            "created_at",
            "answer",
        )
        read_only_fields = ("id", "created_at")


class ReviewFilter(filters.FilterSet):
    """``?case=…&analysis=…&reviewer=carol&kind=sign_off``"""

    case = filters.UUIDFilter(field_name="analysis__exhibit__case_id")
    analysis = filters.UUIDFilter(field_name="analysis_id")
    reviewer = filters.CharFilter(field_name="reviewer__username")

    class Meta:
        model = Review
        fields = ("kind",)


class ReviewRequestFilter(filters.FilterSet):
    """``?case=…&analysis=…&reviewer=carol&answered=false``"""

    case = filters.UUIDFilter(field_name="analysis__exhibit__case_id")
    analysis = filters.UUIDFilter(field_name="analysis_id")
    reviewer = filters.CharFilter(field_name="reviewer__username")
    answered = TruthFilter(field_name="answer", lookup_expr="isnull", exclude=True)
    blind = TruthFilter()

    class Meta:
        model = ReviewRequest
        fields = ()


class ReviewsView(Resource):
    """Reviews in every case the caller may see, newest first."""

    queryset = Review.objects.none()
    serializer_class = ReviewSerializer
    filterset_class = ReviewFilter

    @extend_schema(operation_id="reviews_list_all", responses=ReviewSerializer(many=True))
    def get(self, request: Request) -> Response:
        return self.page(selectors.all_reviews_for(actor_for(request)))


class ReviewView(Resource):
    """One review."""

    serializer_class = ReviewSerializer

    @extend_schema(operation_id="reviews_read")
    def get(self, request: Request, review_id: uuid.UUID) -> Response:
        review = selectors.all_reviews_for(actor_for(request)).get(pk=review_id)
        return Response(self.get_serializer(review).data)


class AnalysisReviewsView(Resource):
    """Opinions, sign-offs and dissents on one analysis, oldest first; a POST by a person gives one.

    An opinion answers the open request for it. A sign-off or dissent answers an opinion of
    somebody else.
    """

    queryset = Review.objects.none()
    serializer_class = ReviewSerializer
    pagination_class = None

    @extend_schema(operation_id="reviews_list", responses=ReviewSerializer(many=True))
    def get(self, request: Request, analysis_id: uuid.UUID) -> Response:
        actor = actor_for(request)
        reviews = selectors.reviews_for(actor, selectors.analysis_for(actor, analysis_id))
        return Response(self.get_serializer(reviews, many=True).data)

    @extend_schema(operation_id="reviews_add", responses={201: ReviewSerializer})
    def post(self, request: Request, analysis_id: uuid.UUID) -> Response:
        actor = actor_for(request)
        analysis = selectors.analysis_for(actor, analysis_id)
        require(actor, analysis.exhibit.case, CaseAction.REVIEW)
        data = self.get_serializer(data=request.data)
        data.is_valid(raise_exception=True)
        review = services.add_review(actor=actor, analysis=analysis, **data.validated_data)
        return Response(self.get_serializer(review).data, status=201)


class ReviewRequestsView(Resource):
    """Who is asked for a review in the cases the caller may see, newest first."""

    queryset = ReviewRequest.objects.none()
    serializer_class = AskedReviewSerializer
    filterset_class = ReviewRequestFilter

    @extend_schema(
        operation_id="review_requests_list_all", responses=AskedReviewSerializer(many=True)
    )
    def get(self, request: Request) -> Response:
        return self.page(selectors.review_requests_for(actor_for(request)))


class ReviewRequestView(Resource):
    """One request for a review."""

    serializer_class = AskedReviewSerializer

    @extend_schema(operation_id="review_requests_read")
    def get(self, request: Request, review_request_id: uuid.UUID) -> Response:
        asked = selectors.review_requests_for(actor_for(request)).get(pk=review_request_id)
        return Response(self.get_serializer(asked).data)


class AnalysisReviewRequestsView(Resource):
    """Who is asked for a review of one analysis; a POST by a person asks a member of the case."""

    queryset = ReviewRequest.objects.none()
    serializer_class = AskedReviewSerializer
    filterset_class = ReviewRequestFilter

    @extend_schema(operation_id="review_requests_list", responses=AskedReviewSerializer(many=True))
    def get(self, request: Request, analysis_id: uuid.UUID) -> Response:
        actor = actor_for(request)
        analysis = selectors.analysis_for(actor, analysis_id)
        return self.page(selectors.review_requests_for(actor).filter(analysis=analysis))

    @extend_schema(
        operation_id="review_requests_ask",
        responses={201: AskedReviewSerializer},
    )
    def post(self, request: Request, analysis_id: uuid.UUID) -> Response:
        actor = actor_for(request)
        analysis = selectors.analysis_for(actor, analysis_id)
        require(actor, analysis.exhibit.case, CaseAction.REVIEW)
        data = self.get_serializer(data=request.data)
        data.is_valid(raise_exception=True)
        asked = services.request_review(actor=actor, analysis=analysis, **data.validated_data)
        return Response(self.get_serializer(asked).data, status=201)

    def get_serializer_context(self) -> dict[str, Any]:
        """Whom a request, or the form of the browsable API, may name."""
        return {**super().get_serializer_context(), "reviewers": self._reviewers}

    def _reviewers(self) -> QuerySet[User]:
        actor = actor_for(self.request)
        analysis = selectors.analysis_for(actor, self.kwargs["analysis_id"])
        return selectors.possible_reviewers(actor, analysis)


urlpatterns = [
    path("reviews", ReviewsView.as_view(), name="all_reviews"),
    path("reviews/<uuid:review_id>", ReviewView.as_view(), name="review"),
    path("analyses/<uuid:analysis_id>/reviews", AnalysisReviewsView.as_view(), name="reviews"),
    path("review-requests", ReviewRequestsView.as_view(), name="all_review_requests"),
    path(
        "review-requests/<uuid:review_request_id>",
        ReviewRequestView.as_view(),
        name="review_request",
    ),
    path(
        "analyses/<uuid:analysis_id>/review-requests",
        AnalysisReviewRequestsView.as_view(),
        name="review_requests",
    ),
]
