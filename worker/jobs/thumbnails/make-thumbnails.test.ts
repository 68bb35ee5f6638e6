import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { describe, expect, it } from 'vitest'

import { PATIENCE_MS } from '../../../shared/testing/until.ts'
import { runProgram } from '../../platform/run-program.ts'
import { finishManifests } from '../manifests/finish-manifests.ts'
import { encodeSet } from '../manifests/testing/encoded-sets.ts'
import type { OutputPlan, OutputSet } from '../plan/output-plan.ts'
import { makeThumbnails } from './make-thumbnails.ts'

const signal = new AbortController().signal
const common = { ffmpegPath: 'ffmpeg', signal, timeoutMs: PATIENCE_MS }

async function run(program: string, args: readonly string[], cwd: string): Promise<string> {
  const result = await runProgram(program, args, { timeoutMs: PATIENCE_MS, signal, cwd })
  if (result.kind !== 'exited' || result.code !== 0) throw new Error(JSON.stringify(result))
  return result.stdout.trim()
}

/** Returns the mean luma of an image, or of a part of it, from 0 to 255. */
async function measureLuma(dir: string, name: string, crop = ''): Promise<number> {
  const filters = `${crop}format=gray,scale=1:1:flags=area,format=gray`
  const args = ['-v', 'error', '-i', `file:${name}`, '-vf', filters, '-f', 'rawvideo', 'pipe:1']
  const result = await runProgram('ffmpeg', args, { timeoutMs: PATIENCE_MS, signal, cwd: dir })
  return result.kind === 'exited' ? (result.stdout.codePointAt(0) ?? -1) : -1
}

/** Returns the SSIM of an image with the most similar frame of a source. */
async function measureSimilarity(dir: string, name: string, source: string): Promise<number> {
  const graph = `[0:v]format=yuv420p[a];[1:v]format=yuv420p[b];[a][b]ssim=f=-:repeatlast=1`
  const inputs = ['-loop', '1', '-r', '25', '-i', `file:${name}`, '-f', 'lavfi', '-i', source]
  const stats = await run('ffmpeg', ['-v', 'error', ...inputs, '-lavfi', graph, '-t', '1', '-f', 'null', '-'], dir)
  return Math.max(...Array.from(stats.matchAll(/All:([\d.]+)/g), ([, value]) => Number(value)))
}

function sizeOf(dir: string, name: string): Promise<string> {
  return run('ffprobe', ['-v', 'error', '-show_entries', 'stream=width,height', '-of', 'csv=p=0', `file:${name}`], dir)
}

/** Makes a film that is black in its first half and gray in its second, with a keyframe each second. */
async function makeFilm(name: string): Promise<AsyncDisposable & { plan: OutputPlan; set: OutputSet }> {
  const dir = await mkdtemp(join(tmpdir(), 'tallylight-film-'))
  const source = "color=black:s=64x36:r=10:d=4,drawbox=c=0x606060:t=fill:enable='gte(t,2)'"
  const args = [
    '-v',
    'error',
    '-f',
    'lavfi',
    '-i',
    source,
    '-c:v',
    'libx264',
    '-preset',
    'ultrafast',
    '-g',
    '10',
    `file:${name}`,
  ]
  await run('ffmpeg', args, dir)
  const rendition = { index: 0, width: 64, height: 36, crf: 23, kbps: null }
  const kind = { codec: 'h264', speed: 'ultrafast', fps: { num: 10, den: 1 }, gopFrames: 10 } as const
  const plan: OutputPlan = {
    container: 'mp4',
    outputType: 'single',
    video: { ...kind, renditions: [rendition], isDeinterlaced: false, isToneMapped: false },
    audio: null,
    inputHasAudio: false,
    leftOut: { video: null, audio: null },
    inputProblem: null,
    segmentSec: null,
    durationSec: 4,
    startSec: 0,
  }
  const set = { dir, files: [name], entry: name }
  return { plan, set, [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }) }
}

