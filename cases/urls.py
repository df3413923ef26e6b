"""Addresses of the case pages, under ``/cases/``."""

from django.urls import path

from cases.views import evidence, keeping, people, records, register

app_name = "cases"

urlpatterns = [
    path("", register.case_list, name="list"),
    path("new/", register.create, name="create"),
    path("views/", register.save_view, name="save_view"),
    path("views/<uuid:view_id>/remove/", register.remove_view, name="remove_view"),
    path("received/<uuid:exhibit_id>/", evidence.received, name="received"),
    path("transfers/<uuid:transfer_id>/", evidence.transfer, name="transfer"),
    path("<str:number>/settings/", register.settings, name="settings"),
    path("<str:number>/close/", register.close, name="close"),
    path("<str:number>/reopen/", register.reopen, name="reopen"),
    path("<str:number>/upload/", evidence.upload, name="upload"),
    path("<str:number>/people/", people.people, name="people"),
    path("<str:number>/people/<int:user_id>/remove/", people.remove, name="remove_member"),
    path(
        "<str:number>/people/emergency/<uuid:access_id>/end/",
        people.end_emergency,
        name="end_emergency",
    ),
    path("<str:number>/notes/", records.notes, name="notes"),
    path("<str:number>/custody/", records.custody, name="custody"),
    path("<str:number>/ledger/", records.ledger, name="ledger"),
    path("<str:number>/exhibits/<int:exhibit_number>/media/", evidence.media, name="media"),
    path(
        "<str:number>/exhibits/<int:exhibit_number>/download/", evidence.download, name="download"
    ),
    path("<str:number>/exhibits/<int:exhibit_number>/verify/", evidence.verify, name="verify"),
    path("<str:number>/holds/", keeping.holds, name="holds"),
    path("<str:number>/holds/<uuid:hold_id>/release/", keeping.release_hold, name="release_hold"),
    path(
        "<str:number>/destruction/<uuid:request_id>/",
        keeping.answer_destruction,
        name="answer_destruction",
    ),
    path(
        "<str:number>/destruction/<uuid:request_id>/certificate.json",
        keeping.certificate,
        name="certificate",
    ),
    path(
        "<str:number>/exhibits/<int:exhibit_number>/custody/",
        keeping.exhibit_custody,
        name="exhibit_custody",
    ),
    path(
        "<str:number>/exhibits/<int:exhibit_number>/custody/offer/",
        keeping.offer,
        name="offer",
    ),
    path(
        "<str:number>/exhibits/<int:exhibit_number>/custody/return/",
        keeping.give_back,
        name="give_back",
    ),
    path(
        "<str:number>/exhibits/<int:exhibit_number>/custody/unfreeze/",
        keeping.unfreeze,
        name="unfreeze",
    ),
    path(
        "<str:number>/exhibits/<int:exhibit_number>/custody/destruction/",
        keeping.ask_destruction,
        name="ask_destruction",
    ),
]
