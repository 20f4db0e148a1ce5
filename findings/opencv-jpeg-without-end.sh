#!/bin/sh
# A JPEG that lacks its end (an interrupted copy or download): since OpenCV 4.11 cv2.imdecode gives None for it, while cv2.imread
# of the same bytes decodes what is there, as both did up to 4.10. A pipeline that decodes bytes, and drops what gives None, has
# fewer images after the update, and says nothing.
# Answered by: a flow whose function gives None drops the datapoint (docs/tutorial/dataflow.md); look at what yours gives.
. "$(dirname "$0")/lib/finding.sh"
cat > "$FOLDER/decode.py" <<'END'
import cv2
import numpy as np

rng = np.random.RandomState(0)
image = cv2.resize(rng.randint(0, 256, (12, 16, 3)).astype("uint8"), (160, 120), interpolation=cv2.INTER_CUBIC)
data = cv2.imencode(".jpg", image)[1].tobytes()[:-100]
with open("image.jpg", "wb") as f:
    f.write(data)


def shape(decoded):
    return None if decoded is None else decoded.shape


print("opencv {}: imread {}, imdecode {}".format(cv2.__version__, shape(cv2.imread("image.jpg")),
                                                 shape(cv2.imdecode(np.frombuffer(data, "uint8"), cv2.IMREAD_COLOR))))
END
for version in 4.10.0.84 4.11.0.86 4.14.0.94 5.0.0.93; do
    environment "opencv-$version" "opencv-python-headless==$version" numpy==2.2.6
    observe "opencv-$version" < "$FOLDER/decode.py"
done
expect <<'END'
opencv 4.10.0: imread (120, 160, 3), imdecode (120, 160, 3)
opencv 4.11.0: imread (120, 160, 3), imdecode None
opencv 4.14.0: imread (120, 160, 3), imdecode None
opencv 5.0.0: imread (120, 160, 3), imdecode None
END
