import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect, test } from 'vitest'

import { runFfmpeg } from '../../../../shared/testing/run-ffmpeg.ts'
import { PATIENCE_MS, until } from '../../../../shared/testing/until.ts'
import { TAG_TYPE, type FlvTag } from '../../flv/flv-tag.ts'
import { readAudioPayload } from '../../flv/media-payload.ts'
import { isFrame } from '../../testing/broadcast.ts'
import { makeEnhancedClip } from '../../testing/counter-clip.ts'
import { createMediaBridge } from './media-bridge.ts'

const FPS = 25
const IVF_HEADER_BYTES = 32
const IVF_FRAME_HEADER_BYTES = 12

/** Encodes frames of VP8 as a browser sends them. */
async function encodeVp8(sec: number): Promise<readonly Buffer[]> {
  const dir = await mkdtemp(join(tmpdir(), 'tallylight-vp8-'))
  const path = join(dir, 'frames.ivf')
  const input = ['-f', 'lavfi', '-i', `testsrc2=s=160x90:r=${FPS}:d=${sec}`]
  const codec = ['-c:v', 'libvpx', '-deadline', 'realtime', '-cpu-used', '8', '-auto-alt-ref', '0', '-f', 'ivf', path]
  try {
    await runFfmpeg('ffmpeg', ['-nostdin', '-v', 'error', ...input, ...codec], { timeoutMs: PATIENCE_MS })
    return readIvf(await readFile(path))
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

function readIvf(bytes: Buffer): readonly Buffer[] {
  const frames: Buffer[] = []
  for (let at = IVF_HEADER_BYTES; at < bytes.length;) {
    const begin = at + IVF_FRAME_HEADER_BYTES
    at = begin + bytes.readUInt32LE(at)
    frames.push(bytes.subarray(begin, at))
  }
  return frames
}

/** Opens a bridge of VP8; returns its tags with frames so far. */
function openBridge() {
  const tags: FlvTag[] = []
  const failures: string[] = []
  const bridge = createMediaBridge({
    codec: 'vp8',
    ffmpegPath: 'ffmpeg',
    onTag: (tag) => tags.push(tag),
    onFailure: (reason) => failures.push(reason),
  })
  const timesOf = (type: number) =>
    tags.filter((tag) => tag.type === type && isFrame(tag)).map((tag) => tag.timestampMs)
  return { bridge, failures, timesOf }
}

test('VP8 whose offered sound sends nothing has its picture, and its sound once that comes', async () => {
  const frames = await encodeVp8(3)
  const clip = await makeEnhancedClip(2, { video: 'h264', sound: 'opus' })
  const { bridge, failures, timesOf } = openBridge()
  await using _bridge = bridge
  for (const [i, data] of frames.slice(0, 50).entries()) {
    bridge.takeVideo({ timestamp: 0, isKey: i === 0, units: [data] }, 5000 + i * 40)
  }
  await until(() => timesOf(TAG_TYPE.video).length >= 40, 'the picture comes')
  expect(timesOf(TAG_TYPE.audio)).toEqual([])

  for (const { type, timestampMs, body } of clip.tags) {
    if (type !== TAG_TYPE.audio || readAudioPayload(body).kind !== 'key_frame') continue
    bridge.takeAudio(body.subarray(readAudioPayload(body).data), 7000 + timestampMs)
  }
  for (const [i, data] of frames.slice(50).entries()) {
    bridge.takeVideo({ timestamp: 0, isKey: false, units: [data] }, 7000 + i * 40)
  }
  await until(() => timesOf(TAG_TYPE.audio).length >= 50, 'the sound comes')
  await until(() => timesOf(TAG_TYPE.video).length >= 70, 'the picture goes on')
  expect(Math.abs((timesOf(TAG_TYPE.audio)[0] ?? 0) - 7000)).toBeLessThan(50)
  expect(timesOf(TAG_TYPE.video)[0]).toBe(5000)
  expect(failures).toEqual([])
})
