import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { runFfmpeg } from '../../shared/testing/run-ffmpeg.ts'
import { PATIENCE_MS } from '../../shared/testing/until.ts'
import { probeMedia } from './ffprobe.ts'
import type { ProbedMedia } from './probed-media.ts'

/** What only decoding shows about the tracks and the picture of real files. */

let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tallylight-inspect-'))
})
afterAll(() => rm(dir, { recursive: true, force: true }))

async function makeFile(name: string, sources: readonly string[], ...args: readonly string[]): Promise<string> {
  const inputs = sources.flatMap((source) => ['-f', 'lavfi', '-i', source])
  const maps = sources.flatMap((_, i) => ['-map', String(i)])
  const all = ['-nostdin', '-v', 'error', ...inputs, ...maps, ...args, name]
  await runFfmpeg('ffmpeg', all, { timeoutMs: PATIENCE_MS, cwd: dir })
  return join(dir, name)
}

async function probeFile(path: string): Promise<ProbedMedia> {
  const options = { timeoutMs: PATIENCE_MS, signal: new AbortController().signal }
  const result = await probeMedia('ffprobe', path, options)
  if (result.kind !== 'ok') throw new Error(result.reason)
  return result.probe
}

function reasonsOf({ tracks }: ProbedMedia): (string | null)[] {
  return tracks.filter(({ isChosen }) => !isChosen).map(({ reason }) => reason)
}

const PICTURE = 'testsrc2=s=64x64:r=25:d=0.4'
const X264 = ['-c:v', 'libx264', '-preset', 'ultrafast']

describe('the tracks that are chosen', () => {
  test('of a transport stream are those of one program', async () => {
    const louder = 'aevalsrc=0|0|0|0|0|0:c=5.1:d=0.4'
    const programs = ['-program', 'title=one:st=0:st=1', '-program', 'title=two:st=2:st=3']
    const codecs = [...X264, '-c:a', 'ac3', ...programs]
    const probe = await probeFile(await makeFile('two.ts', [PICTURE, 'sine=d=0.4', PICTURE, louder], ...codecs))
    expect(probe).toMatchObject({ video: { index: 0 }, audio: { index: 1 } })
    expect(reasonsOf(probe)).toEqual(['it belongs to another program', 'it belongs to another program'])
  })

  test.each([
    ['apac', 'which ffmpeg does not know'],
    ['mhm1', 'for which there is no decoder'],
  ])('hold no sound of a codec (%s) %s', async (code) => {
    const sounds = ['aevalsrc=0|0|0|0:c=4.0:d=0.4', 'sine=d=0.4']
    const path = await makeFile(
      `${code}.mov`,
      [PICTURE, ...sounds],
      ...X264,
      '-c:a',
      'aac',
      '-disposition:a',
      'default',
    )
    const bytes = await readFile(path)
    bytes.write(code, bytes.indexOf('mp4a', bytes.indexOf('stsd', bytes.indexOf('SoundHandler'))))
    bytes.write('skip', bytes.indexOf('esds'))
    await writeFile(path, bytes)
    const probe = await probeFile(path)
    expect(probe).toMatchObject({ video: { index: 0 }, audio: { index: 2 } })
    expect(reasonsOf(probe)).toEqual([expect.stringContaining('the sound has a codec that cannot be decoded')])
  })

  test('hold no track without packets, also in a file that is longer than its first packets', async () => {
    const sources = ['testsrc2=s=64x64:r=25:d=30', 'sine=d=30', 'aevalsrc=0|0|0|0:c=4.0:d=30']
    const empty = ['-c:a', 'aac', '-bsf:a:1', 'noise=drop=1', '-disposition:a', '0']
    const probe = await probeFile(await makeFile('empty.mkv', sources, ...X264, ...empty))
    expect(probe.audio?.index).toBe(1)
    expect(reasonsOf(probe)).toEqual(['the sound has no packets'])
  })

  test('are a picture alone where nothing of the sound can be decoded', async () => {
    const path = await makeFile('alone.mov', [PICTURE, 'sine=d=0.4'], ...X264, '-c:a', 'aac')
    const bytes = await readFile(path)
    bytes.write('apac', bytes.indexOf('mp4a', bytes.indexOf('SoundHandler')))
    bytes.write('skip', bytes.indexOf('esds'))
    await writeFile(path, bytes)
    expect(await probeFile(path)).toMatchObject({ audio: null, problems: { audio: { kind: 'useless' } } })
  })
})

