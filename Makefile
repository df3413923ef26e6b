# Two commands matter: `make run` starts the platform, `make test` proves it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help run test lint format lock schema figures screenshots bench clean

help:
	@echo "make run     install what is needed and start the platform on http://127.0.0.1:8000"
	@echo "make test    install what the tests need and run every check and test"
	@echo "make lint    the checks alone: formatting, types, imports, migrations"
	@echo "make format  format the code"
	@echo "make lock    compile requirements*.in to pinned requirements*.txt"
	@echo "make schema  write docs/openapi.yaml from the code"
	@echo "make figures  write the README's tables from docs/evaluation"
	@echo "make screenshots   take docs/screenshots again from the pages"
	@echo "make bench FILES=…  measure analysis times on this machine"
	@echo "make clean   remove the environment and caches (never var/)"

run: $(VENV)/.installed
	@exec $(BIN)/python manage.py up

test: $(VENV)/.installed-dev
	@exec deploy/test.sh

lint: $(VENV)/.installed-dev
	@exec deploy/lint.sh

format: $(VENV)/.installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(VENV)/.installed-dev
	@exec deploy/lock.sh

schema: $(VENV)/.installed-dev
	$(BIN)/python manage.py spectacular --validate --file docs/openapi.yaml

figures:
	$(PYTHON) deploy/figures.py

screenshots: $(VENV)/.installed-dev
	DFD_SCREENSHOTS=docs/screenshots $(BIN)/pytest tests/web/test_screenshots.py -q

bench: $(VENV)/.installed
	@test -n "$(FILES)" || { echo 'make bench FILES="a.wav b.mp4"'; exit 2; }
	$(BIN)/python bench/analysis_times.py $(FILES)

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache staticfiles

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed; set PYTHON=/path/to/it")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@ $(VENV)/.installed
