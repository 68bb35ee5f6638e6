import type { Stream } from '../store/streams.ts'

/** The path of playlists, segments and posters of broadcasts. They need no header, since players carry none. */
export const LIVE_PATH = '/live'

/** Where a broadcast plays for one viewer, and where its newest picture is; `null`: there is nothing yet. */
export type PlaybackAddresses = { readonly playbackUrl: string | null; readonly posterUrl: string | null }

/**
 * Returns the address of the newest picture of a broadcast, which lies where its segments are read: below `filesUrl`, or at
 * the gateway itself where that is `null`. Returns `null` where there is no picture.
 */
export function posterUrlOf(
  { folder, poster }: Pick<Stream, 'folder' | 'poster'>,
  filesUrl: string | null,
): string | null {
  return poster === null ? null : `${filesUrl ?? ''}/${folder}poster-${poster}.jpg`
}
