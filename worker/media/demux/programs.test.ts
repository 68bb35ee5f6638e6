import { readFile, rm } from 'node:fs/promises'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { runFfmpeg } from '../../../shared/testing/run-ffmpeg.ts'
import { PATIENCE_MS } from '../../../shared/testing/until.ts'
import { demuxTransportStream } from './transport-stream.ts'

const PACKET_BYTES = 188
/** PIDs of the maps of the first two programs. */
const MAP_PIDS = [0x1000, 0x1001] as const

/** The streams of two channels, by which a program is put together. */
const STREAMS = { wide: 0, low: 1, narrow: 2, high: 3 } as const
type StreamName = keyof typeof STREAMS

let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tallylight-programs-'))
})
afterAll(() => rm(dir, { recursive: true }))

/** Makes a second of transport stream with these programs. */
async function makePrograms(...programs: readonly (readonly StreamName[])[]): Promise<Buffer> {
  const path = join(dir, 'programs.ts')
  const used = Object.keys(STREAMS).filter((name) => programs.flat().some((each) => each === name))
  const place = (name: StreamName) => `st=${used.indexOf(name)}`
  const inputs = ['testsrc2=s=320x180:r=10:d=1', 'sine=r=32000:d=1', 'testsrc2=s=160x90:r=10:d=1', 'sine=r=48000:d=1']
  const args = [
    ['-nostdin', '-v', 'error', '-y', ...inputs.flatMap((input) => ['-f', 'lavfi', '-i', input])],
    used.flatMap((name) => ['-map', `${STREAMS[name as StreamName]}:0`]),
    ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '10', '-c:a', 'aac'],
    programs.flatMap((names, index) => ['-program', [`program_num=${index + 1}`, ...names.map(place)].join(':')]),
    ['-f', 'mpegts', path],
  ].flat()
  await runFfmpeg('ffmpeg', args, { timeoutMs: PATIENCE_MS })
  return await readFile(path)
}

function listPackets(bytes: Buffer): Buffer[] {
  return Array.from({ length: bytes.length / PACKET_BYTES }, (_, i) =>
    bytes.subarray(PACKET_BYTES * i, PACKET_BYTES * (i + 1)),
  )
}

const pidOf = (packet: Buffer) => packet.readUInt16BE(1) & 0x1fff

/** Returns the widths of a segment's pictures and the sample rates of its sound, each once, with the number of pictures. */
function summarize(bytes: Buffer, before: Parameters<typeof demuxTransportStream>[1] = null) {
  const { picture, sound, context } = demuxTransportStream(bytes, before)
  const widths = new Set(picture.packets.map(({ format }) => format.width))
  const rates = new Set(sound.packets.map(({ format }) => format.sampleRate))
  return { found: { widths: [...widths], rates: [...rates], pictures: picture.packets.length }, sound, context }
}

describe('of several programs', () => {
  const first = { widths: [320], rates: [32_000], pictures: 10 }

  test('the first with a picture is read, with its own sound', async () => {
    const bytes = await makePrograms(['wide', 'low'], ['narrow', 'high'])
    expect(summarize(bytes).found).toEqual(first)
    expect(summarize(await makePrograms(['low'], ['narrow', 'high'])).found).toEqual({
      widths: [160],
      rates: [48_000],
      pictures: 10,
    })
    expect(summarize(await makePrograms(['low'], ['high'])).found).toEqual({ widths: [], rates: [32_000], pictures: 0 })
  })

  test('the sound of another one is not that of a picture without sound', async () => {
    const { found, sound } = summarize(await makePrograms(['wide'], ['narrow', 'high']))
    expect(found).toEqual({ widths: [320], rates: [], pictures: 10 })
    expect(sound.isDeclared).toBe(false)
  })

  test('the same one is read where the map of another one comes first, and later without tables', async () => {
    const bytes = await makePrograms(['wide', 'low'], ['narrow', 'high'])
    const swapped = listPackets(bytes).map((packet) => {
      const place = MAP_PIDS.findIndex((pid) => pid === pidOf(packet))
      if (place < 0) return packet
      const other = listPackets(bytes).find((each) => pidOf(each) === MAP_PIDS[1 - place])
      return other ?? packet
    })
    const isTable = (packet: Buffer) => [0, ...MAP_PIDS].includes(pidOf(packet))
    // The second program begins before the map of the first one.
    const media = swapped.filter((packet) => !isTable(packet))
    const [association, second, ...rest] = swapped.filter(isTable)
    const late = Buffer.concat(
      [association, second, ...media.slice(0, 30), ...rest, ...media].filter((each) => each !== undefined),
    )
    const { found, context } = summarize(late)
    expect(found).toEqual(first)
    expect(summarize(Buffer.concat(media), context).found).toEqual(first)
    expect(summarize(late, context).found).toMatchObject({ widths: [320], rates: [32_000] })
  })
})
