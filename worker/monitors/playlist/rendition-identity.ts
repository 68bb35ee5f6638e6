import type { RenditionChoice, StreamRendition } from '../stream.ts'

/** Returns a text that is the same for the same rendition: those of an MPD share its URL. */
export function identifyRendition({ url, representation }: StreamRendition): string {
  return JSON.stringify([url, representation?.id, representation?.tracks, representation?.server ?? 0])
}

/** Returns a text that is the same for choices of the same renditions. */
export function identifyChoice(choice: RenditionChoice): string {
  return choice.map(identifyRendition).join('\n')
}
