/**
 * Measures whether the two fields of a picture's frames were taken at the same moment.
 *
 * Frames are woven anew from a field of one frame and the other field of the frame before. Where something moves, a weave
 * of fields that are further apart in time has stronger combs. In a progressive picture, both new weaves are worse than
 * the frames themselves. In an interlaced one, the weave of two fields that follow each other is as good. What does not
 * move adds the same to all three, unlike in ffmpeg's filter idet, which takes steady vertical movement for combs.
 */
import { PROGRAM_LIMITS } from '../platform/program-limits.ts'
import { runProgram, type ProgramOptions } from '../platform/run-program.ts'
import type { SampledPicture } from './frame-samples.ts'
import { INPUT_OPTIONS, toInputUrl } from './media-input.ts'
import type { CombExcess } from './scan-type.ts'

/** Frames that are compared at each place. */
const COMPARED_FRAMES = 12
/** The middle of a wide picture shows as much as all of it. */
const MAX_WIDTH = 720
/** Differences of each line from its two neighbours. */
const COMBS = "convolution=0m='0 -1 0 0 2 0 0 -1 0':0rdiv=1:0bias=0"
/** Weaves that are right where the top field comes first, and where the bottom field does. */
const WEAVES = { top: 'phase=mode=t', bottom: 'phase=mode=b' }

/** Returns for each place how much stronger the combs of both weaves are; none where ffmpeg fails. */
export async function measureCombs(
  ffmpegPath: string,
  { path, index, places }: SampledPicture,
  options: ProgramOptions,
): Promise<readonly CombExcess[]> {
  const inputs = places.flatMap((sec) => {
    const seek = sec === null ? [] : ['-noaccurate_seek', '-ss', sec.toFixed(3)]
    return [...INPUT_OPTIONS, '-noautorotate', ...seek, '-i', toInputUrl(path)]
  })
  const graph = places.map((_, place) => buildGraph(place, index)).join(';')
  const outputs = places.flatMap((_, place) => ['-map', `[o${place}]`, '-f', 'null', '-'])
  const args = ['-nostdin', '-hide_banner', '-v', 'error', ...inputs, '-filter_complex', graph, ...outputs]
  const result = await runProgram(ffmpegPath, args, { ...options, limits: PROGRAM_LIMITS.probe })
  return result.kind === 'exited' ? places.flatMap((_, place) => readExcess(result.stdout, place)) : []
}

/** Builds the filters of one place: the combs of the frames and of both weaves become the planes of one picture. */
function buildGraph(place: number, index: number): string {
  const pad = (name: string) => `[${name}${place}]`
  return [
    `[${place}:${index}]trim=end_frame=${COMPARED_FRAMES},crop=w='min(iw,${MAX_WIDTH})':h=ih,format=gray,split=3${pad('a')}${pad('b')}${pad('c')}`,
    `${pad('a')}${COMBS}${pad('x')}`,
    `${pad('b')}${WEAVES.top},${COMBS}${pad('y')}`,
    `${pad('c')}${WEAVES.bottom},${COMBS}${pad('z')}`,
    `${pad('x')}${pad('y')}${pad('z')}mergeplanes=0x001020:yuv444p,signalstats,${buildReport(place)}${pad('o')}`,
  ].join(';')
}

/** Builds the filter that prints a frame's averages. Without `direct`, the lines of the places would be mixed. */
function buildReport(place: number): string {
  return `metadata=mode=add:key=place:value=${place},metadata=mode=print:file=-:direct=1`
}

/** Reads the averages of a place from the report of all, without those of the first frame: no frame is before it. */
function readExcess(report: string, place: number): CombExcess[] {
  const frames = report.split(/^frame:/m).filter((frame) => new RegExp(`^place=${place}$`, 'm').test(frame))
  const averages = frames.slice(1).map((frame) => {
    const read = (plane: string) => Number(new RegExp(`signalstats\\.${plane}AVG=([\\d.]+)`).exec(frame)?.[1] ?? 0)
    return { top: read('U') - read('Y'), bottom: read('V') - read('Y') }
  })
  if (averages.length === 0) return []
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  return [{ top: mean(averages.map(({ top }) => top)), bottom: mean(averages.map(({ bottom }) => bottom)) }]
}
