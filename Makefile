# `make demo` and `make test` are all that a newcomer needs: each sets up its own environment below this folder.
PYTHON ?= python3
PYTHON37 ?= $(shell sh scripts/find-python 3.7)
PYTEST_ARGS ?= -n 2 --dist worksteal
# Hundreds of tests kill processes and measure time, and a shared machine may stall: what fails (pytest's exit status 1) gets
# one more try by itself, in plain view.
RUN_TESTS = date; $(1) $(PYTEST_ARGS) || { test $$? -eq 1 && echo "=== One more try of the tests that failed ===" && \
	$(1) --last-failed --last-failed-no-failures none; }
PIP_FLAGS = --quiet --disable-pip-version-check
# What would bring along other versions of what is there, or uWSGI, which has to be compiled and is not used.
WITHOUT_DEPENDENCIES = --no-deps simple-tensorflow-serving==0.8.2

.PHONY: demo docs test test-today test-legacy lint api clean

demo: .venv/demo.stamp
	.venv/bin/python examples/basics/digits-convnet.py

docs: .venv/docs.stamp
	.venv/bin/python -m sphinx -q -W --keep-going -j auto docs docs/_build/html
	@echo "docs/_build/html/index.html"

test: test-today test-legacy

test-today: .venv/test.stamp
	$(call RUN_TESTS,.venv/bin/python -m pytest)

test-legacy:
ifeq ($(PYTHON37),)
	@echo "SKIPPED: no Python 3.7 on PATH or in pyenv, so nothing was tested on TensorFlow 1.15"
else
	$(MAKE) .venv37/test.stamp
	$(call RUN_TESTS,.venv37/bin/python -m pytest)
endif

lint: .venv/test.stamp
	.venv/bin/ruff check .

# The public names that are claimed so far, against the list of all; needs the contract beside the checkout.
api: .venv/test.stamp
	.venv/bin/python scripts/check-api

.venv/bin/python:
	$(PYTHON) -m venv .venv || ($(PYTHON) -m pip install $(PIP_FLAGS) --user virtualenv && $(PYTHON) -m virtualenv .venv)

.venv/demo.stamp: .venv/bin/python setup.py
	.venv/bin/python -m pip install $(PIP_FLAGS) -e '.[tf,examples]'
	touch $@

.venv/docs.stamp: .venv/bin/python setup.py docs/requirements.txt
	.venv/bin/python -m pip install $(PIP_FLAGS) -e '.[tf,image]' -r docs/requirements.txt
	touch $@

.venv/test.stamp: .venv/bin/python setup.py requirements-test.txt docs/requirements.txt
	.venv/bin/python -m pip install $(PIP_FLAGS) --upgrade -e '.[tf,image,examples]' -r requirements-test.txt -r docs/requirements.txt
	.venv/bin/python -m pip install $(PIP_FLAGS) $(WITHOUT_DEPENDENCIES) "tf_keras==2.21.*"
	touch $@

# protobuf 3.21 and later refuse the generated code of TensorFlow 1.15; pip of Python 3.7 is old, so it is upgraded first.
.venv37/test.stamp: setup.py requirements-test.txt
	test -x .venv37/bin/python || $(PYTHON37) -m venv .venv37
	.venv37/bin/python -m pip install $(PIP_FLAGS) --upgrade 'pip<24.1' wheel
	.venv37/bin/python -m pip install $(PIP_FLAGS) 'tensorflow==1.15.5' 'protobuf<3.21' -e '.[image,examples]' -r requirements-test.txt
	.venv37/bin/python -m pip install $(PIP_FLAGS) $(WITHOUT_DEPENDENCIES) imgaug
	touch $@

clean:
	rm -rf .venv .venv37 train_log
