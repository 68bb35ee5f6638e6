import { join } from 'node:path'

import type { Container } from '../../../shared/contract/presets.ts'

/** An input of ffmpeg or ffprobe: its arguments, and the text that they read from stdin. */
export type FfmpegInput = { readonly args: readonly string[]; readonly stdin: string }

/** ffmpeg's demuxer of each container. Naming it prevents ffmpeg from probing, and from reading media as a playlist. */
const DEMUXERS = { mp4: 'mov', hls: 'mpegts', dash: 'mov', cmaf: 'mov' } as const satisfies Record<Container, string>

/** Returns a single MP4 file as input. Its path is absolute: a name may begin with a dash or look like a protocol. */
export function fileInput(dir: string, name: string): FfmpegInput {
  return { args: ['-protocol_whitelist', 'file', '-f', DEMUXERS.mp4, '-i', `file:${join(dir, name)}`], stdin: '' }
}

/**
 * Returns files of a set as one concatenated input; packet positions continue across files. The list is read from stdin
 * (`concatf`): as one argument it would be too long. Names of the layout need no escaping there.
 */
export function concatInput(container: Container, names: readonly string[]): FfmpegInput {
  const args = ['-protocol_whitelist', 'concatf,file,pipe', '-f', DEMUXERS[container], '-i', 'concatf:pipe:0']
  return { args, stdin: names.map((name) => `file:${name}\n`).join('') }
}

/** Returns the entry of a set as input, as a player opens it; it may refer to files only. */
export function entryInput(dir: string, entry: string): FfmpegInput {
  const format = entry.endsWith('.mpd') ? ['-f', 'dash'] : ['-allowed_extensions', 'ALL', '-f', 'hls']
  // The DASH demuxer needs an absolute path.
  return { args: ['-protocol_whitelist', 'file', ...format, '-i', join(dir, entry)], stdin: '' }
}
