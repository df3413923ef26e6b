"""How analyses, findings, derived files and weight sets look in JSON."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.reverse import reverse

from accounts.api.fields import SparseMixin, Text
from detection.models import Analysis, Artefact, Finding, ModelVersion
from ml.parameters import STRATEGIES


class ParametersSerializer(serializers.Serializer[Any]):
    """What one analysis may change of its profile; what is left out keeps the profile's value."""

    fusion_strategy = serializers.ChoiceField(choices=STRATEGIES, required=False)
    threshold = serializers.FloatField(min_value=0.3, max_value=0.7, required=False)
    audio_temperature = serializers.FloatField(min_value=1, max_value=10, required=False)
    frame_step = serializers.IntegerField(min_value=1, max_value=15, required=False)
    max_frames = serializers.IntegerField(min_value=8, max_value=500, required=False)
    prior = serializers.FloatField(min_value=0.001, max_value=0.999, required=False)


class SubmissionSerializer(serializers.Serializer[Any]):
    """Analyse one exhibit with one profile."""

    exhibit = serializers.UUIDField()
    profile = Text(required=False, default="standard", max_length=64)
    parameters = ParametersSerializer(required=False, default=dict)


class BatchSubmissionSerializer(serializers.Serializer[Any]):
    """Analyse several exhibits with one profile; refused as a whole if one of them is."""

    exhibits = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=100)
    profile = Text(required=False, default="standard", max_length=64)
    parameters = ParametersSerializer(required=False, default=dict)


class AnalysisSerializer(SparseMixin, serializers.ModelSerializer[Analysis]):
    """An analysis: where it stands, and where its finding is once it is complete."""

    case = serializers.UUIDField(source="exhibit.case_id", read_only=True)
    exhibit = serializers.UUIDField(source="exhibit_id", read_only=True)
    exhibit_label = serializers.CharField(source="exhibit.label", read_only=True)
    rerun_of = serializers.UUIDField(source="rerun_of_id", read_only=True, allow_null=True)
    parameters = ParametersSerializer(read_only=True)
    submitted_by = serializers.CharField(source="submitted_by_label", read_only=True)
    finding = serializers.SerializerMethodField()

    class Meta:
        model = Analysis
        fields = (
            "id",
            "case",
            "exhibit",
            "exhibit_label",
            "profile",
            "parameters",
            "status",
            "stage",
            "percent",
            "attempt",
            "error_code",
            "error_message",
            "rerun_of",
            "submitted_by",
            "created_at",
            "started_at",
            "finished_at",
            "evidence_sha256",
            "finding",
        )
        read_only_fields = fields

    @extend_schema_field({"type": "string", "format": "uri", "nullable": True})
    def get_finding(self, analysis: Analysis) -> str | None:
        if analysis.status != "complete":
            return None
        return reverse("api:finding", args=[analysis.pk], request=self.context.get("request"))


class FindingSerializer(SparseMixin, serializers.ModelSerializer[Finding]):
    """What the machine found; ``result`` is the whole record (schema ``dfd.result.v1``)."""

    analysis = serializers.UUIDField(source="analysis_id", read_only=True)
    result = serializers.SerializerMethodField()

    class Meta:
        model = Finding
        fields = (
            "analysis",
            "verdict",
            "probability",
            "log10_lr",
            "casework_approved",
            "result_sha256",
            "created_at",
            "result",
        )
        read_only_fields = fields

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_result(self, finding: Finding) -> dict[str, Any]:
        return dict(finding.result)


class ArtefactSerializer(serializers.ModelSerializer[Artefact]):
    """A derived file: what it was made from, by whom, where in the recording, its own hash."""

    analysis = serializers.UUIDField(source="analysis_id", read_only=True)
    content = serializers.SerializerMethodField()

    class Meta:
        model = Artefact
        fields = (
            "id",
            "analysis",
            "name",
            "kind",
            "mime_type",
            "sha256",
            "size",
            "parent_sha256",
            "producer",
            "t",
            "track",
            "width",
            "height",
            "caption",
            "content",
        )
        read_only_fields = fields

    @extend_schema_field(OpenApiTypes.URI)
    def get_content(self, artefact: Artefact) -> str:
        return reverse(
            "api:artefact_content", args=[artefact.pk], request=self.context.get("request")
        )


class ModelSerializer(serializers.ModelSerializer[ModelVersion]):
    """A registered weight set and how far it is approved for casework."""

    entry = serializers.SerializerMethodField()
    approval = serializers.SerializerMethodField()

    class Meta:
        model = ModelVersion
        fields = (
            "id",
            "name",
            "sha256",
            "architecture",
            "licence",
            "registered_at",
            "approval",
            "entry",
        )
        read_only_fields = fields

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_entry(self, model: ModelVersion) -> dict[str, Any]:
        return dict(model.entry)

    @extend_schema_field({"type": "string", "enum": ["none", "proposed", "approved", "withdrawn"]})
    def get_approval(self, model: ModelVersion) -> str:
        decisions = list(model.decisions.all())
        return str(decisions[-1].kind) if decisions else "none"


class ComparisonSerializer(serializers.Serializer[Any]):
    """How far two runs agree."""

    sameness = serializers.CharField()
    tolerance = serializers.FloatField()
    differences = serializers.ListField(child=serializers.DictField())
    reasons = serializers.ListField(child=serializers.CharField())


class HealthSerializer(serializers.Serializer[Any]):
    """``status`` is ``ok`` when everything needed to finish an analysis answers."""

    status = serializers.ChoiceField(choices=["ok", "unavailable"])
    database = serializers.BooleanField()
    redis = serializers.BooleanField()
    workers = serializers.IntegerField()
    light_workers = serializers.IntegerField()
    queued = serializers.IntegerField()
    running = serializers.IntegerField()
    expected_wait_s = serializers.FloatField(allow_null=True)
