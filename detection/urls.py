"""Addresses of the pages that join cases and findings."""

from django.urls import path

from detection.views import analysis, batch, case, home, live, reviews

app_name = "detection"

urlpatterns = [
    path("", home.home, name="home"),
    path("search/", home.search, name="search"),
    path("help/", home.help_page, name="help"),
    path("notifications/", home.notifications, name="notifications"),
    path("notifications/count/", home.notification_count, name="notification_count"),
    path("live/", live.page, name="live"),
    path("live/<uuid:session_id>/", live.session, name="live_session"),
    path("reviews/", reviews.queue, name="reviews"),
    path("cases/<str:number>/", case.case, name="case"),
    path("cases/<str:number>/analyse/", case.analyse, name="analyse"),
    path("cases/<str:number>/analyses/", case.case_analyses, name="case_analyses"),
    path("cases/<str:number>/exhibits/<int:exhibit_number>/", case.exhibit, name="exhibit"),
    path("cases/<str:number>/batch/", batch.batch, name="batch"),
    path("compare/", analysis.compare, name="compare"),
    path("analyses/<uuid:analysis_id>/", analysis.analysis, name="analysis"),
    path("analyses/<uuid:analysis_id>/progress/", analysis.progress, name="progress"),
    path("analyses/<uuid:analysis_id>/rerun/", analysis.rerun, name="rerun"),
    path("analyses/<uuid:analysis_id>/cancel/", analysis.cancel, name="cancel"),
    path("analyses/<uuid:analysis_id>/review/", analysis.review, name="review"),
    path("analyses/<uuid:analysis_id>/ask-review/", analysis.ask_review, name="ask_review"),
    path("analyses/<uuid:analysis_id>/result.json", analysis.result_json, name="result_json"),
    path(
        "analyses/<uuid:analysis_id>/compare/<uuid:other_id>/",
        analysis.comparison,
        name="comparison",
    ),
    path("artefacts/<uuid:artefact_id>/", analysis.artefact, name="artefact"),
]
