"""Utilities in their older spellings."""
import argparse
import os

import numpy as np
import pytest

from tensorpack.utils import argtools, concurrency, gpu, logger, naming, rect, stats, utils, viz


def test_boxes_of_floats_and_of_pixels():
    box = rect.FloatBox(-1., np.float64(2.), 7.5, 5.)
    assert (box.w, box.h, box.area(), box.is_box()) == (8.5, 3, 25.5, True)
    box.clip_by_shape((4, 6))
    assert (box.x1, box.y1, box.x2, box.y2) == (0, 2, 6, 4)
    pixels = rect.IntBox(1, 2, 3, np.int64(3))
    assert (pixels.w, pixels.h, pixels.area()) == (3, 2, 6) and pixels.is_valid_box((4, 6)) and not pixels.is_valid_box((3, 6))
    image = np.arange(24).reshape(4, 6)
    np.testing.assert_array_equal(pixels.roi(image), image[2:4, 1:4])
    outside = rect.IntBox(-2, -2, 9, 9)
    outside.clip_by_shape(image.shape)
    assert (outside.x1, outside.y1, outside.x2, outside.y2) == (0, 0, 5, 3)
    covered = rect.FloatBox.from_intbox(pixels)
    assert (covered.x2, covered.y2) == (4, 4) and covered.area() == pixels.area()
    for wrong in (lambda: rect.FloatBox(1, 2, 3, 4), lambda: rect.IntBox(1., 2, 3, 4), lambda: outside.copy().roi(image[:2])):
        with pytest.raises(AssertionError):
            wrong()


def test_rectangles():
    box = rect.Rect(1, 2, 3, 1)
    image = np.arange(24).reshape(4, 6)
    assert (box.x0, box.y0, box.x1, box.y1, box.area()) == (1, 2, 4, 3, 3)
    np.testing.assert_array_equal(box.roi(image), image[2:4, 1:5])
    assert box.validate((4, 6)) and not box.validate((3, 6))
    wide = rect.Rect(2, 2, 4, 4).expand(2)
    assert (wide.x, wide.y, wide.w, wide.h) == (0, 0, 8, 8)
    padded = rect.Rect(-1, -1, 2, 2, allow_neg=True).roi_zeropad(image)
    np.testing.assert_array_equal(padded, [[0, 0, 0], [0, 0, 1], [0, 6, 7]])
    with pytest.raises(ValueError, match="must not be negative"):
        rect.Rect(-1)
    with pytest.raises(ValueError, match="use roi_zeropad"):
        rect.Rect(3, 0, 9, 1).roi(image)


def test_bins():
    from tensorpack.utils.discretize import UniformDiscretizer1D, UniformDiscretizerND

    bins = UniformDiscretizer1D(-1, 1, 0.5)
    assert [bins.get_bin(v) for v in (-2, -1, -0.51, 0, 0.99, 1, 7)] == [0, 0, 0, 2, 3, 3, 3]
    assert bins.get_nr_bin() == 4 and bins.get_bin_center(2) == 0.25
    np.testing.assert_allclose(bins.get_distribution(-0.9, smooth_factor=0.1), np.array([1, 0.1, 0.01, 0]) / 1.11)
    grid = UniformDiscretizerND((-1, 1, 0.5), (0, 3, 1))
    assert grid.get_nr_bin() == 12 and grid.get_bin((0.3, 1.5)) == 7 and grid.get_bin_center(7) == [0.25, 1.5]
    distribution = grid.get_distribution((0.3, 1.5))
    assert distribution.argmax() == 7 and abs(distribution.sum() - 1) < 1e-6


def test_tables_and_namespaces():
    from tensorpack.utils.globvars import globalns, use_global_argument
    from tensorpack.utils.lut import LookUpTable

    table = LookUpTable(["a", "b"])
    assert (table.size(), table.get_obj(1), table.get_idx("b")) == (2, "b", 1)
    globalns.use_argument(argparse.Namespace(x=3))
    use_global_argument(argparse.Namespace(y=4))
    assert (globalns.x, globalns.y) == (3, 4)
    with pytest.raises(TypeError, match="argparse.Namespace"):
        globalns.use_argument({"x": 3})


