"""The sentence: speaking it, reading what was heard, and how alike the two are."""
import array
import cmath
import math
import operator
import subprocess
import sys
import wave
from itertools import accumulate

SENTENCE = "If you succeed, you will soon bask in glory."

RATE = 8000        # samples/s at which sounds are compared: the band of speech
POINT = 16         # samples of one point of the envelope: 2 ms
FRAME = 256        # samples of one spectrum: 32 ms
HOP = 80           # samples from one spectrum to the next: 10 ms
EARLIEST = -0.25   # seconds by which the recording may begin after the sentence
LATEST = 2.0       # seconds by which the sentence may begin after the recording
BANDS = (150, 300, 450, 620, 800, 1000, 1250, 1500, 1800, 2150, 2600, 3100, 3700)  # edges in Hz
FLOOR = 1e-4       # energy, as part of the loudest, below which all is silence
BLOCKS = " ▁▂▃▄▅▆▇█"

WORDS = (
    (0.95, "every syllable is there; what differs is the voice codec's work"),
    (0.75, "the same sentence, with damage that can be heard"),
    (0.40, "scraps of the sentence"),
    (-1.0, "not the sentence that was spoken"),
)
ALIKE = 0.75  # less than this and the sentence counts as not heard


def speak(path):
    """Makes the WAV of the sentence; its length in seconds."""
    subprocess.run(["espeak-ng", "-v", "en", "-s", "150", "-w", path, SENTENCE], check=True,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    return duration(path)


def duration(path):
    with wave.open(str(path)) as sound:
        return sound.getnframes() / sound.getframerate()


def read(path):
    """The samples of a 16-bit mono WAV, at RATE."""
    with wave.open(str(path)) as sound:
        if sound.getnchannels() != 1 or sound.getsampwidth() != 2:
            raise ValueError(f"{path}: not 16-bit mono")
        samples = array.array("h", sound.readframes(sound.getnframes()))
        rate = sound.getframerate()
    if sys.byteorder == "big":
        samples.byteswap()
    return _at_rate(samples, rate)


def _at_rate(samples, rate):
    """Each new sample is the mean of the old ones in its time."""
    sums = [0, *accumulate(samples)]
    step = rate / RATE

    def area(position):
        whole = int(position)
        rest = position - whole
        return sums[whole] + (samples[whole] * rest if rest else 0)

    count = int(len(samples) / step)
    edges = [area(min(i * step, len(samples))) for i in range(count + 1)]
    return [(b - a) / step for a, b in zip(edges, edges[1:])]


def _envelope(samples):
    """Loudness every 2 ms, without its mean."""
    points = [math.sqrt(sum(map(operator.mul, part, part)) / POINT)
              for part in (samples[i:i + POINT] for i in range(0, len(samples) - POINT + 1, POINT))]
    mean = sum(points) / len(points) if points else 0.0
    return [point - mean for point in points]


def _lag(sent, heard):
    """By how many samples the sentence begins later in the recording, from the envelopes."""
    a, b = _envelope(sent), _envelope(heard)

    def match(lag):
        return sum(map(operator.mul, a[max(0, -lag):], b[max(0, lag):]))

    lags = range(int(EARLIEST * RATE / POINT), int(LATEST * RATE / POINT))
    return max(lags, key=match) * POINT


def _fft(values):
    if len(values) == 1:
        return values
    even, odd = _fft(values[::2]), _fft(values[1::2])
    turned = [cmath.exp(-2j * cmath.pi * k / len(values)) * odd[k] for k in range(len(odd))]
    return ([e + t for e, t in zip(even, turned)] + [e - t for e, t in zip(even, turned)])


WINDOW = [0.5 - 0.5 * math.cos(2 * math.pi * i / FRAME) for i in range(FRAME)]


def _band_energies(samples):
    """The energy in each band of FRAME samples."""
    spectrum = _fft([s * w for s, w in zip(samples, WINDOW)])
    bins = [round(edge * FRAME / RATE) for edge in BANDS]
    return [sum(abs(c) ** 2 for c in spectrum[low:high]) for low, high in zip(bins, bins[1:])]


def _spectrogram(samples, start, frames):
    """Loudness in decibels by band and time, without each band's mean, as one long list."""
    energies = []
    for i in range(frames):
        part = samples[max(0, start + i * HOP):max(0, start + i * HOP + FRAME)]
        energies.append(_band_energies(part + [0.0] * (FRAME - len(part))))
    floor = max(map(max, energies)) * FLOOR or 1.0
    bands = [[10 * math.log10(max(energy, floor)) for energy in band] for band in zip(*energies)]
    return [level - sum(band) / len(band) for band in bands for level in band]


def _correlation(a, b):
    scale = math.sqrt(sum(map(operator.mul, a, a)) * sum(map(operator.mul, b, b)))
    return sum(map(operator.mul, a, b)) / scale if scale else 0.0


def likeness(sent, heard):
    """1 = the same sound, about 0 = another one.

    The two are laid over each other where their loudness fits best; then the loudness in twelve
    bands of pitch, a hundred times a second, is compared: how well that of one tells the other's
    (Pearson's correlation). Volume and delay do not count.
    """
    frames = (len(sent) - FRAME) // HOP
    if frames < 1 or len(heard) < FRAME:
        return 0.0
    lag = _lag(sent, heard)
    return _correlation(_spectrogram(sent, 0, frames), _spectrogram(heard, lag, frames))


def in_words(value):
    return next(words for least, words in WORDS if value >= least)


def draw(samples, columns=60):
    """The loudness over time, as a line of blocks."""
    width = max(1, len(samples) // columns)
    peaks = [max(map(abs, samples[i:i + width]), default=0)
             for i in range(0, min(len(samples), width * columns), width)]
    top = max(peaks, default=0) or 1
    return "".join(BLOCKS[math.ceil(peak / top * (len(BLOCKS) - 1))] for peak in peaks)
