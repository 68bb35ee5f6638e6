import { findBoxBody, parseBoxes, requireBoxBody } from './boxes.ts'

/** A sample of a fragment; times are in units of the track's timescale. */
export type FragmentSample = {
  readonly duration: number
  readonly compositionOffset: number
  /** In bytes. */
  readonly size: number
  /** A decoder can begin with it: sample_is_non_sync_sample is 0 (ISO/IEC 14496-12 §8.8.3.1). */
  readonly isSync: boolean
}

/** The part of a movie fragment that belongs to one track. */
export type TrackFragment = {
  readonly trackId: number
  /** Decode time of its first sample, in units of the track's timescale. */
  readonly decodeTime: number
  readonly samples: readonly FragmentSample[]
  /** The same samples by where their data begins. */
  readonly runs: readonly TrackRun[]
  readonly dataBase: DataBase
}

/**
 * From where the offsets of runs count (ISO/IEC 14496-12 §8.8.7): a position in the file, the start of the moof box, or
 * the end of the data of the track fragment before; for the first one in its moof box, that box's start again.
 */
type DataBase = number | 'moof' | 'before'

/** Samples whose data lies in a row; `dataOffset` is `null` where it follows the run before. */
export type TrackRun = { readonly dataOffset: number | null; readonly samples: readonly FragmentSample[] }

/** Values for samples that have none of their own (trex, ISO/IEC 14496-12 §8.8.3). */
export type SampleDefaults = { readonly duration: number; readonly flags: number; readonly size?: number }
type FragmentDefaults = Required<SampleDefaults> & { readonly dataBase: DataBase }

/** More samples in a fragment are taken for damage: a run of 16 bytes can stand for any number of them. */
const MAX_FRAGMENT_SAMPLES = 100_000

/** More samples of a run that all are empty are taken for damage. */
const MAX_EMPTY_SAMPLES = 100

/** Flags of tfhd and trun (ISO/IEC 14496-12 §8.8.7 and §8.8.8). */
const TFHD = {
  baseDataOffset: 0x1,
  sampleDescription: 0x2,
  duration: 0x8,
  size: 0x10,
  flags: 0x20,
  defaultBaseIsMoof: 0x20000,
}
const TRUN = { dataOffset: 0x1, firstFlags: 0x4, duration: 0x100, size: 0x200, flags: 0x400, compositionOffset: 0x800 }
const NON_SYNC = 0x10000

/**
 * Reads the body of a traf box. `endBefore`: decode time of one without a tfdt box; `null`: it must have the box.
 * @throws RangeError where a box is missing or truncated, or there are more than `maxSamples`
 */
export function readTrackFragment(
  traf: Buffer,
  trackDefaults: SampleDefaults,
  endBefore: number | null = null,
  maxSamples: number = MAX_FRAGMENT_SAMPLES,
): TrackFragment {
  const tfhd = requireBoxBody(traf, 'tfhd')
  const defaults = readDefaults(tfhd, trackDefaults)
  let left = maxSamples
  const runs = parseBoxes(traf)
    .filter(({ type }) => type === 'trun')
    .map(({ body }) => {
      const run = readRun(body, defaults, left)
      left -= run.samples.length
      return run
    })
  return {
    trackId: tfhd.readUInt32BE(4),
    decodeTime: readDecodeTime(traf, endBefore),
    samples: runs.flatMap(({ samples }) => samples),
    runs,
    dataBase: defaults.dataBase,
  }
}

function readDecodeTime(traf: Buffer, endBefore: number | null): number {
  if (endBefore !== null && findBoxBody(traf, 'tfdt') === null) return endBefore
  const tfdt = requireBoxBody(traf, 'tfdt')
  return tfdt.readUInt8(0) === 1 ? Number(tfdt.readBigUInt64BE(4)) : tfdt.readUInt32BE(4)
}

function readDefaults(tfhd: Buffer, trackDefaults: SampleDefaults): FragmentDefaults {
  const boxFlags = tfhd.readUIntBE(1, 3)
  const nextField = createFieldReader(tfhd, boxFlags, 8)
  const baseAt = nextField(TFHD.baseDataOffset, 8)
  nextField(TFHD.sampleDescription)
  const durationAt = nextField(TFHD.duration)
  const sizeAt = nextField(TFHD.size)
  const flagsAt = nextField(TFHD.flags)
  const implicitBase = (boxFlags & TFHD.defaultBaseIsMoof) === 0 ? 'before' : 'moof'
  return {
    dataBase: baseAt === null ? implicitBase : Number(tfhd.readBigUInt64BE(baseAt)),
    size: sizeAt === null ? (trackDefaults.size ?? 0) : tfhd.readUInt32BE(sizeAt),
    duration: durationAt === null ? trackDefaults.duration : tfhd.readUInt32BE(durationAt),
    flags: flagsAt === null ? trackDefaults.flags : tfhd.readUInt32BE(flagsAt),
  }
}

function readRun(trun: Buffer, defaults: FragmentDefaults, maxSamples: number): TrackRun {
  const flags = trun.readUIntBE(1, 3)
  const nextField = createFieldReader(trun, flags, 8)
  const dataOffsetAt = nextField(TRUN.dataOffset)
  const firstFlagsAt = nextField(TRUN.firstFlags)
  const count = trun.readUInt32BE(4)
  const areEmpty = (flags & TRUN.size) === 0 && defaults.size === 0
  if (count > Math.min(maxSamples, areEmpty ? MAX_EMPTY_SAMPLES : Infinity)) {
    throw new RangeError('has too many samples')
  }
  const samples = Array.from({ length: count }, (_, index) => {
    const durationAt = nextField(TRUN.duration)
    const sizeAt = nextField(TRUN.size)
    const ownFlagsAt = nextField(TRUN.flags)
    const offsetAt = nextField(TRUN.compositionOffset)
    const flagsAt = index === 0 && firstFlagsAt !== null ? firstFlagsAt : ownFlagsAt
    return {
      duration: durationAt === null ? defaults.duration : trun.readUInt32BE(durationAt),
      // Offsets of version 0 are unsigned; encoders keep them below the sign bit.
      compositionOffset: offsetAt === null ? 0 : trun.readInt32BE(offsetAt),
      size: sizeAt === null ? defaults.size : trun.readUInt32BE(sizeAt),
      isSync: ((flagsAt === null ? defaults.flags : trun.readUInt32BE(flagsAt)) & NON_SYNC) === 0,
    }
  })
  return { dataOffset: dataOffsetAt === null ? null : trun.readInt32BE(dataOffsetAt), samples }
}

/** Creates a function that returns the offset of the next optional field and steps over it; `null` where it is absent. */
function createFieldReader(box: Buffer, flags: number, start: number): (flag: number, bytes?: number) => number | null {
  let at = start
  return (flag, bytes = 4) => {
    if ((flags & flag) === 0) return null
    at += bytes
    if (at > box.length) throw new RangeError('is truncated')
    return at - bytes
  }
}
