"""Whole programs of each era train to the same costs and variables as the same model in today's spelling."""
import old_programs
import pytest

from tensorpack import tfv1


def run(program):
    with tfv1.Graph().as_default():
        return old_programs.run(program)


@pytest.fixture(scope="module")
def today():
    return {name: run(getattr(old_programs, name)) for name in ("PLAIN", "REGULARIZED")}


@pytest.mark.parametrize("era, reference", [
    ("ERA_A", "PLAIN"), ("ERA_B", "PLAIN"), ("ERA_C", "REGULARIZED"), ("ERA_D", "PLAIN"), ("ERA_D_LAUNCH", "REGULARIZED"),
    ("ERA_E", "REGULARIZED"), ("ERA_F", "PLAIN")])
def test_a_program_of_the_era_trains_as_today(era, reference, today, log_dir, warnings):
    old_programs.same(run(getattr(old_programs, era)), today[reference])
    texts = warnings()
    assert len(set(texts)) == len(texts) or any("peed" in text for text in texts)
    assert any("REGULARIZATION_LOSSES" in text for text in texts) == (reference == "REGULARIZED" or era == "ERA_F")


def test_the_references_differ(today):
    assert abs(today["PLAIN"][-1]["w"] - today["REGULARIZED"][-1]["w"]).max() > 1e-3
