"""Whole programs of each era train to the same costs and variables as the same model in today's spelling."""
import old_programs
import pytest

from tensorpack import tfv1


def run(program):
    with tfv1.Graph().as_default():
        return old_programs.run(program)


@pytest.fixture(scope="module")
def today():
    return {name: run(getattr(old_programs, name)) for name in ("PLAIN", "REGULARIZED", "TWO_TOWERS")}


@pytest.mark.parametrize("era, reference", [
    ("ERA_A", "PLAIN"), ("ERA_B", "PLAIN"), ("ERA_C", "REGULARIZED"), ("ERA_D", "PLAIN"), ("ERA_D_LAUNCH", "REGULARIZED"),
    ("ERA_C_TWO_TOWERS", "TWO_TOWERS"), ("ERA_E", "REGULARIZED"), ("ERA_F", "PLAIN")])
def test_a_program_of_the_era_trains_as_today(era, reference, today, log_dir, warnings):
    of_any_tower = ["cost"] if reference == "TWO_TOWERS" else []  # that of the first one, whichever datapoint it has taken
    old_programs.same(run(getattr(old_programs, era)), today[reference], but=of_any_tower)
    texts = warnings()
    assert len(set(texts)) == len(texts) or any("peed" in text for text in texts)
    assert any("REGULARIZATION_LOSSES" in text for text in texts) == (reference != "PLAIN" or era == "ERA_F")


def test_the_references_differ(today):
    for one, other in (("PLAIN", "REGULARIZED"), ("REGULARIZED", "TWO_TOWERS")):
        assert abs(today[one][-1]["w"] - today[other][-1]["w"]).max() > 1e-3
