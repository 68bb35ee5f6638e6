import { parseBoxes, requireBoxBody } from './boxes.ts'

/** Composition times of a fragment's samples, before the edit list, in units of the track's timescale. */
export type FragmentSpan = { readonly start: number; readonly end: number }

/** Flags of tfhd and trun (ISO/IEC 14496-12 §8.8.7 and §8.8.8). */
const TFHD = { baseDataOffset: 0x1, sampleDescription: 0x2, sampleDuration: 0x8 }
const TRUN = { dataOffset: 0x1, firstFlags: 0x4, duration: 0x100, size: 0x200, flags: 0x400, compositionOffset: 0x800 }

/**
 * Reads the span of a movie fragment (the body of a moof box): from the earliest sample to the end of the latest.
 * @throws RangeError where it has no sample or is truncated
 */
export function readFragmentSpan(moof: Buffer, trackSampleDuration: number): FragmentSpan {
  const traf = requireBoxBody(moof, 'traf')
  const sampleDuration = readDefaultSampleDuration(requireBoxBody(traf, 'tfhd')) ?? trackSampleDuration
  const tfdt = requireBoxBody(traf, 'tfdt')
  let decodeTime = tfdt.readUInt8(0) === 1 ? Number(tfdt.readBigUInt64BE(4)) : tfdt.readUInt32BE(4)
  let start = Infinity
  let end = -Infinity
  for (const { body } of parseBoxes(traf).filter(({ type }) => type === 'trun')) {
    for (const sample of readSamples(body, sampleDuration)) {
      start = Math.min(start, decodeTime + sample.compositionOffset)
      decodeTime += sample.duration
      end = Math.max(end, decodeTime + sample.compositionOffset)
    }
  }
  if (start >= end) throw new RangeError('has no sample')
  return { start, end }
}

function readDefaultSampleDuration(tfhd: Buffer): number | null {
  const flags = tfhd.readUIntBE(1, 3)
  if ((flags & TFHD.sampleDuration) === 0) return null
  return tfhd.readUInt32BE(8 + (flags & TFHD.baseDataOffset ? 8 : 0) + (flags & TFHD.sampleDescription ? 4 : 0))
}

function* readSamples(
  trun: Buffer,
  defaultDuration: number,
): Generator<{ duration: number; compositionOffset: number }> {
  const flags = trun.readUIntBE(1, 3)
  let at = 8 + (flags & TRUN.dataOffset ? 4 : 0) + (flags & TRUN.firstFlags ? 4 : 0)
  const nextField = (flag: number): number | null => {
    if ((flags & flag) === 0) return null
    at += 4
    return at - 4
  }
  for (let remaining = trun.readUInt32BE(4); remaining > 0; remaining -= 1) {
    const durationAt = nextField(TRUN.duration)
    nextField(TRUN.size)
    nextField(TRUN.flags)
    const offsetAt = nextField(TRUN.compositionOffset)
    // Offsets of version 0 are unsigned; encoders keep them below the sign bit.
    const compositionOffset = offsetAt === null ? 0 : trun.readInt32BE(offsetAt)
    yield { duration: durationAt === null ? defaultDuration : trun.readUInt32BE(durationAt), compositionOffset }
  }
}
