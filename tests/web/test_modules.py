"""The pages' own JavaScript modules."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import ROOT

TEMPLATES = sorted(
    path for path in (ROOT / "templates").rglob("*.html") if 'type="module"' in path.read_text()
)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_page_loads_a_module_that_another_of_its_modules_imports(template: Path) -> None:
    """The page asks for it by its hashed name, the module by its plain one: it would run twice."""
    loaded = re.findall(r"""static 'dfd/(\w+\.js)' %}" type="module\"""", template.read_text())
    assert loaded
    for module in loaded:
        source = (ROOT / "static" / "dfd" / module).read_text()
        assert not set(re.findall(r'^import .* from "\./(.*)";', source, re.M)) & set(loaded)
