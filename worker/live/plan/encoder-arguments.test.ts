import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { execa } from 'execa'
import { expect, onTestFinished, test } from 'vitest'

import { runFfmpeg } from '../../../shared/testing/run-ffmpeg.ts'
import { PATIENCE_MS } from '../../../shared/testing/until.ts'
import { buildEncoderArguments } from './encoder-arguments.ts'
import { planRun } from './plan-run.ts'

/** Returns the rule of key frames of a run that is divided by time. */
function keyFrameRule(frameRate: number): string {
  const video = {
    codec: 'h264',
    pixelFormat: 'yuv420p',
    width: 160,
    height: 90,
    pixelAspect: 1,
    isInterlaced: false,
    isCopyable: true,
    frameRate,
    keyFrameTimesMs: [],
  }
  const ladder = [{ height: 90, video_kbps: 100 }]
  const conditions = { hasAudio: false, hasRegularKeyFrames: false, isAtKeyFrame: true, droppedRungs: 0 }
  const args = buildEncoderArguments(planRun({ ladder, video, ...conditions }), { format: 'flv', startOffsetMs: 0 })
  return args[args.indexOf('-force_key_frames:v:0') + 1] ?? ''
}

/** Encodes frames at these times, and returns the times of the key frames, in seconds. */
async function encodeFrames(rate: string, sec: number, isThere: string, rule: string): Promise<readonly number[]> {
  const dir = await mkdtemp(join(tmpdir(), 'tallylight-keys-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  const path = join(dir, 'frames.mp4')
  const args = [
    ['-nostdin', '-v', 'error', '-f', 'lavfi', '-i', `color=c=gray:s=160x90:r=${rate}:d=${sec}`],
    ['-vf', `select='${isThere}'`, '-fps_mode', 'vfr', '-c:v', 'libx264', '-g', '100000', '-sc_threshold', '0'],
    ['-force_key_frames:v:0', rule, path],
  ]
  await runFfmpeg('ffmpeg', args.flat(), { timeoutMs: PATIENCE_MS })
  const entries = ['-select_streams', 'v', '-show_entries', 'packet=pts_time,flags', '-of', 'csv=p=0', path]
  const { stdout } = await execa('ffprobe', ['-v', 'error', ...entries])
  const keys = stdout.split('\n').filter((line) => line.includes('K'))
  return keys.map((line) => Number(line.split(',')[0]))
}

test('after a gap one frame is a key frame, and the next one two seconds later', async () => {
  const times = await encodeFrames('30', 12, 'lt(t,2.5)+gte(t,9)', keyFrameRule(30))
  expect(times).toEqual([0, 2, 9, 11])
})

test('key frames are two seconds apart at a rate that does not divide them', async () => {
  const times = await encodeFrames('30000/1001', 7, '1', keyFrameRule(30_000 / 1001))
  expect(times.map((time) => Math.round(time * 1000))).toEqual([0, 2002, 4004, 6006])
})
