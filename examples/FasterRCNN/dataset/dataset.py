"""What a data set must offer, and the registry of data sets by name."""

__all__ = ["DatasetRegistry", "DatasetSplit"]


class DatasetSplit:
    """Images with annotations: override what is needed. Registering makes none; it is made when it is asked for."""

    def training_roidbs(self):
        """A list with a dict for each image.

        - `file_name`: str.
        - `boxes`: float32 [k, 4], (x1, y1, x2, y2). (0, 0) is the upper left corner of the first pixel, so that a box around
          the whole image is [0, 0, width, height]. With `DATA.ABSOLUTE_COORD=False` they are fractions of the size.
        - `class`: int [k], in 1 ... number of classes.
        - `is_crowd`: int or bool [k].
        - `segmentation`, with `MODE_MASK`: a list of k elements, each a list of polygons, float [n, 2] of (x, y); or an RLE of
          COCO (dict with `size`, `counts`); or a mask, [height, width]. Crowds may have None.
        """
        raise NotImplementedError("{}: training needs training_roidbs()".format(type(self).__name__))

    def inference_roidbs(self):
        """A list of dicts, each with `file_name` and `image_id`."""
        raise NotImplementedError("{}: evaluation needs inference_roidbs()".format(type(self).__name__))

    def eval_inference_results(self, results, output=None):
        """{name: float} that tell how good results are.

        Args:
            results: a list of dicts, one for each detected instance: `image_id`, `category_id` (1 ...), `bbox` (x1, y1, x2,
                y2), `score`, and with masks `segmentation`, a compressed RLE of COCO with text as `counts`. May be changed.
            output: a file to save them to, as JSON.
        """
        raise NotImplementedError("{}: evaluation needs eval_inference_results()".format(type(self).__name__))

    def statistics_names(self, with_masks):
        """The names that `eval_inference_results` gives, which are 0 where nothing is detected; may be empty."""
        return []


class DatasetRegistry:
    """Functions that make a DatasetSplit, and metadata, by the name of the split.

    The metadata `class_names` is required: a list of str, of which the first one is 'BG', the background.
    """

    _factories = {}
    _metadata = {}

    @staticmethod
    def register(name, func):
        """`func` takes no argument and returns a DatasetSplit.

        Raises:
            AssertionError: the name is registered already.
        """
        assert name not in DatasetRegistry._factories, "dataset {} is registered already".format(name)
        DatasetRegistry._factories[name] = func

    @staticmethod
    def get(name):
        """What the function registered under this name returns.

        Raises:
            AssertionError: there is none.
        """
        assert name in DatasetRegistry._factories, _unknown(name)
        return DatasetRegistry._factories[name]()

    @staticmethod
    def register_metadata(name, key, value):
        DatasetRegistry._metadata.setdefault(name, {})[key] = value

    @staticmethod
    def get_metadata(name, key):
        """
        Raises:
            KeyError: the name or the key is not known.
        """
        if name not in DatasetRegistry._metadata:
            raise KeyError(_unknown(name))
        return DatasetRegistry._metadata[name][key]


def _unknown(name):
    return "dataset {!r} is not registered; there are {}".format(name, ", ".join(sorted(DatasetRegistry._metadata)))