@pytest.mark.parametrize("arguments", [(None, True), (None, False), ("k", False)])
def test_the_log_directory_is_deleted_by_a_flag(tmp_path, monkeypatch, arguments, warnings):
    monkeypatch.chdir(tmp_path)
    logger.auto_set_dir()
    folder = logger.get_logger_dir()
    assert logger.LOG_FILE == os.path.join(folder, "log.log") and os.path.isfile(logger.LOG_FILE)
    kept = os.path.join(folder, "kept")
    open(kept, "w").close()
    monkeypatch.setenv("TENSORPACK_LOGDIR_ACTION", "k")
    logger.auto_set_dir(*arguments)
    assert logger.get_logger_dir() == folder and os.path.exists(kept) == (not arguments[1])
    assert any("auto_set_dir(overwrite={})".format(arguments[1]) in text for text in warnings())
    open(kept, "w").close()
    logger.auto_set_dir(overwrite_setting=True)
    assert not os.path.exists(kept)
    logger.auto_set_dir("k", "named")
    assert logger.get_logger_dir().endswith("named")


def test_the_logger_itself(log_records):
    assert logger.getlogger().name == "tensorpack" and len(logger.get_time_str()) == 11
    logger.warn_dependency("Thing", "package")
    try:
        logger.disable_logger()
        logger.error("unheard")
    finally:
        logger.getlogger().disabled = False
    assert [record.getMessage() for record in log_records if "unheard" in record.getMessage()] == []


def test_counters_and_constants(warnings):
    ratio = stats.RatioCounter()
    ratio.feed(cnt=1, tot=4)
    ratio.feed(2, 4)
    assert ratio.ratio == 3 / 8
    from tensorpack.utils.stat import RatioCounter
    assert RatioCounter is stats.RatioCounter
    assert naming.GLOBAL_STEP_VAR_NAME == "global_step:0" and naming.PREDICT_TOWER == "towerp"
    assert naming.SUMMARY_BACKUP_KEYS == ["summaries", "MOVING_SUMMARY_OPS"]
    assert naming.PREDICT_TOWER_FREEZE_KEYS == ["summaries", "MOVING_SUMMARY_OPS", "update_ops"]


def test_functions_that_have_moved(monkeypatch):
    from tensorpack.utils.dependency import create_dummy_class

    with pytest.raises(ImportError, match="nothing"):
        create_dummy_class("Thing", "nothing")()
    assert utils.memoized is argtools.memoized and utils.map_arg is argtools.map_arg
    assert concurrency.ensure_procs_terminate is concurrency.ensure_proc_terminate
    assert argtools.get_data_format("NHWC", tfmode=False) == argtools.get_data_format("NHWC", keras_mode=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2, 5")
    assert gpu.get_gpus() == utils.get_gpus() == ["2", "5"]


def test_the_build_of_the_documentation_is_known_by_both_names(monkeypatch):
    from tensorpack.utils import develop

    for name in ("READTHEDOCS", "DOC_BUILDING"):
        monkeypatch.delenv(name, raising=False)
    assert not develop.building_rtfd()
    monkeypatch.setenv("TENSORPACK_DOC_BUILDING", "1")
    assert develop.building_rtfd() and utils.building_rtfd()


def test_pictures_of_patches():
    pytest.importorskip("cv2")
    patches = [np.full([4, 4, 3], k, "uint8") for k in range(5)]
    first, second = viz.build_patch_list(patches, nr_row=1, nr_col=3)
    wanted = list(viz.gen_stack_patches(patches, 1, 3))
    np.testing.assert_array_equal([first, second], wanted)
    shuffled = list(viz.build_patch_list(patches, nr_row=1, nr_col=5, shuffle=True))
    assert sorted(shuffled[0].ravel()) == sorted(next(viz.gen_stack_patches(patches, 1, 5)).ravel())
    stacked = viz.stack_images([np.ones([2, 3, 3]), np.ones([4, 1, 3])])
    assert stacked.shape == (4, 4, 3) and stacked.sum() == 6 * 3 + 4 * 3
    assert viz.stack_images([np.ones([2, 3]), np.ones([4, 1])], vertical=True).shape == (6, 3)
    assert (viz.minnone(None, 3), viz.minnone(2, None), viz.minnone(2, 3)) == (3, 2, 2)
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("agg")
    assert viz.pyplot_viz(patches[0], shape=(20, 30)).shape == (20, 30, 3)


def test_a_star_import_gives_the_modules_again(warnings):
    namespace = {}
    exec("from tensorpack.utils import *", namespace)
    for name in ("argtools concurrency debug develop discretize fs globvars loadcaffe lut rect serialize stats timer "
                 "viz").split():
        assert namespace[name].__name__ == "tensorpack.utils." + name
    assert namespace["get_nr_gpu"] is gpu.get_num_gpu and not warnings()
