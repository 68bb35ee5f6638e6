import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'

import { execa } from 'execa'
import * as v from 'valibot'

import { SEGMENT_SEC } from '../../../shared/contract/live.ts'
import { createTemporaryFolder } from '../../demo/demo-gateway.ts'
import { startFileEncoder } from '../testing/encoder.ts'
import { downloadLadder } from './download-ladder.ts'
import { createBroadcast, startProduct } from './product.ts'
import { readMediaPlaylist } from './publishing.ts'
import { isSo, type CheckedFigure } from '../../testing/checked-figure.ts'
import { makeSourceClip } from './source-clip.ts'
import { waitUntil } from './wait-until.ts'

/** The program that validates, in a process of its own, because the gateway imports no worker code. */
const VALIDATE = ['--import', 'tsx', 'worker/testing/validate-ladder.ts']
const FPS = 30
/** Segments that are validated. */
const SEGMENTS = 5
const DEFAULT_HEIGHTS = [1080, 720, 480, 360]

const LadderVerdict = v.object({
  findings: v.array(v.string()),
  rungs: v.array(
    v.object({
      height: v.number(),
      bandwidth: v.number(),
      peak: v.number(),
      segments: v.array(v.object({ startSec: v.number(), durationSec: v.number() })),
    }),
  ),
})
type LadderVerdict = v.InferOutput<typeof LadderVerdict>

/** Validates the ladders of a source of 1080 lines and of one of 360, as jobs validate their output. */
export async function checkLadder(signal: AbortSignal): Promise<readonly CheckedFigure[]> {
  return [...(await check(1080, 5000, signal)), ...(await check(360, 800, signal))]
}

async function check(height: number, kbps: number, signal: AbortSignal): Promise<readonly CheckedFigure[]> {
  await using folder = await createTemporaryFolder()
  const clip = await makeSourceClip(folder.path, { height, fps: FPS, kbps, sec: 20 })
  await using product = await startProduct(signal)
  const broadcast = await createBroadcast(product)
  await using _encoder = startFileEncoder(clip, broadcast.url)
  const dir = join(folder.path, 'ladder')
  await mkdir(dir)
  const hasEnough = async () => ((await readMediaPlaylist(broadcast))?.segments.length ?? 0) > SEGMENTS + 1
  await waitUntil(hasEnough, { what: `${SEGMENTS} segments`, sec: 120, signal })
  await downloadLadder(broadcast, dir, SEGMENTS)
  const { stdout } = await execa(process.execPath, [...VALIDATE, dir, String(FPS)], { cancelSignal: signal })
  return describeVerdict(height, v.parse(v.pipe(v.string(), v.parseJson(), LadderVerdict), stdout))
}

function describeVerdict(height: number, { findings, rungs }: LadderVerdict): readonly CheckedFigure[] {
  const heights = rungs.map((rung) => rung.height)
  const wanted = DEFAULT_HEIGHTS.filter((one) => one <= height)
  const durations = rungs.flatMap(({ segments }) => segments.map(({ durationSec }) => durationSec))
  const offSec = Math.max(...durations.map((sec) => Math.abs(sec - SEGMENT_SEC)))
  const tooLow = rungs.filter(({ bandwidth, peak }) => peak > bandwidth)
  const rates = rungs.map(({ bandwidth, peak }) => `${Math.round(peak / 1000)}/${Math.round(bandwidth / 1000)}`)
  return [
    isSo(`${height}p: rungs ${heights.join(' ')}`, wanted.join(' '), heights.join() === wanted.join()),
    isSo(`segments off by ${(offSec * 1000).toFixed(1)} ms`, '2.000 s ± 1 frame', offSec <= 1 / FPS),
    isSo(`peak/BANDWIDTH ${rates.join(' ')} kbit/s`, 'peak ≤ BANDWIDTH', tooLow.length === 0),
    isSo(
      `${rungs[0]?.segments.length ?? 0} segments a rung: ${findings.join(', ') || 'no finding'}`,
      'validated: key frames, alignment, CODECS, sync, decoding',
      findings.length === 0,
    ),
  ]
}
