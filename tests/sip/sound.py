"""Tones in WAV files: what a phone says, and how much of it another one heard."""

from __future__ import annotations

import array
import math
import wave
from pathlib import Path

RATE = 8000
LOUD = 8000
LONGEST_S = 30


def write_tone(file: Path, hz: int) -> None:
    samples = array.array("h", (round(LOUD * math.sin(math.tau * hz * n / RATE)) for n in range(RATE)))
    with wave.open(str(file), "wb") as sound:
        sound.setparams((1, 2, RATE, 0, "NONE", ""))
        sound.writeframes(samples.tobytes() * LONGEST_S)


def seconds_of_tone(file: Path, hz: int) -> float:
    """For how long a tone is heard, tenth by tenth of a second, at half of what was said at least."""
    with wave.open(str(file), "rb") as sound:
        assert sound.getnchannels() == 1
        assert sound.getframerate() == RATE
        samples = array.array("h", sound.readframes(sound.getnframes()))
    step = RATE // 10
    parts = (samples[first : first + step] for first in range(0, len(samples) - step + 1, step))
    return sum(_loudness(part, hz) > LOUD / 2 for part in parts) / 10


def _loudness(samples: array.array[int], hz: int) -> float:
    """The amplitude of one frequency, by Goertzel's algorithm."""
    turn = 2 * math.cos(math.tau * hz / RATE)
    one = two = 0.0
    for sample in samples:
        one, two = sample + turn * one - two, one
    return 2 * math.sqrt(max(one * one + two * two - turn * one * two, 0)) / len(samples)
