import { join } from 'node:path'

import type { Container } from '../../../shared/contract/presets.ts'

/** What a program reads: the arguments, and the text on its stdin that they refer to. */
export type Input = { readonly args: readonly string[]; readonly stdin: string }

/** ffmpeg's demuxer of a container, named so that it never guesses and takes nothing for a playlist. */
const MEDIA_FORMAT = { mp4: 'mov', hls: 'mpegts', dash: 'mov', cmaf: 'mov' } as const satisfies Record<
  Container,
  string
>

/** The one file, by its whole path: a name may begin with a dash or look like a protocol. */
export function fileInput(dir: string, name: string): Input {
  return { args: ['-protocol_whitelist', 'file', '-f', MEDIA_FORMAT.mp4, '-i', `file:${join(dir, name)}`], stdin: '' }
}

/**
 * Files of a set, one after the other as if they were one: positions count on from file to file. The list goes through
 * stdin (`concatf`), for as one argument it would be too long. The names are relative to the program's folder and are
 * those of the layout, without a character that the list could take for its own.
 */
export function partsInput(container: Container, names: readonly string[]): Input {
  const args = ['-protocol_whitelist', 'concatf,file,pipe', '-f', MEDIA_FORMAT[container], '-i', 'concatf:pipe:0']
  return { args, stdin: names.map((name) => `file:${name}\n`).join('') }
}

/** The entry of a set as a player opens it: all that it refers to are files. The DASH demuxer wants the whole path. */
export function entryInput(dir: string, entry: string): Input {
  const format = entry.endsWith('.mpd') ? ['-f', 'dash'] : ['-allowed_extensions', 'ALL', '-f', 'hls']
  return { args: ['-protocol_whitelist', 'file', ...format, '-i', join(dir, entry)], stdin: '' }
}
