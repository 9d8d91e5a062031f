import numpy as np
import pytest
from PIL import Image

from nasstudio.cli.chart import draw_front


@pytest.mark.parametrize("n", [1, 3, 9000])
def test_that_the_front_is_drawn_in_its_colours_whatever_its_size(tmp_path, n):
    rng = np.random.default_rng(0)
    latency = np.sort(rng.uniform(0.02, 0.1, n))
    accuracy = 0.7 + latency + rng.uniform(0, 0.01, n)
    front = [int(latency.argmin()), int(accuracy.argmax())]
    path = tmp_path / "front.png"
    draw_front(
        path,
        title="A title that is as long as the names of spaces are: 20,000 networks",
        x_title="Latency (ms)",
        points=(latency, accuracy),
        front=front,
        chosen=front[:1],
        measured=[(float(latency[front[0]]), float(accuracy[front[0]]) - 0.01)],
    )
    picture = Image.open(path)
    assert picture.size == (960, 600)
    colours = {colour for _, colour in picture.getcolors(1 << 20)}
    assert (0xE6, 0x9F, 0x00) in colours  # the star
    assert (0x00, 0x9E, 0x73) in colours  # the measured square