describe('a picture is interlaced', () => {
  const FIELDS = 'testsrc2=s=720x576:r=50:d=0.4,interlace=scan=bff'
  const FRAMES = 'testsrc2=s=720x576:r=25:d=0.4'
  const DV = ['-c:v', 'dvvideo', '-pix_fmt', 'yuv420p']

  const INTERLACED = { isInterlaced: true, fieldOrder: 'bottom' }
  const PROGRESSIVE = { isInterlaced: false, fieldOrder: null }
  const STILL = 'smptebars=s=720x576:r=25:d=0.4'
  const MARKED = ['-vf', 'setfield=tff', '-c:v', 'mjpeg']

  test.each([
    ['as its frames say, though its header says nothing (DV in AVI)', ['dv.avi', FIELDS, ...DV], INTERLACED],
    ['as its frames say, though its header says otherwise (DV in MOV)', ['dv.mov', FIELDS, ...DV], INTERLACED],
    ['by its content, though nothing says so (a capture)', ['capture.mkv', FIELDS, '-c:v', 'ffv1'], INTERLACED],
    ['not by its header alone, where its frames are progressive', ['header.mov', FRAMES, ...MARKED], PROGRESSIVE],
    ['not by its frames alone, where its content is progressive', ['frames.mov', FRAMES, ...DV], PROGRESSIVE],
    ['as its frames say, where nothing moves', ['still.avi', STILL, ...DV], { isInterlaced: true, fieldOrder: null }],
  ])('%s', async (_, [name = '', source = '', ...codec], expected) => {
    expect((await probeFile(await makeFile(name, [source], ...codec))).video).toMatchObject(expected)
  })
})

/** Returns an MPEG-2 stream whose progressive frames are shown at 29.97 with 3:2 pulldown (ISO/IEC 13818-2 §6.2.3.1). */
function pullDown(stream: Buffer): Buffer {
  const bytes = Buffer.from(stream)
  const NTSC = 4
  let frame = 0
  for (let at = bytes.indexOf('000001', 'hex'); at !== -1; at = bytes.indexOf('000001', at + 3, 'hex')) {
    const [code, extension] = [bytes[at + 3], (bytes[at + 4] ?? 0) >> 4]
    const set = (offset: number, mask: number, bits: number) => {
      bytes[at + offset] = ((bytes[at + offset] ?? 0) & ~mask) | bits
    }
    if (code === 0xb3) set(7, 0x0f, NTSC)
    if (code === 0xb5 && extension === 1) set(5, 0x08, 0)
    if (code !== 0xb5 || extension !== 8) continue
    // top_field_first, repeat_first_field, progressive_frame
    set(7, 0x82, (frame % 4 < 2 ? 0x80 : 0) | (frame % 2 === 0 ? 0x02 : 0))
    set(8, 0x80, 0x80)
    frame += 1
  }
  return bytes
}

test('a film that is shown at 29.97 by repeated fields has the rate at which it was filmed', async () => {
  const film = await makeFile('film.m2v', ['testsrc2=s=64x64:r=24000/1001:d=2'], '-c:v', 'mpeg2video', '-bf', '0')
  await writeFile(join(dir, 'shown.m2v'), pullDown(await readFile(film)))
  const { video } = await probeFile(join(dir, 'shown.m2v'))
  expect(video).toMatchObject({ fps: { num: 24_000, den: 1001 }, rateOfTimes: { num: 24_000, den: 1001 } })
})
