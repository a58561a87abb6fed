"""A tone for tests: as G.711, and how much of some sound it is."""

import math
from collections.abc import Sequence

TONE_HZ = 1_000
LOOP_PACKETS = 10  # 0.2 s: a whole number of periods


def mulaw_tone() -> tuple[bytes, ...]:
    """A tone of 1 kHz at half the full scale, in packets of 20 ms of G.711 mu-law at 8 kHz."""
    samples = [round(16_000 * math.sin(2 * math.pi * TONE_HZ * n / 8_000)) for n in range(160 * LOOP_PACKETS)]
    coded = bytes(map(_mulaw, samples))
    return tuple(coded[at : at + 160] for at in range(0, len(coded), 160))


def share_of_tone(samples: Sequence[float], rate: int, tone_hz: int = TONE_HZ) -> float:
    """The part of the power of `samples` that lies at `tone_hz`, from 0 to 1 (Goertzel's filter, whole periods)."""
    count = len(samples) // (rate // tone_hz) * (rate // tone_hz)
    step = 2 * math.pi * tone_hz / rate
    real = sum(samples[n] * math.cos(step * n) for n in range(count))
    imaginary = sum(samples[n] * math.sin(step * n) for n in range(count))
    power = sum(sample * sample for sample in samples[:count])
    return 2 * (real * real + imaginary * imaginary) / (count * power) if power else 0.0


def _mulaw(sample: int) -> int:
    """One sample of 16 bits as G.711 says (ITU-T G.711, table 2a)."""
    sign, magnitude = (0x80, -sample) if sample < 0 else (0, sample)
    magnitude = min(magnitude, 32_635) + 0x84
    exponent = magnitude.bit_length() - 8
    return ~(sign | exponent << 4 | magnitude >> (exponent + 3) & 0x0F) & 0xFF
