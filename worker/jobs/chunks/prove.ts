import { INPUT_OPTIONS, inputUrl } from '../../platform/media-input.ts'
import { runProgram } from '../../platform/run-program.ts'
import { HEADROOM_SEC } from './fragments.ts'
import type { Cut } from './grid.ts'
import type { Picture } from './picture.ts'

type Border = {
  readonly cut: Cut
  readonly piecePath: string
  readonly sourcePath: string
  /** Of the track in the source. */
  readonly index: number
  /** Where the source's clock begins. */
  readonly startSec: number
  readonly picture: Picture
}

type Tool = { readonly ffmpegPath: string; readonly timeoutMs: number; readonly signal: AbortSignal }

/**
 * Whether a decoder that begins with a piece's key frame shows the very pictures that one shows which comes from further
 * before: both decode up to the chunk's first frames, and those are compared. A key frame need not be one from which
 * everything behind it can be decoded (open GOPs, periodic intra refresh, writers that mark too many frames as key).
 */
export async function isBorderProven(border: Border, tool: Tool): Promise<boolean> {
  const { cut, index, picture, startSec } = border
  const { packets, timeBase } = picture
  const ticks = timeBase.den
  const shift = HEADROOM_SEC * ticks
  const earlier = packets.findLast(({ isKey }, place) => isKey && place < cut.firstPacket)
  if (earlier === undefined) return false
  const earlierSec = (earlier.dts - 1) / ticks - startSec
  const seek = earlierSec > 0 ? ['-ss', earlierSec.toFixed(6)] : []
  const inSource = { path: border.sourcePath, seek, index, ticks, endPts: cut.seam.endPts }
  const inPiece = { path: border.piecePath, seek: [], index: 0, ticks, endPts: cut.seam.endPts + shift }
  const expected = await framesUntil(inSource, tool)
  const got = await framesUntil(inPiece, tool)

  const camePast = [...expected.keys()].some((pts) => pts < (packets[cut.firstPacket]?.pts ?? 0))
  const compared = [...expected].filter(([pts]) => pts >= cut.seam.fromPts)
  return camePast && compared.length > 0 && compared.every(([pts, digest]) => got.get(pts + shift) === digest)
}

type Stretch = {
  readonly path: string
  readonly seek: readonly string[]
  readonly index: number
  readonly ticks: number
  readonly endPts: number
}

/** Decodes up to a time, and gives a digest of each picture by its time in ticks; none where it cannot be decoded. */
async function framesUntil({ path, seek, index, ticks, endPts }: Stretch, { ffmpegPath, ...options }: Tool) {
  const args = [
    ['-nostdin', '-hide_banner', '-v', 'error', ...INPUT_OPTIONS, '-copyts', ...seek, '-i', inputUrl(path)],
    ['-map', `0:${index}`, '-vf', `trim=end_pts=${endPts}`, '-fps_mode', 'passthrough'],
    ['-enc_time_base', `1/${ticks}`, '-f', 'framemd5', 'pipe:1'],
  ]
  const result = await runProgram(ffmpegPath, args.flat(), options)
  const lines = result.kind === 'exited' && result.code === 0 ? result.stdout.split('\n') : []
  return new Map(lines.flatMap(toFrame))
}

/** A line of ffmpeg's `framemd5` is `STREAM, DTS, PTS, DURATION, SIZE, DIGEST`; others begin with `#`. */
function toFrame(line: string): [number, string][] {
  const [, , pts, , , digest] = line.split(',').map((field) => field.trim())
  return digest === undefined || line.startsWith('#') ? [] : [[Number(pts), digest]]
}
