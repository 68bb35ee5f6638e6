import { describe, expect, it } from 'vitest'

import { createPacketCollector, type VideoPacketsResult } from './video-packets.ts'

/** Returns the result of ffprobe's lines for packets of `pts,dts,flags`. */
function collect(packets: readonly string[], clock = '1/1000'): VideoPacketsResult {
  const lines = packets.map((packet) => {
    const [pts, dts, flags] = packet.split(',')
    return `packet,${pts},${dts},40,${flags}`
  })
  const collector = createPacketCollector()
  for (const line of [...lines, `stream,${clock}`]) collector.addLine(line)
  return collector.finish()
}

const GOOD = ['0,-80,K_', '80,-40,__', '40,0,__', '120,40,K_']

it('timestamps are read to the tick, with keyframes and the packets that an edit list hides', () => {
  const result = collect(['-40,-80,KD', ...GOOD.slice(1)])
  expect(result).toMatchObject({ kind: 'ok', track: { timeBase: { num: 1, den: 1000 } } })
  if (result.kind !== 'ok') return
  expect(result.track.packets[0]).toEqual({ pts: -40, dts: -80, duration: 40, isKey: true, isHidden: true })
  expect(result.track.packets).toHaveLength(4)
})

it('decoding times that are missing at the beginning are filled in', () => {
  const result = collect(['0,N/A,K_', '80,N/A,__', '40,0,__'])
  expect(result).toMatchObject({ kind: 'ok', track: { packets: [{ dts: -2 }, { dts: -1 }, { dts: 0 }] } })
})

describe('a track is unusable for pieces', () => {
  it.each([
    ['where a packet has no time', ['0,0,K_', 'N/A,40,__']],
    ['where one has no decoding time', ['0,0,K_', '40,N/A,__', '80,80,__']],
    ['where two have the same time', ['0,0,K_', '0,40,__']],
    ['where decoding times fall', ['0,0,K_', '80,40,__', '40,20,__']],
    ['where the clock jumps ahead', ['0,0,K_', '10000,10000,K_']],
    ['where frames are hidden in the middle', ['0,0,K_', '40,40,_D', '80,80,__']],
    ['where there is no packet', []],
  ])('%s', (_, packets) => {
    expect(collect(packets)).toMatchObject({ kind: 'unusable' })
  })

  it('where a tick is not a whole part of a second', () => {
    expect(collect(GOOD, '1001/30000')).toMatchObject({ kind: 'unusable' })
  })
})
