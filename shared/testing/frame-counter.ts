/** Pictures that carry their frame number, so that a lost or doubled frame is seen. */

import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { execa } from 'execa'

import { PATIENCE_MS } from './until.ts'

/** Bits of the frame number in the picture. */
export const COUNTER_BITS = 14

/**
 * Returns the squares of the frame number: bit k is white where it is set. Sizes are shares of the picture's height, so
 * that every rung can be read.
 */
export function describeSquare(bit: number, height: number) {
  const unit = height / 180
  return { x: Math.round((10 + bit * 21) * unit), y: Math.round(10 * unit), size: Math.round(18 * unit) }
}

/** Returns the filters of ffmpeg that draw the frame number, which begins at `first`, into a picture of this height. */
export function counterFilters(height: number, first = 0): string {
  return Array.from({ length: COUNTER_BITS }, (_, bit) => drawBit(bit, height, first)).join(',')
}

function drawBit(bit: number, height: number, first: number): string {
  const { x, y, size } = describeSquare(bit, height)
  const box = `drawbox=x=${x}:y=${y}:w=${size}:h=${size}:t=fill`
  return `${box}:c=black,${box}:c=white:enable='gte(mod(floor((n+${first})/pow(2,${bit})),2),1)'`
}

/**
 * Decodes a file or a URL and returns the numbers in its frames, whose picture is `height` lines high and 16:9.
 * @throws Error where ffmpeg reports any error
 */
export async function readFrameNumbers(source: string, height: number): Promise<number[]> {
  const dir = await mkdtemp(join(tmpdir(), 'tallylight-frames-'))
  try {
    const pixels = await decodeSquares(source, join(dir, 'squares.gray'), height)
    const width = Math.round((height * 16) / 9)
    return Array.from({ length: pixels.length / width }, (_, frame) => readNumber(pixels, frame * width, height))
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

/** Returns one row of pixels of each frame, through the middle of the squares. */
async function decodeSquares(source: string, path: string, height: number): Promise<Buffer> {
  const { y, size } = describeSquare(0, height)
  const filter = `format=gray,crop=iw:1:0:${y + Math.floor(size / 2)}`
  const args = ['-nostdin', '-v', 'error', '-xerror', '-i', source, '-vf', filter, '-fps_mode', 'passthrough']
  const result = await execa('ffmpeg', [...args, '-f', 'rawvideo', '-y', path], { timeout: PATIENCE_MS, reject: false })
  if (result.failed || result.stderr !== '') throw new Error(`not decoded: ${result.stderr || result.shortMessage}`)
  return readFile(path)
}

function readNumber(pixels: Buffer, start: number, height: number): number {
  return Array.from({ length: COUNTER_BITS }, (_, bit) => {
    const { x, size } = describeSquare(bit, height)
    return (pixels[start + x + Math.floor(size / 2)] ?? 0) > 128 ? 2 ** bit : 0
  }).reduce((number, value) => number + value, 0)
}