describe('thumbnails', () => {
  it('of a single file are named after it and show the video at their times, and the poster is not black', async () => {
    await using film = await makeFilm('my film 100%.mp4')
    const made = await makeThumbnails({ ...common, ...film })
    const names = ['my film 100%.poster.jpg', 'my film 100%.sprite_0.jpg', 'my film 100%.thumbnails.vtt']
    expect(made).toEqual({ kind: 'made', files: names })
    const { dir } = film.set
    expect((await readdir(dir)).toSorted()).toEqual(['my film 100%.mp4', ...names].toSorted())
    expect(await sizeOf(dir, names[0] ?? '')).toBe('64,36')
    expect(await measureLuma(dir, names[0] ?? '')).toBeGreaterThan(60)
    expect(await sizeOf(dir, names[1] ?? '')).toBe('640,90')
    const tiles = [0, 1, 2, 3].map((n) => measureLuma(dir, names[1] ?? '', `crop=160:90:${n * 160}:0,`))
    const lumas = await Promise.all(tiles)
    expect(lumas.map((value) => value > 60)).toEqual([false, false, true, true])
    const cues = (await readFile(join(dir, names[2] ?? ''), 'utf8')).match(/^.*#xywh=.*$/gm)
    expect(cues?.[2]).toBe('my%20film%20100%25.sprite_0.jpg#xywh=320,0,160,90')
  })

  it.each(['hls', 'cmaf', 'dash'] as const)('of a set of %s are part of it', async (container) => {
    await using made = await encodeSet({ container, heights: [180, 90], hasAudio: true, durationSec: 2 })
    const finished = await finishManifests({ ...made, signal })
    if (finished.kind === 'broken') throw new Error(finished.issue.message)
    const thumbnails = await makeThumbnails({ ...common, plan: made.plan, set: finished.set })
    expect(thumbnails).toEqual({ kind: 'made', files: ['poster.jpg', 'sprite_0.jpg', 'thumbnails.vtt'] })
    expect(await sizeOf(made.dir, 'poster.jpg')).toBe('320,180')
    expect(await measureSimilarity(made.dir, 'poster.jpg', 'testsrc2=s=320x180:r=25:d=1')).toBeGreaterThan(0.8)
    expect(await sizeOf(made.dir, 'sprite_0.jpg')).toBe('320,90')
  })

  it('leave no file where one of them fails', async () => {
    await using made = await encodeSet({ container: 'hls', heights: [180, 90], hasAudio: false, durationSec: 1 })
    const finished = await finishManifests({ ...made, signal })
    if (finished.kind === 'broken') throw new Error(finished.issue.message)
    await rm(join(made.dir, 'stream_1.m3u8'))
    const before = await readdir(made.dir)
    const thumbnails = await makeThumbnails({ ...common, plan: made.plan, set: finished.set })
    expect(thumbnails).toMatchObject({ kind: 'failed', error: expect.stringContaining('stream_1.m3u8') })
    expect(await readdir(made.dir)).toEqual(before)
  })

  it('do not exist for an output without video', async () => {
    await using film = await makeFilm('film.mp4')
    const plan = { ...film.plan, video: null }
    expect(await makeThumbnails({ ...common, plan, set: film.set })).toEqual({ kind: 'made', files: [] })
  })

  it.each([
    ['ffmpeg is missing', { ffmpegPath: '/nowhere/ffmpeg' }, 'ffmpeg missing'],
    ['the time limit is reached', { timeoutMs: 0 }, 'ffmpeg timed out'],
    ['the job is aborted', { signal: AbortSignal.abort() }, 'ffmpeg aborted'],
  ])('fail without an exception, and leave nothing, where %s', async (_, options, error) => {
    await using film = await makeFilm('film.mp4')
    const made = await makeThumbnails({ ...common, ...film, ...options })
    expect(made).toEqual({ kind: 'failed', error: `making thumbnails failed: ${error}` })
    expect(await readdir(film.set.dir)).toEqual(['film.mp4'])
  })
})
