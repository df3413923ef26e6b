import shutil
import pytest
from reports import services
from cases.storage import artefact_store
@pytest.mark.django_db(transaction=True)
def test_demo(bundle, analysis, examiner, tmp_path):
    shutil.rmtree("/tmp/ledger/bundle", ignore_errors=True)
    shutil.copytree(bundle, "/tmp/ledger/bundle")
    e = services.create_report(actor=examiner, analysis=analysis)
    shutil.copyfile(artefact_store().path(e.storage_key), "/tmp/ledger/report.pdf")
