# `make demo` and `make test` are all that a newcomer needs: each sets up its own environment below this folder.
# The text after ## is what `make help` prints.
PYTHON ?= python3
PYTHON37 ?= $(shell sh scripts/find-python 3.7)
# Three processes on two cores, since many tests wait.
PYTEST_ARGS ?= -n 3 --dist worksteal
RUN_TESTS = date; $(1) $(PYTEST_ARGS)
# Hundreds of processes import the library: each would compile it anew, which takes longer than most tests.
unexport PYTHONDONTWRITEBYTECODE
PIP_FLAGS = --quiet --disable-pip-version-check
# What would bring along other versions of what is there, or uWSGI, which has to be compiled and is not used.
WITHOUT_DEPENDENCIES = --no-deps simple-tensorflow-serving==0.8.2

.PHONY: help demo environments test test-today test-legacy test-matrix test-opencv lint api coverage docs dist clean

help: ## what can be made
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | awk -F '|' '{printf "  make %-14s %s\n", $$1, $$2}'

demo: .venv/demo.stamp ## train on digits, validate, predict, export, draw the curve: about a minute
	.venv/bin/python examples/basics/digits-convnet.py

environments: .venv/test.stamp ## .venv and, where there is a Python 3.7, .venv37: all that tests, linter and site need
ifneq ($(PYTHON37),)
environments: .venv37/test.stamp
endif

test: test-today test-legacy ## the whole suite, on the newest TensorFlow and on TensorFlow 1.15

test-today: .venv/test.stamp ## the suite on this Python with the newest TensorFlow
	$(call RUN_TESTS,.venv/bin/python -m pytest)

test-legacy: ## the suite on Python 3.7 with TensorFlow 1.15
ifeq ($(PYTHON37),)
	@echo "SKIPPED: no Python 3.7 on PATH or in pyenv, so nothing was tested on TensorFlow 1.15"
else
	$(MAKE) .venv37/test.stamp
	$(call RUN_TESTS,.venv37/bin/python -m pytest)
endif

test-matrix: ## smoke tests on every supported TensorFlow from 2.4 on, each in its own environment; not part of CI
	$(PYTHON) scripts/test-matrix

test-opencv: .venv/test.stamp $(if $(PYTHON37),.venv37/test.stamp) ## what calls OpenCV, on its oldest supported, newest 4 and newest 5; not part of CI
	.venv/bin/python scripts/test-opencv
	$(if $(PYTHON37),.venv37/bin/python scripts/test-opencv)

lint: .venv/test.stamp ## the linter, and the types of the library
	.venv/bin/ruff check .
	.venv/bin/python -m mypy

# The public names that are claimed so far, against the list of all; needs the contract beside the checkout.
api: .venv/test.stamp ## the public names, against the list of all
	.venv/bin/python scripts/check-api

coverage: .venv/test.stamp ## lines and branches that the suite runs on the newest TensorFlow; not part of CI
	.venv/bin/python -m coverage erase
	.venv/bin/python -m coverage run -m pytest $(PYTEST_ARGS)
	.venv/bin/python -m coverage combine --quiet
	.venv/bin/python -m coverage report --skip-covered

docs: .venv/docs.stamp ## the site, in docs/_build/html
	.venv/bin/python -m sphinx -q -W --keep-going -j auto docs docs/_build/html
	@echo "docs/_build/html/index.html"

dist: .venv-dist/bin/python ## a wheel and an sdist, in dist/
	rm -rf dist
	.venv-dist/bin/python -m pip install $(PIP_FLAGS) --upgrade build
	.venv-dist/bin/python -m build --outdir dist

.venv/bin/python .venv-dist/bin/python:
	$(PYTHON) -m venv $(@:/bin/python=) || \
		($(PYTHON) -m pip install $(PIP_FLAGS) --user virtualenv && $(PYTHON) -m virtualenv $(@:/bin/python=))

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

clean: ## remove all environments, what was built, and train_log
	rm -rf .venv .venv37 .venv-dist .venv-matrix build dist docs/_build docs/examples train_log
