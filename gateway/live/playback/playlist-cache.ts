import { createByteCache } from '../../media/byte-cache.ts'
import { formatMedia } from './playlist.ts'
import type { PlaylistWindow } from './playlist-window.ts'

/** The media playlists that viewers have read, as bytes: many viewers read each one between two changes. */
export type PlaylistCache = {
  /** Returns the playlist of a rendition as `formatMedia` does. */
  format(window: PlaylistWindow, request: PlaylistRequest): Uint8Array<ArrayBuffer>
}

/** Which playlist of a broadcast is requested; a request may name any rung. */
export type PlaylistRequest = { readonly streamId: string; readonly rung: string; readonly isDelta: boolean }

/** Bytes of all kept playlists. */
const MAX_BYTES = 64 * 1024 * 1024

type KeptPlaylist = { readonly version: string; readonly bytes: Uint8Array<ArrayBuffer> }

/** Creates an empty cache. It keeps the newest version of a playlist, and the oldest ones leave it first. */
export function createPlaylistCache(): PlaylistCache {
  const kept = createByteCache<KeptPlaylist>(MAX_BYTES, ({ bytes }) => bytes.length)
  const versionOf = createVersions()
  const encoder = new TextEncoder()
  return {
    format(window, { streamId, rung, isDelta }) {
      const key = `${streamId} ${rung} ${isDelta} ${window.isRecording}`
      const version = versionOf(window)
      const known = kept.get(key)
      if (known?.version === version) return known.bytes
      const bytes = encoder.encode(formatMedia(window, rung, isDelta))
      kept.keep(key, { version, bytes })
      return bytes
    },
  }
}

/**
 * Returns a function that names what a window shows: two windows of one broadcast with the same name show the same. Lists
 * of a window are replaced by others and never changed, so that a number for each is enough.
 */
function createVersions(): (window: PlaylistWindow) => string {
  const numbers = new WeakMap<object, number>()
  let last = 0
  function numberOf(list: object | null): number {
    if (list === null) return 0
    const number = numbers.get(list) ?? ++last
    numbers.set(list, number)
    return number
  }
  return ({ segments, isRecording, runs, end, parts, hasEnded, filesBase, partsBase }) => {
    const shown = [numberOf(segments), isRecording, numberOf(runs), numberOf(parts), hasEnded, filesBase, partsBase]
    return [...shown, end?.session, end?.atMs].join(' ')
  }
}
