import type { DetectionSpan } from './findings.ts'

/** Finds the silent spans of one segment, by its decoded frames in order. */
export type SoundMeter = {
  /** Takes a frame: when it begins, how long it lasts, and its interleaved samples of 16 bits. */
  measure(frame: { readonly sec: number; readonly durationSec: number }, samples: Int16Array): void
  /** Returns the spans so far. One that no louder sample ended extends to infinity. */
  findSilentSpans(): readonly DetectionSpan[]
}

/** Longer than a low tone stays near zero, and short enough to keep a piece that a segment border cuts off. */
const MIN_SILENT_SEC = 0.02
const FULL_SCALE = 32_768

/** Creates a meter for one segment. Silent is where no sample of any channel is louder than `thresholdDb`. */
export function createSoundMeter(thresholdDb: number): SoundMeter {
  const limit = FULL_SCALE * 10 ** (thresholdDb / 20)
  const spans: DetectionSpan[] = []
  let silentFromSec: number | null = null
  let endSec = 0

  function end(sec: number): void {
    if (silentFromSec !== null && sec - silentFromSec >= MIN_SILENT_SEC) {
      spans.push({ fromSec: silentFromSec, toSec: sec })
    }
    silentFromSec = null
  }

  return {
    measure({ sec, durationSec }, samples) {
      const secPerSample = durationSec / samples.length
      for (let i = 0; i < samples.length; i++) {
        const sample = samples[i] ?? 0
        if (sample <= limit && sample >= -limit) silentFromSec ??= sec + i * secPerSample
        else if (silentFromSec !== null) end(sec + i * secPerSample)
      }
      endSec = sec + durationSec
    },
    findSilentSpans() {
      const isOpen = silentFromSec !== null && endSec - silentFromSec >= MIN_SILENT_SEC
      return isOpen ? [...spans, { fromSec: silentFromSec ?? 0, toSec: Infinity }] : spans
    },
  }
}
