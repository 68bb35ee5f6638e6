import { bodyAt, boxesIn } from './boxes.ts'

/** When a fragment's samples are shown, before the edit list, in units of the track's timescale. */
export type FragmentSpan = { readonly start: number; readonly end: number }

/** Flags of tfhd and trun (ISO/IEC 14496-12 §8.8.7 and §8.8.8). */
const TFHD = { baseDataOffset: 0x1, sampleDescription: 0x2, sampleDuration: 0x8 }
const TRUN = { dataOffset: 0x1, firstFlags: 0x4, duration: 0x100, size: 0x200, flags: 0x400, composition: 0x800 }

/**
 * Reads the span of a movie fragment (the body of a moof box) from its samples' times: from the first that is shown
 * to the end of the last. Throws a `RangeError` where it holds no sample or is cut short.
 */
export function readFragment(moof: Buffer, trackSampleDuration: number): FragmentSpan {
  const traf = bodyAt(moof, 'traf')
  const sampleDuration = readDefaultDuration(bodyAt(traf, 'tfhd')) ?? trackSampleDuration
  const tfdt = bodyAt(traf, 'tfdt')
  let decodeTime = tfdt.readUInt8(0) === 1 ? Number(tfdt.readBigUInt64BE(4)) : tfdt.readUInt32BE(4)
  let start = Infinity
  let end = -Infinity
  for (const { body } of boxesIn(traf).filter(({ type }) => type === 'trun')) {
    for (const sample of readRun(body, sampleDuration)) {
      start = Math.min(start, decodeTime + sample.composition)
      decodeTime += sample.duration
      end = Math.max(end, decodeTime + sample.composition)
    }
  }
  if (start >= end) throw new RangeError('holds no sample')
  return { start, end }
}

function readDefaultDuration(tfhd: Buffer): number | null {
  const flags = tfhd.readUIntBE(1, 3)
  if ((flags & TFHD.sampleDuration) === 0) return null
  return tfhd.readUInt32BE(8 + (flags & TFHD.baseDataOffset ? 8 : 0) + (flags & TFHD.sampleDescription ? 4 : 0))
}

function* readRun(trun: Buffer, sampleDuration: number): Generator<{ duration: number; composition: number }> {
  const flags = trun.readUIntBE(1, 3)
  let at = 8 + (flags & TRUN.dataOffset ? 4 : 0) + (flags & TRUN.firstFlags ? 4 : 0)
  const next = (flag: number): number | null => {
    if ((flags & flag) === 0) return null
    at += 4
    return at - 4
  }
  for (let left = trun.readUInt32BE(4); left > 0; left -= 1) {
    const durationAt = next(TRUN.duration)
    next(TRUN.size)
    next(TRUN.flags)
    const compositionAt = next(TRUN.composition)
    // Version 0 has no sign; encoders that write it keep below the sign's bit.
    const composition = compositionAt === null ? 0 : trun.readInt32BE(compositionAt)
    yield { duration: durationAt === null ? sampleDuration : trun.readUInt32BE(durationAt), composition }
  }
}
