"""Published look-up tables, made as the published code asks for them."""

from dataclasses import dataclass

import msgspec
import numpy as np
import pytest

from nasstudio.engine.space.families import build, preset


@dataclass
class OnceForAll:
    """The space of a width, and the keys that OFA's `MBv3LatencyTable` asks for of a network of it."""

    space: object

    def keys(self, genome):
        """In the order of `predict_network_latency_given_config`."""
        values = self.space.values(genome)
        options, channels = self.space.options, self.space.stem_channels
        image = int(values["resolution"])
        size = (image + 1) // 2
        keys = [f"Conv-input:{image}x{image}x3-output:{size}x{size}x{channels}"]
        keys.append(self._block(size, size, channels, channels, channels, 3, 1, se=0, hs=0, skip=1))
        for s, stage in enumerate(options.stages, start=1):
            (out,) = self.space.stage_channels[s - 1]
            for b in range(1, int(values[f"stage{s}.depth"]) + 1):
                stride = stage.stride if b == 1 else 1
                after = int((size - 1) / stride + 1)
                middle = round(channels * values[f"stage{s}.block{b}.expand"])
                middle = max(8, int(middle + 4) // 8 * 8)
                keys.append(
                    self._block(
                        size,
                        after,
                        channels,
                        out,
                        middle,
                        int(values[f"stage{s}.block{b}.kernel"]),
                        stride,
                        se=int(stage.se),
                        hs=int(stage.act == "hswish"),
                        skip=int(stride == 1 and channels == out),
                    )
                )
                size, channels = after, out
        last, mix = self.space.head_channels
        return [
            *keys,
            f"Conv_1-input:{size}x{size}x{channels}-output:{size}x{size}x{last}",
            f"AvgPool2D-input:{size}x{size}x{last}-output:1x1x{last}",
            f"Conv_2-input:1x1x{last}-output:1x1x{mix}",
            f"Logits-input:1x1x{mix}-output:1000",
        ]

    @staticmethod
    def _block(size, after, channels, out, middle, kernel, stride, *, se, hs, skip):
        return (
            f"expanded_conv-input:{size}x{size}x{channels}-output:{after}x{after}x{out}-expand:{middle}"
            f"-kernel:{kernel}-stride:{stride}-idskip:{skip}-se:{se}-hs:{hs}"
        )

    def at(self, resolution, rng, n=400):
        """Genomes of one resolution."""
        population = self.space.sample(n, rng)
        population[:, 0] = self.space.options.resolution.index(resolution)
        return np.concatenate([population, self._ends(population[0, 0])])

    def _ends(self, resolution):
        """Networks that have every layer of a resolution among them."""
        many = []
        for index in range(max(self.space.cardinalities)):
            genome = np.minimum(self.space.cardinalities - 1, index)
            genome[0] = resolution
            for column, gene in enumerate(self.space.genes):
                if gene.kind == "depth":
                    genome[column] = len(gene) - 1
            for other in range(max(self.space.cardinalities)):
                turned = genome.copy()
                for column, gene in enumerate(self.space.genes):
                    if gene.kind == "kernel":
                        turned[column] = min(other, len(gene) - 1)
                many.append(turned)
        return self.space.canonical(np.array(many, dtype=np.int16))


@pytest.fixture(scope="session", params=[1.0, 1.2])
def once_for_all(request):
    document = preset("ofa_mbv3")
    options = dict(document.options, width_mult=request.param)
    return OnceForAll(build(msgspec.structs.replace(document, options=options)))


@pytest.fixture
def yaml_of():
    """yaml_of(keys, rng) -> (mean of each key, the file that holds them)."""

    def make(keys, rng):
        means = {key: float(rng.uniform(0.05, 3)) for key in dict.fromkeys(keys)}
        lines = [f"{k}: {{count: 50, mean: {m!r}, std: {m / 50!r}}}" for k, m in means.items()]
        return means, "\n".join(lines) + "\n"

    return make
