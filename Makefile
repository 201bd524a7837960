# Everything runs in .venv, which is made at the first call and again when setup.cfg changes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
QUICKSTART := runs/quickstart
SMOKE := runs/smoke

# A .venv once made keeps its interpreter: `python -m venv` over it changes nothing.
define CHECK_PYTHON
import sys
if not (3, 10) <= sys.version_info < (3, 12):
    found = "$(VENV) has Python %d.%d, and 3.10 or 3.11 is needed" % sys.version_info[:2]
    sys.exit(found + ": rm -rf $(VENV), then make PYTHON=python3.11 ...")
endef
export CHECK_PYTHON

.PHONY: install test faults lint format quickstart smoke pictures clean

install: $(INSTALLED)

$(INSTALLED): setup.cfg pyproject.toml
	$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -c "$$CHECK_PYTHON"
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	touch $(INSTALLED)

test: $(INSTALLED) lint
	$(BIN)/python -m pytest -n auto --dist loadfile

# All that can go wrong with a run, done to it for real; `make test` has a short form.
faults: $(INSTALLED)
	$(BIN)/python -m pytest -m fault --full

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# As a recipe and not as a target, which `make smoke quickstart` would make once, for the first alone.
define WHOLE_WAY
$(BIN)/python -m ct2mr_tf.cli.make_phantom --out=$(FOLDER)/hospital --patients=$(PATIENTS) \
  --turn_deg=0
$(BIN)/python -m ct2mr_tf.cli.prepare build --dicom_root=$(FOLDER)/hospital/dicom \
  --landmarks=$(FOLDER)/hospital/landmarks --key_file=$(FOLDER)/hospital/pseudonyms.key \
  --out=$(FOLDER)/dataset $(PREPARE)
$(BIN)/python train.py --flagfile=$(FLAGS)
rm -rf $(FOLDER)/report
$(BIN)/python -m ct2mr_tf.cli.evaluate --workdir=$(FOLDER)/run --split=test \
  --truth=$(FOLDER)/hospital/truth --report=$(FOLDER)/report
$(BIN)/python export.py --workdir=$(FOLDER)/run --export_dir=$(FOLDER)/models/ct2mr \
  --serving_kit=$(FOLDER)/serving
$(BIN)/python -m ct2mr_tf.cli.synthesize --ct=$(FOLDER)/hospital/dicom/$(SHOWN) \
  --landmarks=$(FOLDER)/hospital/landmarks \
  --key_file=$(FOLDER)/hospital/pseudonyms.key \
  --saved_model=$(FOLDER)/models/ct2mr --out=$(FOLDER)/synthetic
endef

# The whole way on phantoms: DICOM studies, pairs, training, evaluation, export, and synthetic MR of a
# patient as DICOM. Minutes, after the install.
quickstart: PATIENTS := 48
quickstart: PREPARE := --size=128 --split_fractions=0.75,0.08,0.17
quickstart: FOLDER := $(QUICKSTART)
quickstart: FLAGS := datasets/phantom/quickstart.flags
quickstart: SHOWN := PHANTOM-0005
quickstart: $(INSTALLED)
	$(WHOLE_WAY)
	@echo
	@echo "Report:   $(QUICKSTART)/report/report.html"
	@echo "DICOM:    $(QUICKSTART)/synthetic/discs/, and discs.png beside it"
	@echo "Server:   $(QUICKSTART)/serving/serve.sh"
	@echo "Pairs:    $(QUICKSTART)/dataset/contact_sheet.png and overviews/"
	@echo "Curves:   $(BIN)/tensorboard --logdir=$(QUICKSTART)/run"

# The same way in seconds.
smoke: PATIENTS := 4
smoke: PREPARE := --size=64 --split_fractions=0.5,0.25,0.25
smoke: FOLDER := $(SMOKE)
smoke: FLAGS := datasets/phantom/smoke.flags
smoke: SHOWN := PHANTOM-0004
smoke: $(INSTALLED)
	$(WHOLE_WAY)

# The README's pictures of the report and of reader studies. Needs chromium and a quickstart.
pictures: $(INSTALLED)
	$(BIN)/python tests/measurements/page_pictures.py $(QUICKSTART)/run datasets/phantom

# What install, quickstart and smoke have made; runs of your own stay.
clean:
	rm -rf $(VENV) $(QUICKSTART) $(SMOKE)
