import type { MediaPacket } from '../../media/demux/media-packet.ts'
import type { TrackKind } from '../stream.ts'
import type { DetectionSpan } from './findings.ts'
import { createPictureMeter, type PictureValue } from './picture-meter.ts'
import type { FrameHandlers, PacketBatch } from './running-decoder.ts'
import { createSoundMeter, type SoundMeter } from './sound-meter.ts'

/** A decoded picture; `isLate`: it belongs to an earlier segment, whose analysis did not wait for it. */
export type DecodedPicture = PictureValue & { readonly packet: MediaPacket; readonly isLate: boolean }

/** What was decoded of a segment, and of the end of the one before it. */
export type DecodedFrames = {
  readonly pictures: readonly DecodedPicture[]
  readonly soundFrames: number
  readonly silentSpans: readonly DetectionSpan[]
}

/** Measures the frames of a rendition's decoders, segment by segment. */
export type FrameCollector = {
  readonly handlers: FrameHandlers
  /** Begins a segment; frames of other packets are late. */
  begin(batch: PacketBatch): void
  frames(): DecodedFrames
  /** Returns a point to which `restore` goes back. */
  save(): SavedMeasures
  /** Takes back what was measured of these tracks since a point, also if that lies before the current segment. */
  restore(saved: SavedMeasures, tracks: readonly TrackKind[]): void
}

/** `pictures`: how many there were. */
export type SavedMeasures = { readonly restoreMeter: () => void; readonly pictures: number }

/** Creates a collector for one rendition. */
export function createFrameCollector(silenceDb: number): FrameCollector {
  const pictureMeter = createPictureMeter()
  let soundMeter: SoundMeter = createSoundMeter(silenceDb)
  let own = new Set<MediaPacket>()
  let durations = new Map<MediaPacket, number>()
  let pictures: DecodedPicture[] = []
  let soundFrames = 0

  return {
    handlers: {
      onPicture(packet, blackPercent, small) {
        pictures.push({ ...pictureMeter.measure(blackPercent, small, packet.isKey), packet, isLate: !own.has(packet) })
      },
      onSound(packet, samples) {
        const durationSec = durations.get(packet)
        // A late frame of sound changes nothing: the segment before it has been judged up to its end.
        if (durationSec === undefined) return
        soundFrames++
        soundMeter.measure({ sec: packet.sec, durationSec }, samples)
      },
    },
    begin({ picture, sound }) {
      own = new Set(picture)
      durations = measureDurations(sound)
      pictures = []
      soundFrames = 0
      soundMeter = createSoundMeter(silenceDb)
    },
    frames: () => ({ pictures, soundFrames, silentSpans: soundMeter.findSilentSpans() }),
    save: () => ({ restoreMeter: pictureMeter.save(), pictures: pictures.length }),
    restore(saved, tracks) {
      if (tracks.includes('picture')) {
        saved.restoreMeter()
        pictures = pictures.slice(0, saved.pictures)
      }
      if (tracks.includes('sound')) {
        soundMeter = createSoundMeter(silenceDb)
        soundFrames = 0
      }
    },
  }
}

/** Returns how long each packet of sound lasts: until the next one, unless that is far off. */
function measureDurations(packets: readonly MediaPacket[]): Map<MediaPacket, number> {
  const steps = packets.map(({ sec }, index) => (packets[index + 1]?.sec ?? sec) - sec)
  const usual = steps.slice(0, -1).toSorted((a, b) => a - b)[(steps.length - 1) >> 1] ?? 0
  return new Map(
    packets.map((packet, index) => {
      const step = steps[index] ?? usual
      return [packet, step > 0 && step <= 2 * usual ? step : usual]
    }),
  )
}
